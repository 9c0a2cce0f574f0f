import GravityContracts

/// A route with what a request needs of it reckoned out.
final class PreparedRoute: Sendable {
  let route: Route
  let place: Place
  /// The gateway's own limit and the route's.
  let policies: [LimitPolicy]
  /// Nanoseconds.
  let firstByte: Int64
  /// Nanoseconds from the end of the request to the beginning of its answer, over all attempts.
  let total: Int64
  /// What the upstream is told.
  let deadlineMilliseconds: Int
  /// 0 is no limit.
  let maximumBodyBytes: Int
  /// In all.
  let attempts: Int
  let isPublic: Bool
  let balance: BalanceRule
  /// nil where no key decides about the instance.
  let hashSource: HashSource?
  /// nil where no page of another origin may read its answers.
  let cors: CORSRules?
  /// nil where nothing is compressed.
  let compression: CompressionRules?
  /// nil where nothing is set.
  let security: SecurityLines?
  /// What its breakers are kept by: the same for the same rule, wherever it stands among the others.
  let identity: UInt64

  /// Where it stands in its ``RouteSet``.
  struct Place: Sendable {
    /// Of the set.
    var generation = 0
    var index = 0
    /// The index of its service in ``RouteSet/services``.
    var service = 0
    /// The index of its access among those that the set's routes have.
    var access = 0
    /// How many different ones there are.
    var accessCount = 1
  }

  var service: Int { place.service }
  /// No other prepared route has it, also of another set.
  var serial: Int { place.generation << 24 | place.index + 1 }

  /// - Parameters:
  ///   - sharesLimits: Whether there is a store of limits.
  ///   - counts: Gives the counts of a policy by its bucket: they outlast the set.
  init(
    _ route: Route, _ place: Place, _ configuration: GatewayConfiguration, sharesLimits: Bool = false,
    counts: (String) -> LimitCounts = { _ in LimitCounts() }
  ) {
    self.route = route
    self.place = place
    var policies: [LimitPolicy] = []
    let sharing = sharesLimits ? configuration.sharedLimits : nil
    func add(_ limit: RateLimit, salt: UInt64, scope: String) {
      policies.append(
        LimitPolicy(
          limit, salt: salt, scope: scope, sharing: sharing, counts: counts(LimitPolicy.bucket(limit, scope: scope))))
    }
    if let limit = configuration.rateLimit { add(limit, salt: LimitPolicy.gatewaySalt, scope: "gateway") }
    if let limit = route.rateLimit {
      let scope = Self.scope(of: route)
      add(limit, salt: Self.salt(scope, limit), scope: scope)
    }
    self.policies = policies.filter { $0.limit.by == .address } + policies.filter { $0.limit.by != .address }
    firstByte = (route.timeout ?? configuration.timeouts.firstByte).nanoseconds
    total = max(configuration.timeouts.total.nanoseconds, route.timeout?.nanoseconds ?? 0)
    deadlineMilliseconds = Int(min(firstByte, total) / 1_000_000)
    maximumBodyBytes = route.maximumBodyBytes ?? configuration.limits.maximumBodyBytes
    attempts = max(1, route.attempts ?? configuration.retries.attempts)
    isPublic = route.access == .public
    balance = BalanceRule(route.balance)
    // What is wrong with these ``check(_:)`` has said.
    hashSource = (try? HashSource(route)) ?? nil
    cors = route.cors.map { CORSRules($0) }
    compression = (try? route.compression.map { try CompressionRules($0) }) ?? nil
    security = (try? SecurityLines(route.securityHeaders ?? configuration.securityHeaders)) ?? nil
    identity = StableHash.of(Self.rule(of: route).utf8)
  }

  /// - Throws: ``RouteError`` for what means nothing.
  static func check(_ route: Route) throws(RouteError) {
    _ = try HashSource(route)
    if let policy = route.compression { _ = try CompressionRules(policy) }
    if let headers = route.securityHeaders { _ = try SecurityLines(headers) }
  }

  /// Names the route's buckets. Two gateways may have it at different places of their tables, and one at another place
  /// after its routes were replaced; routes of one name are told apart by what they take.
  private static func scope(of route: Route) -> String {
    "\(route.name):\(CallerDigest.hex(rule(of: route)).prefix(8))"
  }

  private static func rule(of route: Route) -> String {
    let conditions = route.headers.map { "\($0)" }
    let rule = [route.path] + (route.methods ?? ["*"]) + (route.hosts ?? ["*"]) + conditions
    return rule.joined(separator: "\n")
  }

  /// The same for the same route of a later set, so that what callers have used stays used.
  private static func salt(_ scope: String, _ limit: RateLimit) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(scope)
    hasher.combine(limit.name)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}
