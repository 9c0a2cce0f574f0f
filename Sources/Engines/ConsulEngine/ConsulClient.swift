import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOSSL

/// Consul's HTTP API, as far as it is used here: each call has a bound, and a failure says what was asked.
struct ConsulClient: Sendable {
  let address: ConsulAddress
  private let http: HTTPClient

  /// The largest answer that is read, in bytes: some ten thousand instances.
  static let greatestAnswer = 8 << 20

  /// - Throws: ``ConsulError`` when the file of certificates cannot be read.
  init(_ address: ConsulAddress, _ group: any EventLoopGroup) throws {
    self.address = address
    // Another address than the configured one has no business with the token.
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    // A blocking query is silent for minutes; every call brings its own bound.
    configuration.timeout = .init(connect: .seconds(2), read: nil)
    // Each watch holds a connection, and none shall wait for another's. Consul itself takes 200 from one address.
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 150
    // A refusal is an answer: pauses between attempts are ours.
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.httpVersion = .http1Only
    if let file = address.certificates {
      var tls = TLSConfiguration.makeClientConfiguration()
      do {
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
      } catch {
        throw ConsulError(.malformed, "CONSUL_CACERT: the certificates in \(file) cannot be read: \(error)")
      }
      configuration.tlsConfiguration = tls
    }
    http = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
  }

  func shutdown() async throws { try await http.shutdown() }

  struct Answer: Sendable {
    var status: Int
    /// `X-Consul-Index`.
    var index: UInt64?
    /// Whether something was left out because the token may not see it; older versions do not say.
    var isFiltered = false
    var body: ByteBuffer

    /// - Throws: ``ConsulError`` where it is no such thing.
    func decode<Value: Decodable>(_ type: Value.Type, of what: String) throws -> Value {
      do { return try JSONDecoder().decode(type, from: Data(buffer: body)) } catch {
        throw ConsulError(.malformed, "\(what): the answer is not what Consul's API describes: \(error)")
      }
    }
  }

  enum Verb: String { case get = "GET", put = "PUT", delete = "DELETE" }

  /// - Parameters:
  ///   - missing: Whether 404 is an answer, too.
  ///   - timeout: For the whole of it.
  /// - Throws: ``ConsulError``, `CancellationError`.
  func send(
    _ verb: Verb, _ path: String, _ query: [(String, String)] = [], body: Data? = nil,
    missing: Bool = false, timeout: Duration
  ) async throws -> Answer {
    let answer: Answer
    do {
      answer = try await within(timeout) { try await exchange(verb, path, query, body, timeout) }
    } catch let error as ConsulError { throw error } catch {
      try Task.checkCancellation()
      throw ConsulError(.unreachable, "\(verb.rawValue) \(path) at \(address): \(Self.reason(error))")
    }
    switch answer.status {
    case 200..<300: return answer
    case 404 where missing: return answer
    case 401, 403: throw ConsulError(.denied, "\(verb.rawValue) \(path) at \(address): \(answer.text)")
    default: throw ConsulError(.refused, "\(verb.rawValue) \(path) at \(address): \(answer.status) \(answer.text)")
    }
  }

  private func exchange(
    _ verb: Verb, _ path: String, _ query: [(String, String)], _ body: Data?, _ timeout: Duration
  ) async throws -> Answer {
    var url = URLComponents()
    url.path = path
    if !query.isEmpty { url.queryItems = query.map { URLQueryItem(name: $0, value: $1) } }
    guard let target = url.string else { throw ConsulError(.malformed, "\(path) is no path") }
    var request = HTTPClientRequest(url: "\(address)\(target)")
    request.method = .init(rawValue: verb.rawValue)
    if let token = address.token { request.headers.add(name: "x-consul-token", value: token.secret) }
    if let body {
      request.headers.add(name: "content-type", value: "application/json")
      request.body = .bytes(ByteBuffer(data: body))
    }
    let response = try await http.execute(request, timeout: .nanoseconds(Int64(timeout / .nanoseconds(1))))
    return Answer(
      status: Int(response.status.code), index: response.headers.first(name: "x-consul-index").flatMap(UInt64.init),
      isFiltered: response.headers.first(name: "x-consul-results-filtered-by-acls") == "true",
      body: try await response.body.collect(upTo: Self.greatestAnswer))
  }

  private static func reason(_ error: any Error) -> String {
    if error is TimedOut { return "no answer in time" }
    if error is NIOTooManyBytesError { return "the answer is over \(greatestAnswer) bytes" }
    switch error as? HTTPClientError {
    case .deadlineExceeded, .readTimeout: return "no answer in time"
    case .connectTimeout: return "no connection in time"
    case .remoteConnectionClosed: return "the connection was closed"
    default: return "\(error)"
    }
  }
}

extension ConsulClient.Answer {
  /// What Consul says of an error: plain text, of which the beginning is enough.
  fileprivate var text: String {
    String(decoding: body.readableBytesView.prefix(300), as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

private struct TimedOut: Error {}

/// The client's own bound ends with the answer's head; this one is for all of it.
private func within<Result: Sendable>(
  _ timeout: Duration, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
  try await withThrowingTaskGroup(of: Result.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: timeout)
      throw TimedOut()
    }
    defer { group.cancelAll() }
    guard let result = try await group.next() else { throw CancellationError() }
    return result
  }
}
