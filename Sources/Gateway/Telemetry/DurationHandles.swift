import CoreMetrics

/// One event loop's handles of request durations, found by a number, and what the loop itself counts of them.
struct DurationHandles {
  private final class Series {
    let timer: Timer
    /// Its path, which the timer has as a label, and its name; empty where no route took the request.
    let path, route: String
    let status: Int
    var traffic = RouteTraffic()

    init(_ timer: Timer, path: String, route: String, status: Int) {
      self.timer = timer
      self.path = path
      self.route = route
      self.status = status
    }

    func record(_ nanoseconds: Int64) {
      timer.recordNanoseconds(nanoseconds)
      traffic.record(nanoseconds, status: status)
    }
  }

  private let metrics: GatewayMetrics
  private var handles: [Int: Series] = [:]
  /// By route, of those handles that are gone.
  private var former: [String: RouteTraffic] = [:]

  init(_ metrics: GatewayMetrics) { self.metrics = metrics }

  mutating func record(_ nanoseconds: Int64, method: RequestMethod, route: PreparedRoute?, status: Int) {
    let key = (route?.serial ?? 0) << 20 | Int(method.rawValue) << 10 | status
    if let handle = handles[key] { return handle.record(nanoseconds) }
    let timer = metrics.duration(method: method.name, route: route?.route.path ?? "", status: status)
    let handle = Series(
      timer, path: route?.route.path ?? "", route: route?.route.name ?? "", status: status)
    handles[key] = handle
    handle.record(nanoseconds)
  }

  /// What was counted since the gateway began, by the route's name; requests that no route took are under the empty one.
  var traffic: [String: RouteTraffic] {
    handles.values.reduce(into: former) { $0[$1.route, default: RouteTraffic()].add($1.traffic) }
  }

  /// Handles are found by numbers that other routes do not have. What was counted for routes that stay goes on; series
  /// of paths that no route has any more end, or routes that come and go would use up all that a name may have.
  mutating func routesChanged(to set: RouteSet) {
    var kept = traffic
    if !kept.isEmpty {
      let names = Set(set.routes.map(\.route.name))
      kept = kept.filter { names.contains($0.key) || $0.key.isEmpty }
    }
    former = kept
    let paths = Set(set.routes.map(\.route.path))
    for handle in handles.values where !handle.path.isEmpty && !paths.contains(handle.path) { handle.timer.destroy() }
    handles.removeAll(keepingCapacity: true)
  }
}
