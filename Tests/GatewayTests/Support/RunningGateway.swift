import CoreMetrics
import Foundation
import Gateway
import GravityContracts
import GravityDiscovery
import GravityIdentity
import GravityLimits
import GravityTelemetry
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Accepts `good…`; other words say why not.
struct WordVerifier: TokenVerifier {
  let calls = Counted()
  final class Counted: Sendable {
    private let count = Mutex(0)
    func add() { count.withLock { $0 += 1 } }
    var value: Int { count.withLock { $0 } }
  }
  func verify(_ token: String) async throws(TokenRefusal) -> Principal {
    calls.add()
    switch token {
    case "expired": throw TokenRefusal(.expired, "")
    case "revoked": throw TokenRefusal(.revoked, "")
    case "nokeys": throw TokenRefusal(.unavailable, "")
    case let key where key.hasPrefix("key"):
      return Principal(
        subject: "owner", tokenID: "id-\(key)", sessionID: key, permissions: ["items:read"],
        methods: [Principal.apiKeyMethod], issuedAt: Date(), expiresAt: Date(timeIntervalSinceNow: 3600))
    case let good where good.hasPrefix("good"):
      return Principal(
        subject: "subject-\(good)", tokenID: "id-\(good)", sessionID: "session-\(good)", roles: ["reader"],
        permissions: ["items:read"], issuedAt: Date(), expiresAt: Date(timeIntervalSinceNow: 3600))
    default: throw TokenRefusal(.invalid, "")
    }
  }
}

/// Keeps what it is given.
final class MemoryAccessLog: AccessLog, Sendable {
  private let kept = Mutex<[AccessEntry]>([])
  func record(_ entry: AccessEntry) { kept.withLock { $0.append(entry) } }
  var entries: [AccessEntry] { kept.withLock { $0 } }
}

/// A gateway on a port of its own, with a service `items`.
struct RunningGateway: Sendable {
  let gateway: Gateway
  let port: Int
  let registry: InProcessRegistry
  let revocations: RevocationList
  let verifier: WordVerifier
  let log: MemoryAccessLog
  let group: ServiceGroup

  func connect() async throws -> RawClient { try await RawClient.connect(port) }

  /// One request on a connection of its own.
  func ask(_ text: String, hasBody: Bool = true) async throws -> RawResponse {
    let client = try await connect()
    try await client.send(text)
    let response = try await client.response(hasBody: hasBody)
    await client.close()
    return response
  }

  func get(_ path: String, token: String? = nil, headers: String = "") async throws -> RawResponse {
    let authorization = token.map { "authorization: Bearer \($0)\r\n" } ?? ""
    return try await ask("GET \(path) HTTP/1.1\r\nhost: test\r\n\(authorization)\(headers)\r\n")
  }

  func use(_ upstream: ScriptedUpstream, id: String = "items-1") {
    registry.register(ServiceInstance(id: id, service: "items", host: "127.0.0.1", port: upstream.port))
  }

  static let routes = [
    Route("items.list", path: "/items", methods: ["GET", "POST", "PUT"], service: "items", access: .public),
    Route("items.mine", path: "/mine", methods: ["GET", "POST"], service: "items", access: .authenticated),
    Route("items.read", path: "/read", methods: ["GET"], service: "items", access: .permission("items:read")),
    Route("items.write", path: "/write", methods: ["GET"], service: "items", access: .permission("items:write")),
    Route("items.one", path: "/items/{id}", service: "items", access: .public),
    Route(
      "items.claims", path: "/claims", service: "items", access: .authenticated, identityHeaders: true),
    Route(
      "items.small", path: "/small", methods: ["POST"], service: "items", access: .public, maximumBodyBytes: 10),
    Route(
      "items.strict", path: "/strict", service: "items", access: .public,
      rateLimit: RateLimit("strict", requests: 2, per: .seconds(3600), by: .address)),
    Route("items.ws", path: "/ws", service: "items", access: .public),
  ]

  /// Says nothing.
  static var quiet: Logger {
    var logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    logger.logLevel = .critical
    return logger
  }

  static func run<Result: Sendable>(
    _ upstreams: [ScriptedUpstream], others: [ServiceInstance] = [], routes: [Route] = routes,
    apiKeys: (any APIKeyTokens)? = nil,
    revocations: RevocationList = .init(maximumAge: nil), limitStore: (any LimitStore)? = nil,
    tokenStore: (any TokenStore)? = nil, gateways: Int = 0,
    registry given: (any Registry)? = nil,
    logger: Logger = quiet, metrics: any MetricsFactory = NOOPMetricsHandler.instance, tracer: Tracer? = nil,
    documents: [String: LocalDocument] = ["/metrics": .fixed("text/plain; version=0.0.4", Array("up 1\n".utf8))],
    configure: (inout GatewayConfiguration) -> Void = { _ in },
    _ body: @Sendable (RunningGateway) async throws -> Result
  ) async throws -> Result {
    var configuration = GatewayConfiguration(port: 0)
    configuration.rateLimit = nil
    configuration.drainTimeout = .seconds(5)
    configuration.drainQuiet = .milliseconds(50)
    configure(&configuration)
    let registry = InProcessRegistry()
    for (index, upstream) in upstreams.enumerated() {
      registry.register(
        ServiceInstance(id: "items-\(index + 1)", service: "items", host: "127.0.0.1", port: upstream.port))
    }
    for other in others { registry.register(other) }
    for index in 0..<gateways {
      registry.register(ServiceInstance(id: "gateway-\(index)", service: "gateway", host: "127.0.0.1", port: 1))
    }
    let (verifier, log) = (WordVerifier(), MemoryAccessLog())
    // Of its own: a test with thousands of requests holds up no other's, for which half a second may decide.
    let loops = MultiThreadedEventLoopGroup(numberOfThreads: System.loops)
    let gateway = try Gateway(
      configuration: configuration, routes: routes, registry: given ?? registry, verifier: verifier,
      apiKeys: apiKeys, revocations: revocations,
      limitStore: limitStore, tokenStore: tokenStore,
      localDocuments: documents, accessLog: log,
      eventLoopGroup: loops, logger: logger,
      metricsFactory: metrics, tracer: tracer)
    let group = ServiceGroup(services: [gateway], logger: logger)
    let result = await Swift.Result {
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        let running = RunningGateway(
          gateway: gateway, port: await gateway.boundPort, registry: registry, revocations: revocations,
          verifier: verifier, log: log, group: group)
        let result = await Swift.Result { try await body(running) }
        tasks.cancelAll()
        for upstream in upstreams { await upstream.close() }
        return try result.get()
      }
    }
    try await loops.shutdownGracefully()
    return try result.get()
  }
}

extension Result where Failure == any Error {
  init(catching body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
