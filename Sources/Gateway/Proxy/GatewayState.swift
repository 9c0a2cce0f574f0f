import GravityIdentity
import GravityLimits
import GravityTelemetry
import Logging
import Synchronization

/// What all event loops of a gateway share. Nothing here is locked for long, and nothing waits.
final class GatewayState: Sendable {
  let configuration: GatewayConfiguration
  let directory: UpstreamDirectory
  let limiter: RateLimiter
  /// nil where limits are this gateway's alone.
  let leases: LimitLeases?
  let verifier: any TokenVerifier
  /// nil where no keys are taken.
  let apiKeys: (any APIKeyTokens)?
  let revocations: RevocationList
  /// Confirms what the list says; nil where the list alone decides.
  let tokenStore: (any TokenStore)?
  let metrics: GatewayMetrics
  let accessLog: (any AccessLog)?
  /// nil where no traces are kept.
  let tracer: Tracer?
  /// nil where the port takes plain HTTP.
  let certificates: TLSCertificates?
  let local: [LocalResponse]
  let logger: Logger
  /// Nanoseconds of the monotonic clock.
  let now: @Sendable () -> Int64
  /// Seconds since 1970.
  let wallClock: @Sendable () -> Double
  let shadowReports: ShadowReports
  let refusedConnections: RefusedConnections
  /// Of answers that no route gives.
  let security: SecurityLines?
  private let drainFlag: DrainFlag

  init(
    configuration: GatewayConfiguration, local: [LocalResponse], verifier: any TokenVerifier,
    apiKeys: (any APIKeyTokens)? = nil, revocations: RevocationList, limitStore: (any LimitStore)? = nil,
    tokenStore: (any TokenStore)? = nil,
    metrics: GatewayMetrics, accessLog: (any AccessLog)?, tracer: Tracer? = nil,
    logger: Logger,
    directory: UpstreamDirectory, drainFlag: DrainFlag, now: @escaping @Sendable () -> Int64,
    wallClock: @escaping @Sendable () -> Double
  ) throws {
    self.configuration = configuration
    security = try SecurityLines(configuration.securityHeaders)
    self.directory = directory
    self.drainFlag = drainFlag
    let limiter = RateLimiter(capacity: configuration.limits.limitedCallers)
    self.limiter = limiter
    certificates = try configuration.tls.map {
      try TLSCertificates(
        $0, offersHTTP2: configuration.http2.isEnabled, logger: logger, metrics: metrics, wallClock: wallClock)
    }
    leases = limitStore.map {
      LimitLeases(
        store: $0, settings: configuration.sharedLimits, local: limiter, metrics: metrics.limits, logger: logger,
        now: now)
    }
    self.tokenStore = tokenStore
    shadowReports = ShadowReports(metrics, logger)
    refusedConnections = RefusedConnections(
      metrics.refusedConnections, limit: configuration.limits.clientConnectionsPerLoop, logger)
    self.verifier = verifier
    self.apiKeys = apiKeys
    self.revocations = revocations
    self.metrics = metrics
    self.accessLog = accessLog
    self.tracer = tracer
    self.local = local
    self.logger = logger
    self.now = now
    self.wallClock = wallClock
  }

  var isDraining: Bool { drainFlag.isSet }
  func startDraining() { drainFlag.set() }
}

/// Whether the gateway is on its way out.
final class DrainFlag: Sendable {
  private let flag = Atomic(false)
  var isSet: Bool { flag.load(ordering: .relaxed) }
  func set() { flag.store(true, ordering: .relaxed) }
}
