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

  init(_ route: Route, index: Int, service: Int, _ configuration: GatewayConfiguration) {
    self.route = route
    self.index = index
    self.service = service
    var policies: [LimitPolicy] = []
    if let limit = configuration.rateLimit { policies.append(LimitPolicy(limit, salt: 1)) }
    if let limit = route.rateLimit { policies.append(LimitPolicy(limit, salt: UInt64(index) + 2)) }
    self.policies = policies
    firstByte = (route.timeout ?? configuration.timeouts.firstByte).nanoseconds
    deadlineMilliseconds = Int(min(firstByte, configuration.timeouts.total.nanoseconds) / 1_000_000)
    maximumBodyBytes = route.maximumBodyBytes ?? configuration.limits.maximumBodyBytes
    isPublic = route.access == .public
  }
}
