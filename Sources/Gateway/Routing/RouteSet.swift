import GravityContracts

/// The routes of a gateway at one time, ready for use. It never changes: other routes are another set, which takes the
/// place of this one on each event loop in one step.
final class RouteSet: Sendable {
  /// Counts the sets.
  let generation: Int
  let table: RoutingTable
  let routes: [PreparedRoute]
  /// Those that the routes name, sorted; a service's place here is its index.
  let services: [String]
  /// By service.
  let health: [String: ServiceHealth]

  /// - Parameters:
  ///   - local: Paths that the gateway answers itself.
  ///   - sharesLimits: Whether there is a store of limits.
  ///   - former: Whose place it takes; limits go on counting.
  /// - Throws: ``RouteError`` for routes that mean nothing or contradict one another.
  init(
    _ routes: [Route], local: [String], _ configuration: GatewayConfiguration, sharesLimits: Bool,
    former: RouteSet? = nil
  ) throws(RouteError) {
    table = try RoutingTable(routes: routes, local: local)
    health = try Self.health(of: routes)
    services = health.keys.sorted()
    generation = (former?.generation ?? 0) + 1
    let indices = Dictionary(uniqueKeysWithValues: services.enumerated().map { ($1, $0) })
    var accesses: [Access: Int] = [:]
    for route in routes where accesses[route.access] == nil { accesses[route.access] = accesses.count }
    var counts: [String: LimitCounts] = [:]
    for policy in former?.policies ?? [] { counts[policy.bucket] = policy.counts }
    var prepared: [PreparedRoute] = []
    prepared.reserveCapacity(routes.count)
    for (index, route) in routes.enumerated() {
      let place = PreparedRoute.Place(
        generation: generation, index: index, service: indices[route.service] ?? 0,
        access: accesses[route.access] ?? 0, accessCount: accesses.count)
      prepared.append(
        PreparedRoute(route, place, configuration, sharesLimits: sharesLimits) { bucket in
          if let known = counts[bucket] { return known }
          let made = LimitCounts()
          counts[bucket] = made
          return made
        })
    }
    self.routes = prepared
  }

  var policies: [LimitPolicy] { routes.flatMap(\.policies) }

  /// - Throws: ``RouteError`` where two routes of one service differ.
  static func health(of routes: [Route]) throws(RouteError) -> [String: ServiceHealth] {
    var health: [String: ServiceHealth] = [:]
    for (index, route) in routes.enumerated() {
      guard health[route.service] ?? route.health == route.health else {
        throw RouteError(
          description: "\(route.name): another route looks at the health of \(route.service) in another way",
          route: index, other: routes.firstIndex { $0.service == route.service })
      }
      health[route.service] = route.health
    }
    return health
  }
}
