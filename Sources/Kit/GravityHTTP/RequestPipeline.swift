import CoreMetrics
import Foundation
import GravityContracts
import GravityTelemetry
import HTTPTypes
import Hummingbird
import Logging
import NIOFoundationCompat
import ServiceContextModule

/// What surrounds every request: its id and trace, its bounds, its deadline, its line in the log, its metrics, and
/// the one place where an error becomes a problem.
struct RequestPipeline<Inner: HTTPResponder<RequestScope>>: HTTPResponder {
  typealias Context = RequestScope
  let settings: Routes.Settings
  let telemetry: HTTPTelemetry
  let routes: Inner

  static var greatestURI: Int { 8 << 10 }
  static var greatestHead: Int { 32 << 10 }

  func respond(to request: Request, context: RequestScope) async throws -> Response {
    let began = ContinuousClock.now
    var scope = context
    let isTrusted = settings.trustedProxies.contains(scope.peerAddress)
    scope.requestID = Self.requestID(request.headers[.requestID], isTrusted: isTrusted)
    scope.clientAddress = Self.clientAddress(request.headers, peer: scope.peerAddress, isTrusted: isTrusted)
    scope.userAgent = request.headers[.userAgent].map { String($0.prefix(256)) }
    if isTrusted, let milliseconds = request.headers[.requestTimeout].flatMap(Int.init), milliseconds > 0 {
      scope.deadline = min(scope.deadline, began + .milliseconds(milliseconds))
    }
    var trace = ServiceContext.current ?? .topLevel
    let span = (trace.tracer ?? .disabled).span(
      HTTPTelemetry.known(request.method), kind: .server,
      parent: request.headers[.traceparent].flatMap { TraceContext(traceparent: $0) })
    trace.span = span
    trace.requestID = scope.requestID

    return await ServiceContext.withValue(trace) { [scope] in
      telemetry.active.increment(by: 1.0)
      defer { telemetry.active.decrement(by: 1.0) }
      var response: Response
      do {
        try Self.checkBounds(request)
        response = try await routes.respond(to: request, context: scope)
        // The router answers its own errors (an unknown path, a body over the limit) in a form of its own.
        // What a handler chose itself is as it should be.
        if response.status.code >= 400, scope.reply.current.status != response.status.code {
          throw HTTPError(response.status)
        }
      } catch {
        response = refusal(error, request, scope)
      }
      response.headers[.requestID] = scope.requestID
      response.headers[.cacheControl] = response.headers[.cacheControl] ?? "no-store"
      if request.method == .head { response = response.createHeadResponse() }
      telemetry.served(request, response.status.code, route: scope.endpointPath, began: began, scope, span)
      return response
    }
  }

  private func refusal(_ error: any Error, _ request: Request, _ scope: RequestScope) -> Response {
    var problem: Problem
    if let told = Problem(telling: error) {
      problem = told
      if !(error is Problem) {
        telemetry.logger.log(
          level: told.status >= 500 ? .error : .debug, "request refused", metadata: ["error.message": "\(error)"])
      }
    } else if error is CancellationError {
      problem = Problem(499, "client_closed_request", "The client went away")
    } else {
      telemetry.logger.error(
        "request failed", metadata: ["error.message": "\(error)", "error.type": "\(type(of: error))"])
      problem = Problem(500, "internal", "Something went wrong here", detail: "The request id is in the log.")
    }
    problem.requestID = scope.requestID
    let fields = scope.reply.current
    var headers = HTTPFields()
    for (name, value) in fields.headers { if let name = HTTPField.Name(name) { headers[name] = value } }
    let (status, type, body) = Self.written(problem, as: fields.errors)
    headers[.contentType] = type
    if status == 401, headers[.wwwAuthenticate] == nil { headers[.wwwAuthenticate] = Self.challenge(problem) }
    if let seconds = problem.retryAfter { headers[.retryAfter] = "\(seconds)" }
    return Response(status: .init(code: status), headers: headers, body: .init(byteBuffer: .init(data: body)))
  }

  private static func written(_ problem: Problem, as format: ErrorFormat) -> (status: Int, type: String, body: Data) {
    switch format {
    case .problem:
      // A problem holds only what can be encoded.
      return (
        problem.status, "application/problem+json", (try? WireFormat.makeEncoder().encode(problem)) ?? Data()
      )
    case .oauth:
      let error = OAuthError(problem)
      return (error.status, "application/json", (try? WireFormat.makeEncoder().encode(error)) ?? Data())
    }
  }

  /// RFC 6750 §3.1, RFC 9470 §3: says what is wrong only of a token; a wrong password is none.
  private static func challenge(_ problem: Problem) -> String {
    let realm = "Bearer realm=\"gravity\""
    switch problem.code.rawValue {
    case "invalid_token", "token_expired", "token_revoked":
      return "\(realm), error=\"invalid_token\", error_description=\"\(problem.title)\""
    case "insufficient_user_authentication":
      var challenge = "\(realm), error=\"\(problem.code)\", error_description=\"\(problem.title)\""
      if case .string(let values)? = problem.extensions["acr_values"] { challenge += ", acr_values=\"\(values)\"" }
      if case .integer(let age)? = problem.extensions["max_age"] { challenge += ", max_age=\"\(age)\"" }
      return challenge
    default: return realm
    }
  }

  private static func checkBounds(_ request: Request) throws {
    guard request.uri.string.utf8.count <= greatestURI else {
      throw Problem(414, "uri_too_long", "The address is too long", detail: "At most \(greatestURI) bytes.")
    }
    let head = request.headers.reduce(0) { $0 + $1.name.rawName.utf8.count + $1.value.utf8.count + 4 }
    guard head <= greatestHead, request.headers.count <= 100 else {
      throw Problem(
        431, "header_fields_too_large", "The header fields are too large",
        detail: "At most 100 fields and \(greatestHead) bytes.")
    }
  }

  /// The gateway's id where it is one that may stand in a log, else a new one.
  private static func requestID(_ given: String?, isTrusted: Bool) -> String {
    if isTrusted, let given, (1...64).contains(given.utf8.count),
      given.utf8.allSatisfy({
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 95 || $0 == 46
          || $0 == 126
      })
    {
      return given
    }
    return UUID.v7().lowercased
  }

  /// The last address of `X-Forwarded-For`, which is the one that the trusted proxy saw.
  private static func clientAddress(_ headers: HTTPFields, peer: String, isTrusted: Bool) -> String {
    guard isTrusted, let last = headers[.forwardedFor]?.split(separator: ",").last else { return peer }
    let address = last.filter { $0 != " " }
    return IPAddress(address) == nil ? peer : address
  }
}
