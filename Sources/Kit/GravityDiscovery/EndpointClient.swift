public import AsyncHTTPClient
import Foundation
public import GravityContracts
import GravityTelemetry
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import ServiceContextModule

/// Calls declared endpoints of one service: `try await auth(AuthAPI.login, .init(email: …, password: …))`.
///
/// Requests go round the instances that the registry knows; the trace, the request id and the time-out travel along.
public struct EndpointClient: Sendable {
  private let http: HTTPClient
  private let instances: InstanceSet
  private let token: @Sendable () async throws -> String?

  /// - Parameter token: The bearer token for the next request, or nil for none.
  public init(
    http: HTTPClient, instances: InstanceSet, token: @escaping @Sendable () async throws -> String? = { nil }
  ) {
    self.http = http
    self.instances = instances
    self.token = token
  }

  /// The largest reply that is read, in bytes.
  public static let greatestReply = 8 << 20

  /// - Parameter timeout: Until the reply's head is there; its body is bounded by the client's own read time-out.
  /// - Throws: the server's ``Problem``; ``NoInstance``; AsyncHTTPClient's error when no reply came in time.
  public func callAsFunction<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ input: Request, timeout: Duration = .seconds(5)
  ) async throws -> Response {
    let span = ServiceContext.current?.span?.child("\(endpoint.method.rawValue) \(endpoint.path)", kind: .client)
    defer { span?.end() }
    span?.set("http.request.method", .string(endpoint.method.rawValue))
    span?.set("url.template", .string(endpoint.path))
    span?.set("peer.service", .string(instances.service))
    do {
      return try await call(endpoint, input, timeout: timeout, span)
    } catch let error as Problem {
      // An answer, and told as such.
      throw error
    } catch {
      span?.fail(error)
      throw error
    }
  }

  private func call<Request, Response>(
    _ endpoint: Endpoint<Request, Response>, _ input: Request, timeout: Duration, _ span: Span?
  ) async throws -> Response {
    guard let instance = instances.next() else { throw NoInstance(service: instances.service) }
    let parts = try RequestParts(endpoint, input)
    var request = HTTPClientRequest(url: instance.baseURL + parts.target)
    request.method = .init(rawValue: endpoint.method.rawValue)
    if let body = parts.body {
      request.headers.add(name: "content-type", value: parts.contentType)
      request.body = .bytes(ByteBuffer(data: body))
    }
    if let token = try await token() { request.headers.add(name: "authorization", value: "Bearer \(token)") }
    request.headers.add(name: "x-request-timeout-ms", value: "\(Int(timeout / .milliseconds(1)))")
    if let context = ServiceContext.current {
      if let trace = span?.context ?? context.trace?.child() {
        request.headers.add(name: "traceparent", value: trace.traceparent)
      }
      if let id = context.requestID { request.headers.add(name: "x-request-id", value: id) }
    }
    let response = try await http.execute(request, timeout: TimeAmount(timeout))
    span?.set("http.response.status_code", .int(Int(response.status.code)))
    if response.status.code >= 500 { span?.fail("\(response.status.code)") }
    let body = try await response.body.collect(upTo: Self.greatestReply)
    let decoder = WireFormat.makeDecoder()
    guard response.status.code < 400 else {
      guard let problem = try? decoder.decode(Problem.self, from: body) else {
        throw Problem(Int(response.status.code), "upstream", "\(instances.service) answered \(response.status)")
      }
      throw problem
    }
    if let empty = Empty() as? Response { return empty }
    return try decoder.decode(Response.self, from: body)
  }

  public func callAsFunction<Response>(_ endpoint: Endpoint<Empty, Response>) async throws -> Response {
    try await self(endpoint, Empty())
  }
}

/// The registry knows no instance of the service.
public struct NoInstance: Error, CustomStringConvertible {
  public var service: String
  public var description: String { "no instance of \(service) is known" }
}
