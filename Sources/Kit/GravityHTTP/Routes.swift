import Crypto
import Foundation
public import GravityContracts
import GravityData
public import GravityIdentity
import HTTPTypes
public import Hummingbird

/// Binds handlers to declared endpoints. There is no other way to serve a path, but for health and metrics.
public struct Routes: ~Copyable {
  /// How long a handler may take when the caller does not say.
  public static let standardDeadline: Duration = .seconds(30)

  /// The longest wait that `Prefer: wait` gets; what is longer is cut to it (RFC 7240 §2: a preference may be ignored).
  public static let greatestWait: Duration = .seconds(20)

  private let router = Router(context: RequestScope.self, options: .autoGenerateHeadEndpoints)
  private let settings: Settings
  private var bound: [any EndpointDescription] = []

  /// What the routes of one service share.
  public struct Settings: Sendable {
    /// Checks bearer tokens. nil refuses every endpoint that is not public.
    public var verifier: (any TokenVerifier)?
    /// The greatest body, in bytes; a larger one is 413.
    public var greatestBody = 1 << 20
    /// Whose `X-Forwarded-For` and deadline are believed.
    public var trustedProxies: TrustedProxies = .loopback
    /// How often whoever listens to a stream and hears nothing is written to, and their token looked at.
    public var heartbeat: Duration = .seconds(15)
    /// How long whoever is sent a reply piece by piece may take for 64 KiB of it; then their connection ends.
    public var patience: Duration = .seconds(30)

    public init(verifier: (any TokenVerifier)?) { self.verifier = verifier }
  }

  public init(_ settings: Settings) { self.settings = settings }

  /// Serves `endpoint` with `handle`, which runs when the caller is known and permitted and the request is well formed.
  public mutating func on<Request, Response>(
    _ endpoint: Endpoint<Request, Response>,
    _ handle: @escaping @Sendable (Request, RequestScope) async throws -> Response
  ) {
    bound.append(endpoint)
    let settings = settings
    router.on(RouterPath(endpoint.path), method: .init(endpoint.method)) { request, scope in
      let head = try await Self.admit(request, to: endpoint, scope, settings)
      let remaining = ContinuousClock.now.duration(to: scope.deadline)
      return try await scope.eventLoopDeadline.run(within: remaining) {
        var scope = head
        let body = try await endpoint.collectBody(request, limit: settings.greatestBody)
        scope.content = endpoint.content(request, body)
        scope.idempotencyKey = try endpoint.idempotencyKey(request, body: body, scope)
        let input = try endpoint.decode(request, scope, body: body)
        let output = try await handle(input, scope)
        return try endpoint.encode(output, request: request, reply: scope.reply)
      }
    }
  }

  /// Serves `endpoint` with events that go on until `handle`'s sequence or the client ends, or the caller's token is good
  /// no more. The deadline of a request bounds `handle` only; a heartbeat (``Settings/heartbeat``) finds a client that is
  /// gone, and a token that has expired, was revoked, or of which nobody can say whether it was. One that does not read
  /// what is written is cut off (``Settings/patience``).
  public mutating func stream<Request>(
    _ endpoint: Endpoint<Request, EventStream>,
    _ handle: @escaping @Sendable (Request, RequestScope) async throws -> AsyncStream<ServerSentEvent>
  ) {
    bound.append(endpoint)
    let settings = settings
    router.on(RouterPath(endpoint.path), method: .init(endpoint.method)) { request, scope in
      let head = try await Self.admit(request, to: endpoint, scope, settings)
      let remaining = ContinuousClock.now.duration(to: scope.deadline)
      let events = try await scope.eventLoopDeadline.run(within: remaining) {
        try await handle(try endpoint.decode(request, head, body: nil), head)
      }
      let fields = request.headers
      return Hummingbird.Response(
        status: .ok, headers: [.contentType: EventStream.mediaType, .cacheControl: "no-cache"],
        body: EventStreamBody.body(events, heartbeat: settings.heartbeat, head.readingDeadline(settings)) {
          if endpoint.access == .public { return true }
          do { return try await Self.authenticate(fields, endpoint.access, settings.verifier) != nil } catch {
            return false
          }
        })
    }
  }

  /// Serves `endpoint` with what `handle` gives piece by piece, as fast as the client reads. The deadline of a request
  /// bounds `handle` only; what bounds the rest is ``Settings/patience``.
  public mutating func download<Request>(
    _ endpoint: Endpoint<Request, Content>,
    _ handle: @escaping @Sendable (Request, RequestScope) async throws -> ContentStream
  ) {
    bound.append(endpoint)
    let settings = settings
    router.on(RouterPath(endpoint.path), method: .init(endpoint.method)) { request, scope in
      let head = try await Self.admit(request, to: endpoint, scope, settings)
      let remaining = ContinuousClock.now.duration(to: scope.deadline)
      let stream = try await scope.eventLoopDeadline.run(within: remaining) {
        let body = try await endpoint.collectBody(request, limit: settings.greatestBody)
        return try await handle(try endpoint.decode(request, head, body: body), head)
      }
      return stream.response(endpoint, head.readingDeadline(settings))
    }
  }

  /// - Throws: ``UndeclaredRoutes`` when what is bound and what is declared differ: it ends the start.
  public consuming func build(
    declared: [any EndpointDescription], telemetry: HTTPTelemetry
  ) throws -> some HTTPResponder<RequestScope> {
    let (boundNames, declaredNames) = (Set(bound.map(\.name)), Set(declared.map(\.name)))
    guard boundNames == declaredNames, bound.count == boundNames.count else {
      throw UndeclaredRoutes(
        undeclared: boundNames.subtracting(declaredNames), unbound: declaredNames.subtracting(boundNames))
    }
    let paths = Router(context: RequestScope.self)
    for (path, endpoints) in Dictionary(grouping: bound, by: \.path) {
      let allow = Set(endpoints.map(\.method.rawValue)).sorted().joined(separator: ", ")
      paths.get(RouterPath(path)) { _, scope -> Hummingbird.Response in
        scope.reply.setHeader("Allow", allow)
        throw Problem(405, "method_not_allowed", "That method is not served here", detail: "Allowed: \(allow).")
      }
    }
    let responder = MethodCheck(routes: router.buildResponder(), paths: paths.buildResponder())
    return RequestPipeline(settings: settings, telemetry: telemetry, routes: responder)
  }

  /// Who calls, and what the head says besides, before anybody reads a body.
  private static func admit<Input, Output>(
    _ request: Hummingbird.Request, to endpoint: Endpoint<Input, Output>, _ scope: RequestScope, _ settings: Settings
  ) async throws -> RequestScope {
    var scope = scope
    scope.reply.answersErrors(in: endpoint.errors)
    scope.headers = request.headers
    scope.optionalPrincipal = try await authenticate(request.headers, endpoint.access, settings.verifier)
    scope.ifMatch = try endpoint.ifMatch(request.headers)
    scope.preferredWait = preferredWait(request.headers)
    return scope
  }

  /// - Returns: nil for a public endpoint that was called without a good token.
  private static func authenticate(
    _ headers: HTTPFields, _ access: Access, _ verifier: (any TokenVerifier)?
  ) async throws -> Principal? {
    guard let token = bearerToken(headers) else {
      guard access == .public else { throw Problem.unauthenticated() }
      return nil
    }
    guard let verifier else {
      guard access == .public else { throw Problem.unauthenticated(.unavailable) }
      return nil
    }
    let principal: Principal
    do throws(TokenRefusal) {
      principal = try await verifier.verify(token)
    } catch {
      // A stale token must not keep anybody from logging in again.
      guard access == .public else { throw Problem.unauthenticated(error.code) }
      return nil
    }
    guard principal.satisfies(access) else { throw Problem.forbidden(access) }
    return principal
  }

  /// Reads `Prefer: wait=5`, wherever in the list it stands; anything else is ignored, as RFC 7240 §2 asks.
  private static func preferredWait(_ headers: HTTPFields) -> Duration? {
    for value in headers[values: .prefer] {
      for preference in value.split(separator: ",") {
        let parts = preference.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
        guard parts.count == 2, parts[0].lowercased() == "wait" else { continue }
        guard let seconds = Int(parts[1].filter { $0 != "\"" }), seconds > 0 else { return nil }
        return min(.seconds(min(seconds, 3_600)), greatestWait)
      }
    }
    return nil
  }

  private static func bearerToken(_ headers: HTTPFields) -> String? {
    guard let value = headers[.authorization], value.utf8.count > 7, value.prefix(7).lowercased() == "bearer " else {
      return nil
    }
    return String(value.dropFirst(7))
  }
}

/// Answers 405 with `Allow` at a path that is served, but not by the request's method, whichever that is
/// (RFC 9110 §15.5.6).
private struct MethodCheck<Routes: HTTPResponder<RequestScope>, Paths: HTTPResponder<RequestScope>>: HTTPResponder {
  let routes: Routes
  /// Every path, by GET.
  let paths: Paths

  func respond(to request: Request, context: RequestScope) async throws -> Response {
    let response = try await routes.respond(to: request, context: context)
    // The router notes the path of a route before it runs, and something else where it found none.
    guard response.status == .notFound, context.endpointPath?.hasPrefix("/") != true else { return response }
    var head = request.head
    head.method = .get
    return try await paths.respond(to: Request(head: head, body: request.body), context: context)
  }
}

/// Routes and declarations that differ: a mistake in the program.
public struct UndeclaredRoutes: Error, CustomStringConvertible {
  public var undeclared: Set<String>
  public var unbound: Set<String>
  public var description: String {
    "bound but not declared, or bound twice: \(undeclared.sorted()); declared but not bound: \(unbound.sorted())"
  }
}

extension HTTPRequest.Method {
  init(_ method: GravityContracts.Method) {
    switch method {
    case .get: self = .get
    case .post: self = .post
    case .put: self = .put
    case .patch: self = .patch
    case .delete: self = .delete
    }
  }
}
