public import AsyncHTTPClient
import Foundation
public import GravityContracts
import GravityTelemetry
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOPosix
import ServiceContextModule

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Calls declared endpoints of one service: `try await auth(AuthAPI.login, .init(email: …, password: …))`.
///
/// Requests go round the instances that the registry knows; the trace, the request id and the time-out travel along. An
/// instance that cannot be reached is left alone for a while, and the request goes to another; one that was sent and not
/// answered does so only if it may be done twice (RFC 9110 §9.2.2).
///
/// The HTTP client is to fail at once when it cannot connect (`retryConnectionEstablishment` false): trying again is
/// done here, at another instance.
public struct EndpointClient: Sendable {
  private let http: HTTPClient
  private let instances: InstanceSet
  private let scheme: String
  private let token: @Sendable () async throws -> String?
  private let refused: (@Sendable (String) -> Void)?

  /// - Parameters:
  ///   - scheme: Of `Authorization` (RFC 9110 §11.1).
  ///   - token: What stands behind it in the next request, or nil for none.
  ///   - refused: Told of a token that was answered 401. The request is then made once more with another token; where
  ///     this is nil, that answer is final.
  public init(
    http: HTTPClient, instances: InstanceSet, scheme: String = "Bearer",
    token: @escaping @Sendable () async throws -> String? = { nil },
    refused: (@Sendable (String) -> Void)? = nil
  ) {
    self.http = http
    self.instances = instances
    self.scheme = scheme
    self.token = token
    self.refused = refused
  }

  /// The largest reply that is read, in bytes.
  public static let greatestReply = 8 << 20

  /// - Parameters:
  ///   - timeout: Until the reply's head is there; its body is bounded by the client's own read time-out.
  ///   - idempotencyKey: For endpoints that take `Idempotency-Key`; what bears one may be done twice.
  /// - Throws: the server's ``Problem``; ``NoInstance``; AsyncHTTPClient's error when no reply came in time.
  public func callAsFunction<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ input: Request, timeout: Duration = .seconds(5),
    idempotencyKey: String? = nil
  ) async throws -> Response {
    let span = ServiceContext.current?.span?.child("\(endpoint.method.rawValue) \(endpoint.path)", kind: .client)
    defer { span?.end() }
    span?.set("http.request.method", .string(endpoint.method.rawValue))
    span?.set("url.template", .string(endpoint.path))
    span?.set("peer.service", .string(instances.service))
    do {
      return try await call(endpoint, input, timeout: timeout, idempotencyKey, span)
    } catch let error as Problem {
      // An answer, and told as such.
      throw error
    } catch {
      span?.fail(error)
      throw error
    }
  }

  private func call<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ input: Request, timeout: Duration, _ idempotencyKey: String?,
    _ span: Span?
  ) async throws -> Response {
    var parts = try RequestParts(endpoint, input)
    parts.idempotencyKey = idempotencyKey
    let (status, body) = try await send(parts, endpoint.method, until: .now + timeout, span)
    span?.set("http.response.status_code", .int(status))
    if status >= 500 { span?.fail("\(status)") }
    let decoder = WireFormat.makeDecoder()
    guard status < 400 else {
      if let problem = try? decoder.decode(Problem.self, from: body) { throw problem }
      if endpoint.errors == .oauth, let error = try? decoder.decode(OAuthRefusal.self, from: body) {
        throw Problem(
          status, ProblemCode(rawValue: error.error),
          error.errorDescription ?? "\(instances.service) answered \(status)")
      }
      throw Problem(status, "upstream", "\(instances.service) answered \(status)")
    }
    if let empty = Empty() as? Response { return empty }
    return try decoder.decode(Response.self, from: body)
  }

  /// Asks one instance after the other until one answers: again after a failure only what was never sent, or what may
  /// be done twice.
  private func send(
    _ parts: RequestParts, _ method: Method, until deadline: ContinuousClock.Instant, _ span: Span?
  ) async throws -> (status: Int, body: ByteBuffer) {
    var tried: Set<String> = []
    var pause = Self.firstPause
    var isRenewed = false
    while true {
      guard let instance = instances.next(excluding: tried) ?? instances.next() else {
        throw NoInstance(service: instances.service)
      }
      // What keeps us from a token says nothing of the instance.
      let given = try await token()
      do {
        let answer = try await exchange(parts, method, given, with: instance, until: deadline, span)
        instances.answered(instance)
        // Nothing was done: the token may have been revoked since it was issued.
        if answer.status == 401, let given, let refused, !isRenewed, Self.refusesToken(answer.body) {
          refused(given)
          isRenewed = true
          continue
        }
        return answer
      } catch {
        guard !Task.isCancelled else { throw error }
        instances.failed(instance)
        guard
          error.isBeforeSending || ((method.isIdempotent || parts.idempotencyKey != nil) && error.isBrokenConnection)
        else { throw error }
        tried.insert(instance.id)
        if instances.next(excluding: tried) != nil { continue }
        // Each was asked: it may be that all of them are just starting.
        guard ContinuousClock.now + pause < deadline else { throw error }
        try await Task.sleep(for: pause)
        pause = min(pause * 2, Self.longestPause)
        tried = []
      }
    }
  }

  /// Whether a 401 is about the token, and not about what the request itself asks for, such as an API key.
  private static func refusesToken(_ body: ByteBuffer) -> Bool {
    let problem = try? WireFormat.makeDecoder().decode(Problem.self, from: body)
    return problem.map { ["token_expired", "token_revoked", "invalid_token"].contains($0.code.rawValue) } ?? false
  }

  private static let firstPause: Duration = .milliseconds(20)
  private static let longestPause: Duration = .milliseconds(500)

  private func exchange(
    _ parts: RequestParts, _ method: Method, _ token: String?, with instance: ServiceInstance,
    until deadline: ContinuousClock.Instant, _ span: Span?
  ) async throws -> (status: Int, body: ByteBuffer) {
    var request = HTTPClientRequest(url: instance.baseURL + parts.target)
    request.method = .init(rawValue: method.rawValue)
    if let body = parts.body {
      request.headers.add(name: "content-type", value: parts.contentType)
      request.body = .bytes(ByteBuffer(data: body))
    }
    if let key = parts.idempotencyKey { request.headers.add(name: "idempotency-key", value: key) }
    if let token { request.headers.add(name: "authorization", value: "\(scheme) \(token)") }
    let left = max(.milliseconds(1), deadline - .now)
    request.headers.add(name: "x-request-timeout-ms", value: "\(Int(left / .milliseconds(1)))")
    if let context = ServiceContext.current {
      if let trace = span?.context ?? context.trace?.child() {
        request.headers.add(name: "traceparent", value: trace.traceparent)
      }
      if let id = context.requestID { request.headers.add(name: "x-request-id", value: id) }
    }
    let response = try await http.execute(request, timeout: TimeAmount(left))
    return (Int(response.status.code), try await response.body.collect(upTo: Self.greatestReply))
  }

  public func callAsFunction<Response>(_ endpoint: Endpoint<Empty, Response>) async throws -> Response {
    try await self(endpoint, Empty())
  }
}

extension Error {
  /// The connection was never made, so nothing of the request has left.
  fileprivate var isBeforeSending: Bool {
    if self is NIOConnectionError { return true }
    if let error = self as? HTTPClientError { return error == .connectTimeout }
    return (self as? IOError).map { [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].contains($0.errnoCode) } ?? false
  }

  /// The connection ended before the answer did.
  fileprivate var isBrokenConnection: Bool {
    if let error = self as? HTTPClientError { return error == .remoteConnectionClosed }
    return self is IOError
  }
}

/// RFC 6749 §5.2: what the token endpoint answers instead of a ``Problem``.
private struct OAuthRefusal: Decodable {
  var error: String
  var errorDescription: String?
  enum CodingKeys: String, CodingKey {
    case error
    case errorDescription = "error_description"
  }
}

/// The registry knows no instance of the service.
public struct NoInstance: Error, CustomStringConvertible {
  public var service: String
  public var description: String { "no instance of \(service) is known" }
}
