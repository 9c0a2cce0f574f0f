public import GravityContracts

/// What a gateway is told.
public struct GatewayConfiguration: Sendable {
  /// The address or name that is listened on; `0.0.0.0` and `::` are all of the machine.
  public var host: String
  /// 0 lets the system choose; ask ``Gateway/boundPort``.
  public var port: Int
  /// Event loops of the gateway's own, where it is given no group; nil is one for each core.
  public var loops: Int?
  /// nil is no TLS: the port takes plain HTTP. With it, it takes nothing else.
  public var tls: TLSSettings?
  /// How HTTP/2 is spoken with clients.
  public var http2 = HTTP2Configuration()
  /// How large and how many things may be.
  public var limits = Limits()
  /// How long things may take.
  public var timeouts = Timeouts()
  /// Whose `Forwarded` and `X-Forwarded-*` count.
  public var trustedProxies: [CIDR] = []
  /// Applies to every proxied request, by subject, or by address where there is none; nil is no limit.
  public var rateLimit: RateLimit? = RateLimit(requests: 6_000, per: .seconds(60))
  /// Whether answers of services carry `RateLimit-Policy` and `RateLimit`, of the limit of which the least is left. A 429
  /// always does.
  public var tellsLimits = false
  /// Only where the gateway is given a store of limits.
  public var sharedLimits = SharedLimitSettings()
  /// Only where the gateway is given a store of the blacklist.
  public var blacklist = BlacklistSettings()
  /// When instances, and their routes, are left alone.
  public var breaker = BreakerSettings()
  /// What balancing goes by, whatever a route's policy.
  public var balancing = BalancingSettings()
  /// When instances that fail while others succeed are taken out.
  public var ejection = EjectionSettings()
  /// When services are asked for less.
  public var concurrency = ConcurrencySettings()
  /// What answers have besides, where neither the service nor the route says otherwise.
  public var securityHeaders = SecurityHeaders()
  /// Where the gateway is. Instances of the same ``ServiceInstance/zone`` are preferred, as far as there are enough of
  /// them; nil prefers none.
  public var zone: String?
  /// How often a request is tried again where its route does not say.
  public var retries = RetrySettings()
  /// How the health of instances is looked at where their route does not say.
  public var health = HealthSettings()
  /// How long requests in flight are waited for after SIGTERM.
  public var drainTimeout: Duration = .seconds(20)
  /// How long a connection that asks nothing is kept while draining: its next request may be on its way.
  public var drainQuiet: Duration = .milliseconds(500)
  /// Whether requests are logged.
  public var accessLog = true

  /// - Parameter port: 0 to 65 535.
  public init(host: String = "127.0.0.1", port: Int = 8000, loops: Int? = nil) {
    self.host = host
    self.port = port
    self.loops = loops
  }

  /// How large and how many things may be. Each is at least 1 where nothing else is said.
  public struct Limits: Sendable {
    /// Request line and headers, in bytes; more is 431.
    public var maximumHeadBytes = 65_536
    /// The request target, in bytes; more is 414.
    public var maximumTargetBytes = 8_192
    /// More is 431.
    public var maximumHeaderCount = 100
    /// Content of a request's body, in bytes; more is 413. 0 is no limit: bodies stream.
    public var maximumBodyBytes = 0
    /// Bytes a second that a request's body has to come with on the whole, after ``Timeouts/bodyGrace``; slower is 408.
    /// Calls of gRPC are not held to it: their bodies are conversations. 0 is any.
    public var minimumBodyRate = 500
    /// Connections to one instance from one event loop; more is 503.
    public var upstreamConnectionsPerLoop = 1_024
    /// Connections of clients to one event loop, requests of HTTP/2 under way among them; more are closed at once.
    public var clientConnectionsPerLoop = 16_384
    /// Verified tokens that one event loop remembers.
    public var cachedTokensPerLoop = 16_384
    /// Tokens that one event loop has verified at a time; as many again as `waitingVerifications` wait, more is 503.
    public var concurrentVerifications = 64
    /// Tokens of one event loop that wait to be verified; more is 503.
    public var waitingVerifications = 1_024
    /// API keys that one event loop has exchanged for tokens at a time; as many as tokens wait.
    public var concurrentKeyExchanges = 32
    /// Answers that one event loop compresses at a time; more go as they are. Each holds some 264 KiB with gzip, about
    /// a MiB with Brotli.
    public var compressedAnswersPerLoop = 128
    /// Callers whose limits are kept; the least active gives way.
    public var limitedCallers = 262_144
    /// What is standard.
    public init() {}
  }

  /// How long things may take. None is zero.
  public struct Timeouts: Sendable {
    /// From a request's first byte to the end of its head; later is 408.
    public var head: Duration = .seconds(10)
    /// Between requests of a connection.
    public var keepAlive: Duration = .seconds(75)
    /// For one attempt to connect to an instance; later is 504.
    public var connect: Duration = .seconds(2)
    /// From the end of the request to the beginning of its answer, for one attempt; later is 504.
    public var firstByte: Duration = .seconds(30)
    /// Without a byte in either direction while a body is under way.
    public var transferIdle: Duration = .seconds(60)
    /// For a request's body to come, however slowly; from then on it is held to ``Limits/minimumBodyRate``.
    public var bodyGrace: Duration = .seconds(30)
    /// From the end of the request to the beginning of its answer, over all attempts.
    /// A route whose own ``Route/timeout`` is longer has that.
    public var total: Duration = .seconds(60)
    /// Without a byte in either direction through a WebSocket or an event stream.
    public var tunnelIdle: Duration = .seconds(300)
    /// For which a connection to an instance is kept unused. Less than the service keeps it, or a request may meet its
    /// end.
    public var upstreamKeepAlive: Duration = .seconds(55)
    /// For verifying a token that is not remembered; later is 503.
    public var verification: Duration = .seconds(5)
    /// What is standard.
    public init() {}
  }
}

/// When an instance is left alone that cannot be reached, and when one is that does not answer a route, for that route.
public struct BreakerSettings: Sendable {
  /// Failures in a row: of an instance, to be reached; of a route, to be answered, or with 502, 503 and 504.
  public var consecutiveFailures = 5
  /// The share of failures, 5xx among them, from which the breaker opens, …
  public var failureRatio = 0.5
  /// … of at least so many requests …
  public var minimumRequests = 20
  /// … in a window of this length.
  public var window: Duration = .seconds(10)
  /// How long it stays open the first time; doubles up to ``maximumOpen``, give or take a fifth. It ends as soon as the
  /// instance's health check passes again after it had failed.
  public var firstOpen: Duration = .seconds(1)
  /// The longest that it stays open, but for the fifth.
  public var maximumOpen: Duration = .seconds(10)
  /// Requests let through at a time to see whether it is back, and that have to succeed.
  public var probes = 3
  /// What is standard.
  public init() {}
}

/// How often a request is tried again.
public struct RetrySettings: Sendable {
  /// Attempts in all; 1 is never again.
  public var attempts = 3
  /// Answers that are not passed on while another instance may be asked: what may be done twice, and has no body.
  public var statuses: Set<Int> = [502, 503, 504]
  /// Retries as a share of requests …
  public var budgetRatio = 0.2
  /// … and so many a second besides, over all loops.
  public var budgetPerSecond = 10.0
  /// What is standard.
  public init() {}
}

/// How the services' health is looked at.
public struct HealthSettings: Sendable {
  /// Between two rounds.
  public var interval: Duration = .seconds(2)
  /// For one instance's answer.
  public var timeout: Duration = .seconds(1)
  /// Asked with GET; an answer of 2xx is up.
  public var path = "/health/ready"
  /// Services without which the gateway is not ready; those without a route do not count.
  public var critical: Set<String> = ["auth"]
  /// What is standard.
  public init() {}
}

extension Duration {
  /// Nanoseconds, at most some 73 years, so that a moment and a few of them can be added up.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow, product < .max / 4 else { return .max / 4 }
    return product + attoseconds / 1_000_000_000
  }
}

/// ``GatewayConfiguration/Timeouts`` in nanoseconds, reckoned out once.
struct TimeoutNanoseconds: Sendable {
  let bodyGrace, head, keepAlive, firstByte, connect, transferIdle, total, tunnelIdle, upstreamKeepAlive,
    verification: Int64

  init(_ timeouts: GatewayConfiguration.Timeouts) {
    bodyGrace = timeouts.bodyGrace.nanoseconds
    head = timeouts.head.nanoseconds
    keepAlive = timeouts.keepAlive.nanoseconds
    firstByte = timeouts.firstByte.nanoseconds
    connect = timeouts.connect.nanoseconds
    transferIdle = timeouts.transferIdle.nanoseconds
    total = timeouts.total.nanoseconds
    tunnelIdle = timeouts.tunnelIdle.nanoseconds
    upstreamKeepAlive = timeouts.upstreamKeepAlive.nanoseconds
    verification = timeouts.verification.nanoseconds
  }
}
