public import Foundation
public import GravityContracts

/// A gateway.
public struct GatewayView: Codable, Sendable {
  /// Tells it from other gateways: its host and port.
  public var id: String
  /// Of the program.
  public var version: String
  /// When its process began to serve.
  public var startedAt: Date
  /// Counts the sets of routes that it has had, from 1.
  public var generation: Int
  /// How many are in force.
  public var routes: Int
  /// Where its routes come from: a file, a key of Consul's, or `services`.
  public var source: String
  /// When the routes in force were taken.
  public var routesSince: Date
  /// Why what stands in the source now is not in force; nil where it is.
  public var refusal: String?

  /// As the fields say.
  public init(
    id: String, version: String, startedAt: Date, generation: Int, routes: Int, source: String, routesSince: Date,
    refusal: String?
  ) {
    self.id = id
    self.version = version
    self.startedAt = startedAt
    self.generation = generation
    self.routes = routes
    self.source = source
    self.routesSince = routesSince
    self.refusal = refusal
  }

  enum CodingKeys: String, CodingKey {
    case id, version, generation, routes, source, refusal
    case startedAt = "started_at"
    case routesSince = "routes_since"
  }
}

/// A page of what one gateway says.
public struct GatewayPage<Item: Codable & Sendable>: Codable, Sendable {
  /// ``GatewayView/id`` of the one that says it.
  public var gateway: String
  /// As many as were asked for, or the last of them.
  public var items: [Item]
  /// Where the next page begins; nil where this is the last.
  public var nextCursor: Cursor?

  /// As the fields say.
  public init(gateway: String, items: [Item], nextCursor: Cursor?) {
    self.gateway = gateway
    self.items = items
    self.nextCursor = nextCursor
  }

  enum CodingKeys: String, CodingKey {
    case gateway, items
    case nextCursor = "next_cursor"
  }
}

/// A route.
public struct RouteView: Codable, Sendable {
  /// Of its own among routes that are written down; else `service.endpoint`.
  public var name: String
  /// With its fields in braces: `/orders/{id}`, `/files/**`.
  public var path: String
  /// nil is any, as with ``hosts``.
  public var methods: [String]?
  /// Names that the client asks for, `*.example.org` for all below one; nil is any.
  public var hosts: [String]?
  /// Conditions on header fields, as people read them: `x-plan: paid`.
  public var headers: [String]
  /// The service that it leads to.
  public var service: String
  /// `public`, `authenticated`, or a permission.
  public var access: String
  /// Until an answer begins, in milliseconds; nil is the gateway's own, as with ``attempts`` and ``maxBody``.
  public var timeoutMs: Int?
  /// In all.
  public var attempts: Int?
  /// Bytes.
  public var maxBody: Int?
  /// Whether the service is told who calls, in `X-User-*`.
  public var identityHeaders: Bool

  /// As the fields say.
  public init(
    name: String, path: String, methods: [String]?, hosts: [String]?, headers: [String], service: String,
    access: String, timeoutMs: Int?, attempts: Int?, maxBody: Int?, identityHeaders: Bool
  ) {
    self.name = name
    self.path = path
    self.methods = methods
    self.hosts = hosts
    self.headers = headers
    self.service = service
    self.access = access
    self.timeoutMs = timeoutMs
    self.attempts = attempts
    self.maxBody = maxBody
    self.identityHeaders = identityHeaders
  }

  enum CodingKeys: String, CodingKey {
    case name, path, methods, hosts, headers, service, access, attempts
    case timeoutMs = "timeout_ms"
    case maxBody = "max_body"
    case identityHeaders = "identity_headers"
  }
}

/// An instance, as a gateway knows it.
public struct InstanceView: Codable, Sendable {
  /// The service whose instance it is.
  public var service: String
  /// The instance's id in the registry.
  public var id: String
  /// `host:port`
  public var address: String
  /// `up`, `down`, or `unasked` where it is known by its requests alone.
  public var health: String
  /// Whether it is left out because it fails while others succeed.
  public var ejected: Bool
  /// `closed`, `open`, `half_open`: whether it can be reached.
  public var breaker: String
  /// Routes of which it answers badly or not at all, so that they are not sent there.
  public var openRoutes: Int
  /// How long the breaker stays open, in milliseconds; nil where it is not.
  public var breakerLeftMs: Int?
  /// How often it could not be reached in a row; 0 after it was.
  public var consecutiveFailures: Int
  /// Requests sent and not answered.
  public var pending: Int
  /// How long an answer is thought to take, in milliseconds; nil before the first.
  public var latencyMs: Double?
  /// In use or not.
  public var connections: Int
  /// Of ``connections``, those that no request uses.
  public var idleConnections: Int

  /// As the fields say.
  public init(
    service: String, id: String, address: String, health: String, ejected: Bool, breaker: String, openRoutes: Int,
    breakerLeftMs: Int?, consecutiveFailures: Int, pending: Int, latencyMs: Double?, connections: Int,
    idleConnections: Int
  ) {
    self.service = service
    self.id = id
    self.address = address
    self.health = health
    self.ejected = ejected
    self.breaker = breaker
    self.openRoutes = openRoutes
    self.breakerLeftMs = breakerLeftMs
    self.consecutiveFailures = consecutiveFailures
    self.pending = pending
    self.latencyMs = latencyMs
    self.connections = connections
    self.idleConnections = idleConnections
  }

  enum CodingKeys: String, CodingKey {
    case service, id, address, health, ejected, breaker, pending, connections
    case openRoutes = "open_routes"
    case breakerLeftMs = "breaker_left_ms"
    case consecutiveFailures = "consecutive_failures"
    case latencyMs = "latency_ms"
    case idleConnections = "idle_connections"
  }
}

/// Which instance's breaker is to be closed.
public struct BreakerReset: Codable, Sendable {
  /// As in ``InstanceView/service``.
  public var service: String
  /// As in ``InstanceView/id``.
  public var instance: String

  /// As the fields say.
  public init(service: String, instance: String) {
    self.service = service
    self.instance = instance
  }
}

/// A limit.
public struct LimitView: Codable, Sendable {
  /// The limit's name, as in `RateLimit-Policy`.
  public var policy: String
  /// nil where it holds for every route.
  public var route: String?
  /// So many in any window; at least 1.
  public var requests: Int
  /// In milliseconds; at least 1.
  public var windowMs: Int
  /// `caller`, `address`, `credential` or `everyone`
  public var by: String
  /// Whether other gateways count in it.
  public var shared: Bool
  /// Whether it is only watched.
  public var shadow: Bool
  /// Since the gateway began.
  public var refused: Int
  /// What would have been refused were it not only watched.
  public var watched: Int

  /// As the fields say.
  public init(
    policy: String, route: String?, requests: Int, windowMs: Int, by: String, shared: Bool, shadow: Bool, refused: Int,
    watched: Int
  ) {
    self.policy = policy
    self.route = route
    self.requests = requests
    self.windowMs = windowMs
    self.by = by
    self.shared = shared
    self.shadow = shadow
    self.refused = refused
    self.watched = watched
  }

  enum CodingKeys: String, CodingKey {
    case policy, route, requests, by, shared, shadow, refused, watched
    case windowMs = "window_ms"
  }
}

/// What was asked of a route.
public struct TrafficView: Codable, Sendable {
  /// nil for what no route took.
  public var route: String?
  /// Since the gateway began.
  public var total: TrafficCount
  /// In the last minute, or since the gateway began where that is less.
  public var recent: TrafficCount
  /// How long ``recent`` is.
  public var recentMs: Int

  /// As the fields say.
  public init(route: String?, total: TrafficCount, recent: TrafficCount, recentMs: Int) {
    self.route = route
    self.total = total
    self.recent = recent
    self.recentMs = recentMs
  }

  enum CodingKeys: String, CodingKey {
    case route, total, recent
    case recentMs = "recent_ms"
  }
}

/// Answers by the first digit of their status, and how long they took.
public struct TrafficCount: Codable, Sendable {
  /// All, whatever the status.
  public var requests: Int
  /// 1xx.
  public var informational: Int
  /// 2xx.
  public var successful: Int
  /// 3xx.
  public var redirected: Int
  /// 4xx; also 499, where the client left before there was an answer.
  public var clientErrors: Int
  /// 5xx.
  public var serverErrors: Int
  /// Milliseconds that half of them took at most, and 99 of 100, an eighth too much at most; nil where there was none.
  public var p50Ms: Double?
  /// As ``p50Ms``, of 99 in 100.
  public var p99Ms: Double?

  /// As the fields say.
  public init(
    requests: Int, informational: Int, successful: Int, redirected: Int, clientErrors: Int, serverErrors: Int,
    p50Ms: Double?, p99Ms: Double?
  ) {
    self.requests = requests
    self.informational = informational
    self.successful = successful
    self.redirected = redirected
    self.clientErrors = clientErrors
    self.serverErrors = serverErrors
    self.p50Ms = p50Ms
    self.p99Ms = p99Ms
  }

  enum CodingKeys: String, CodingKey {
    case requests
    case informational = "1xx"
    case successful = "2xx"
    case redirected = "3xx"
    case clientErrors = "4xx"
    case serverErrors = "5xx"
    case p50Ms = "p50_ms"
    case p99Ms = "p99_ms"
  }
}
