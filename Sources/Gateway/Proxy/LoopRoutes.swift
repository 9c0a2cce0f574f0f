/// The routes as one event loop has them. A reference of the loop's own, so that no request counts one that all loops
/// share.
final class LoopRoutes {
  let set: RouteSet
  let table: RoutingTable
  let routes: [PreparedRoute]
  /// In the order of ``RouteSet/services``.
  let upstreams: [LoopUpstream]

  init(_ set: RouteSet, upstreams: [LoopUpstream]) {
    self.set = set
    table = set.table
    routes = set.routes
    self.upstreams = upstreams
  }
}
