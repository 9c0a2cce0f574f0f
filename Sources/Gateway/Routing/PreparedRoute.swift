import GravityContracts

/// A route with what a request needs of it reckoned out.
final class PreparedRoute: Sendable {
  let route: Route
  let index: Int
  /// The index of its service among those that the gateway watches.
  let service: Int
  /// The gateway's own limit and the route's.
  let policies: [LimitPolicy]
  /// Nanoseconds.
  let firstByte: Int64
  /// What the upstream is told.
  let deadlineMilliseconds: Int
  /// 0 is no limit.
  let maximumBodyBytes: Int
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

  /// - Parameter sharesLimits: Whether there is a store of limits.
  init(
    _ route: Route, index: Int, service: Int, _ configuration: GatewayConfiguration, sharesLimits: Bool = false
  ) {
    self.route = route
    self.index = index
    self.service = service
    var policies: [LimitPolicy] = []
    let sharing = sharesLimits ? configuration.sharedLimits : nil
    if let limit = configuration.rateLimit { policies.append(LimitPolicy(limit, salt: 1, sharing: sharing)) }
    if let limit = route.rateLimit {
      policies.append(LimitPolicy(limit, salt: UInt64(index) + 2, scope: Self.scope(of: route), sharing: sharing))
    }
    self.policies = policies
    firstByte = (route.timeout ?? configuration.timeouts.firstByte).nanoseconds
    deadlineMilliseconds = Int(min(firstByte, configuration.timeouts.total.nanoseconds) / 1_000_000)
    maximumBodyBytes = route.maximumBodyBytes ?? configuration.limits.maximumBodyBytes
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

  /// Names the route's buckets. Two gateways may have it at different places of their tables; routes of one name are
  /// told apart by what they take.
  private static func scope(of route: Route) -> String {
    "\(route.name):\(CallerDigest.hex(rule(of: route)).prefix(8))"
  }

  private static func rule(of route: Route) -> String {
    let conditions = route.headers.map { "\($0)" }
    let rule = [route.path] + (route.methods ?? ["*"]) + (route.hosts ?? ["*"]) + conditions
    return rule.joined(separator: "\n")
  }
}
