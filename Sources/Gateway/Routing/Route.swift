public import GravityContracts

/// One rule of the gateway: which requests go to which service, and who may send them.
///
/// Of the routes that fit a request one takes it, as the Kubernetes Gateway API decides, first difference first:
/// 1. the narrower path: segment by segment a literal before a field, a field before `**`;
/// 2. the narrower host: `api.example.org` before `*.example.org`, that before `*.org`, that before any;
/// 3. a route that names its methods before one that takes any;
/// 4. the one with more header conditions.
///
/// Two routes between which none of this decides are refused when the gateway is made, unless no request can fit both
/// (`x-plan: free` and `x-plan: paid`, say). A route whose method, host or headers do not fit hides nothing: the next one
/// is tried. A request that fits a route in all but its method is 405, else 404.
///
/// ``access`` is that of the route that took the request, and of no other. So a protected route with a condition protects
/// the requests that fulfil it; what happens to the others is said by the routes that take them. A client chooses its
/// header fields: what all have to be protected from belongs on the route without a condition, and what a condition opens
/// is open to everybody.
public struct Route: Sendable {
  /// Names the route in logs and metrics: `auth.signIn`.
  public var name: String
  /// `/api/v1/users/{id}`: a field in braces stands for one whole segment, a last segment `**` for all that is left
  /// (at least one, perhaps empty). A literal segment goes before a field, a field before `**`.
  public var path: String
  /// `GET`, `POST`, …; nil is any. HEAD goes where GET goes.
  public var methods: [String]?
  /// `api.example.org`, `*.example.org`; nil is any. A route that names the host goes before one that does not.
  public var hosts: [String]?
  /// All have to hold; at most 16, one for each field.
  public var headers: [HeaderCondition]
  /// The upstream's name in the registry.
  public var service: String
  /// ``Access/service`` is refused when the gateway is made: what is between services is not routed.
  public var access: Access
  /// Applies besides the gateway's own.
  public var rateLimit: RateLimit?
  /// How long until the answer begins; nil is the gateway's own ``GatewayConfiguration/Timeouts/firstByte``.
  public var timeout: Duration?
  /// Content of a request's body, in bytes; nil is the gateway's own limit.
  public var maximumBodyBytes: Int?
  /// How its requests are spread over the service's instances; nil is ``Balancing/peakEWMA``.
  public var balance: Balancing?
  /// Which pages of other origins may read its answers; nil is none, and the service's own fields pass then.
  public var cors: CORSPolicy?
  /// Whether its answers are compressed on their way; nil is no.
  public var compression: CompressionPolicy?
  /// nil is the gateway's own ``GatewayConfiguration/securityHeaders``; ``SecurityHeaders/none`` sets none.
  public var securityHeaders: SecurityHeaders?
  /// Whether the upstream is told the caller's claims as `X-User-Id`, `X-User-Roles` and `X-User-Permissions`, each
  /// percent-encoded and lists joined by commas; for a foreign upstream that cannot verify the token itself.
  public var identityHeaders: Bool
  /// Attempts in all, as long as trying again is allowed at all; 1 is never again, nil is the gateway's own
  /// ``RetrySettings/attempts``. The budget is the service's.
  public var attempts: Int?
  /// Whether its requests may take what is kept of the service's concurrency when others are refused
  /// (``ConcurrencySettings/reserve``).
  public var isUrgent = false
  /// Whether a path may have parameters (`/a;v=1`), which servlets take away from what they look up: then only where it
  /// leads to this route without them, too. Otherwise a `;` in a path, encoded or not, is 400.
  public var takesPathParameters = false
  /// How the health of the service's instances is looked at: the same in every route of one service.
  public var health = ServiceHealth.standard

  /// What is left out is as the gateway has it. What means nothing, or contradicts another route, is told by the gateway
  /// that is given it, as a ``RouteError``.
  ///
  /// - Parameters:
  ///   - timeout: Until an answer begins, over all attempts.
  ///   - maximumBodyBytes: Of a request's content; more is 413, 0 is no limit.
  ///   - identityHeaders: Whether the service is told who calls, in `X-User-*`.
  public init(
    _ name: String, path: String, methods: [String]? = nil, hosts: [String]? = nil, headers: [HeaderCondition] = [],
    service: String, access: Access, rateLimit: RateLimit? = nil, timeout: Duration? = nil,
    maximumBodyBytes: Int? = nil, identityHeaders: Bool = false, balance: Balancing? = nil, cors: CORSPolicy? = nil,
    compression: CompressionPolicy? = nil, securityHeaders: SecurityHeaders? = nil
  ) {
    self.name = name
    self.path = path
    self.methods = methods
    self.hosts = hosts
    self.headers = headers
    self.service = service
    self.access = access
    self.rateLimit = rateLimit
    self.timeout = timeout
    self.maximumBodyBytes = maximumBodyBytes
    self.identityHeaders = identityHeaders
    self.balance = balance
    self.cors = cors
    self.compression = compression
    self.securityHeaders = securityHeaders
  }

  /// The routes of a service's declared endpoints; those between services are left out.
  public static func routes(for service: String, endpoints: [any EndpointDescription]) -> [Route] {
    endpoints.filter { $0.access != .service }.map { endpoint in
      Route(
        "\(service).\(endpoint.name)", path: endpoint.path, methods: [endpoint.method.rawValue], service: service,
        access: endpoint.access)
    }
  }
}

/// So many requests in any window, the whole of them at once if one likes (GCRA).
public struct RateLimit: Sendable, Hashable {
  /// What a limit is called that was given no name.
  public static let standardName = "default"

  /// Names the policy in `RateLimit-Policy` and in the problem.
  public var name: String
  /// At least 1.
  public var requests: Int
  /// At least a millisecond.
  public var window: Duration
  /// Whose requests are counted together.
  public var by: Counting
  /// Whether the limit is only watched: what it would refuse is counted and logged, and admitted.
  public var isShadow: Bool

  /// - Parameters:
  ///   - requests: At least 1.
  ///   - window: At least a millisecond.
  public init(
    _ name: String = RateLimit.standardName, requests: Int, per window: Duration, by: Counting = .caller,
    isShadow: Bool = false
  ) {
    self.name = name
    self.requests = requests
    self.window = window
    self.by = by
    self.isShadow = isShadow
  }
}

extension RateLimit {
  /// Whose requests a limit counts together.
  public enum Counting: String, Sendable, Hashable, CaseIterable {
    /// A token's subject, whatever it came by; an address where there is no token.
    case caller
    /// Addresses, also of those who bear a token; as a sign-in's limit should.
    case address
    /// What was issued to call with: each API key and each OAuth client of an account has a limit of its own.
    case credential
    /// Everybody: what the route can bear.
    case everyone
  }
}

/// How the health of a service's instances is looked at.
public enum ServiceHealth: Sendable, Hashable {
  /// As ``GatewayConfiguration/health`` says.
  case standard
  /// Only by what becomes of requests: an instance is left alone while its breaker is open.
  case passive
  /// Asked at `path`, `interval` apart: up is an answer of 2xx within the gateway's ``HealthSettings/timeout``.
  case probe(path: String, interval: Duration)
}

/// Why routes cannot be taken.
public struct RouteError: Error, CustomStringConvertible {
  /// Which route, what is wrong with it, and what is expected.
  public var description: String
  /// The place of the route that is at fault among those that were given; nil where it is none's alone.
  public var route: Int?
  /// The place of the route that it does not go with.
  public var other: Int?
}

extension Route {
  /// Whether a gateway would take these routes beside what it answers itself at `local`.
  ///
  /// - Throws: ``RouteError`` for the first that it would not.
  public static func check(_ routes: [Route], beside local: [String] = []) throws(RouteError) {
    _ = try RoutingTable(routes: routes, local: Gateway.ownPaths + local)
    _ = try RouteSet.health(of: routes)
  }
}
