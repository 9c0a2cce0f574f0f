import CoreMetrics
import Foundation
import Gateway
import GatewayAPI
import GatewayServer
import GravityContracts
import GravityDiscovery
import GravityHTTP
import GravityIdentity
import GravityTelemetry
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

@Suite("A gateway's administration")
struct GatewayAdministrationTests {
  /// `read`, `write` and `none` are tokens of who may do that.
  private struct WordVerifier: TokenVerifier {
    func verify(_ token: String) async throws(TokenRefusal) -> Principal {
      let permissions: [String: [Permission]] = [
        "read": ["gateway:read"], "write": ["gateway:read", "gateway:write"], "none": [],
      ]
      guard let held = permissions[token] else { throw TokenRefusal(.invalid, "") }
      return Principal(
        subject: token, tokenID: token, permissions: held, issuedAt: Date(), expiresAt: Date(timeIntervalSinceNow: 60))
    }
  }

  private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// A gateway that runs, whose one instance is a port where nobody listens.
  private static func run(
    routes: [Route] = [route()], _ body: @Sendable (Gateway, any TestClientProtocol) async throws -> Void
  ) async throws {
    let registry = InProcessRegistry()
    registry.register(ServiceInstance(id: "items-1", service: "items", host: "127.0.0.1", port: 1))
    var configuration = GatewayConfiguration(port: 0)
    configuration.rateLimit = RateLimit(requests: 1_000, per: .seconds(60))
    configuration.drainTimeout = .seconds(1)
    configuration.breaker.firstOpen = .seconds(60)
    configuration.breaker.maximumOpen = .seconds(60)
    let gateway = try Gateway(
      configuration: configuration, routes: routes, registry: registry, verifier: WordVerifier(),
      revocations: RevocationList(maximumAge: nil), eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
      logger: quiet, metricsFactory: NOOPMetricsHandler.instance)
    let administration = GatewayAdministration(
      gateway, verifier: WordVerifier(), version: "1.2.3",
      origin: { .init(source: "routes.yaml", since: Date(timeIntervalSince1970: 1), refusal: "routes.yaml:1:1: no") },
      id: { "here:1" })
    let responder = try administration.responder(
      telemetry: HTTPTelemetry(logger: quiet, metrics: PrometheusMetrics()))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await gateway.run() }
      _ = await gateway.boundPort
      try await Application(responder: responder).test(.router) { client in try await body(gateway, client) }
      tasks.cancelAll()
    }
  }

  private static func route(_ name: String = "items", _ path: String = "/items/{id}") -> Route {
    var route = Route(
      name, path: path, methods: ["GET"], headers: [.init("x-plan", .value("paid"))], service: "items",
      access: .public, rateLimit: RateLimit("few", requests: 5, per: .seconds(3_600), by: .address),
      timeout: .seconds(3))
    route.attempts = 1
    route.health = .passive
    return route
  }

  private static func ask<Value: Decodable>(
    _ client: any TestClientProtocol, _ path: String, as type: Value.Type
  ) async throws -> Value {
    let reply = try await client.execute(
      uri: "/api/v1/gateway" + path, method: .get, headers: [.authorization: "Bearer read"])
    #expect(reply.status == .ok, "\(String(buffer: reply.body))")
    return try WireFormat.makeDecoder().decode(type, from: Data(reply.body.readableBytesView))
  }

  private static func request(_ port: Int) async throws {
    // The instance cannot be reached, which is all that matters.
    let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port).get()
    try await client.writeAndFlush(
      ByteBuffer(string: "GET /items/1 HTTP/1.1\r\nhost: h\r\nx-plan: paid\r\nconnection: close\r\n\r\n"))
    try await client.closeFuture.get()
  }

  @Test("without a token 401, without the permission 403, of another service nothing")
  func access() async throws {
    try await Self.run { _, client in
      for path in ["", "/routes", "/instances", "/limits", "/traffic"] {
        for (token, status) in [(nil, 401), ("bad", 401), ("none", 403), ("read", 200)] as [(String?, Int)] {
          let headers: HTTPFields = token.map { [.authorization: "Bearer \($0)"] } ?? [:]
          let reply = try await client.execute(uri: "/api/v1/gateway" + path, method: .get, headers: headers)
          #expect(reply.status.code == status, "\(path) \(token ?? "none")")
        }
      }
      for (token, status) in [(nil, 401), ("none", 403), ("read", 403), ("write", 200)] as [(String?, Int)] {
        var headers: HTTPFields = [.contentType: "application/json"]
        headers[.authorization] = token.map { "Bearer \($0)" }
        let reply = try await client.execute(
          uri: "/api/v1/gateway/breakers/reset", method: .post, headers: headers,
          body: ByteBuffer(string: #"{"service":"items","instance":"items-1"}"#))
        #expect(reply.status.code == status, "\(token ?? "none")")
      }
    }
  }

  @Test("it says who it is, what its routes are, and why a change is not in force")
  func identity() async throws {
    try await Self.run { _, client in
      let view = try await Self.ask(client, "", as: GatewayView.self)
      #expect(view.id == "here:1" && view.version == "1.2.3" && view.routes == 1 && view.generation == 1)
      #expect(view.source == "routes.yaml" && view.refusal == "routes.yaml:1:1: no")
      let routes = try await Self.ask(client, "/routes", as: GatewayPage<RouteView>.self)
      #expect(routes.gateway == "here:1" && routes.nextCursor == nil)
      let route = try #require(routes.items.first)
      #expect(route.name == "items" && route.path == "/items/{id}" && route.methods == ["GET"] && route.hosts == nil)
      #expect(route.headers == ["x-plan: paid"] && route.access == "public" && route.timeoutMs == 3_000)
      #expect(route.attempts == 1 && route.service == "items")
      let limits = try await Self.ask(client, "/limits", as: GatewayPage<LimitView>.self).items
      #expect(limits.map(\.policy) == ["default", "few"] && limits.map(\.route) == [nil, "items"])
      #expect(
        limits[1].by == "address" && limits[1].windowMs == 3_600_000 && limits[1].requests == 5 && !limits[1].shared)
    }
  }

  @Test("requests are counted by route and status, breakers told with the time that is left, and reset")
  func counting() async throws {
    try await Self.run { gateway, client in
      let port = await gateway.boundPort
      for _ in 0..<7 { try await Self.request(port) }
      let traffic = try await Self.ask(client, "/traffic", as: GatewayPage<TrafficView>.self).items
      #expect(traffic.map(\.route) == ["items"])
      #expect(
        traffic[0].total.requests == 7 && traffic[0].total.serverErrors == 5 && traffic[0].total.clientErrors == 2)
      #expect(traffic[0].recent.requests == 7)
      #expect((traffic[0].total.p50Ms ?? 0) > 0 && (traffic[0].total.p99Ms ?? 0) >= (traffic[0].total.p50Ms ?? 0))
      #expect(try await Self.ask(client, "/limits", as: GatewayPage<LimitView>.self).items[1].refused == 2)
      let open = try #require(try await Self.ask(client, "/instances", as: GatewayPage<InstanceView>.self).items.first)
      #expect(open.breaker == "open" && (open.breakerLeftMs ?? 0) > 30_000 && open.health == "unasked")
      #expect(open.address == "127.0.0.1:1" && open.pending == 0)
      let reset = try await client.execute(
        uri: "/api/v1/gateway/breakers/reset", method: .post,
        headers: [.contentType: "application/json", .authorization: "Bearer write"],
        body: ByteBuffer(string: #"{"service":"items","instance":"items-1"}"#))
      let closed = try WireFormat.makeDecoder().decode(InstanceView.self, from: Data(reset.body.readableBytesView))
      #expect(closed.breaker == "closed" && closed.breakerLeftMs == nil)
      let unknown = try await client.execute(
        uri: "/api/v1/gateway/breakers/reset", method: .post,
        headers: [.contentType: "application/json", .authorization: "Bearer write"],
        body: ByteBuffer(string: #"{"service":"items","instance":"nobody"}"#))
      #expect(unknown.status == .notFound)
    }
  }

  @Test("a long list comes in pages")
  func pages() async throws {
    let routes = (0..<45).map { Self.route("r\($0)", "/r\($0)") }
    try await Self.run(routes: routes) { _, client in
      var names: [String] = []
      var cursor: Cursor?
      repeat {
        let query = "?limit=20" + (cursor.map { "&cursor=\($0)" } ?? "")
        let page = try await Self.ask(client, "/routes" + query, as: GatewayPage<RouteView>.self)
        names += page.items.map(\.name)
        cursor = page.nextCursor
      } while cursor != nil
      #expect(names == routes.map(\.name))
      let bad = try await client.execute(
        uri: "/api/v1/gateway/routes?limit=101", method: .get, headers: [.authorization: "Bearer read"])
      #expect(bad.status.code == 422)
    }
  }
}
