import GravityDiscovery
import NIOCore
import Synchronization

/// What a gateway says of itself, for whoever looks after it. Each event loop is asked once and looks at what it has;
/// nothing of a request waits for it longer than that takes.
extension Gateway {
  /// Every instance of every service that a route names, by service and id; empty before the gateway runs.
  public func instances() async -> [InstanceReport] {
    let loads = await workers.withLock(\.self)?.gather { $0.instanceLoads } ?? []
    let now = state.now()
    return state.directory.listings.flatMap { listing in
      listing.instances.sorted { $0.instance.id < $1.instance.id }.map { shared in
        Self.report(listing, shared, loads.compactMap { $0[ObjectIdentifier(shared)] }, now)
      }
    }
  }

  private static func report(
    _ listing: UpstreamDirectory.Listing, _ shared: UpstreamInstance, _ loads: [InstanceLoad], _ now: Int64
  ) -> InstanceReport {
    let latency = loads.map(\.latency).max() ?? 0
    let breaker: InstanceReport.Breaker =
      switch shared.breaker.phase {
      case .closed: .closed
      case .halfOpen: .halfOpen
      // Time is up: the next request is a probe.
      case .open(let until): until > now ? .open(left: .nanoseconds(until - now)) : .halfOpen
      }
    return InstanceReport(
      service: listing.service, id: shared.instance.id, address: shared.instance.authority,
      isHealthy: shared.isHealthy, isProbed: listing.health != .passive,
      isEjected: shared.isEjected, breaker: breaker, openRoutes: shared.routes.openCount,
      consecutiveFailures: shared.breaker.consecutiveFailures, pending: loads.reduce(0) { $0 + $1.pending },
      latency: latency > 0 ? .nanoseconds(Int64(latency)) : nil,
      connections: loads.reduce(0) { $0 + $1.connections }, idleConnections: loads.reduce(0) { $0 + $1.idle })
  }

  /// Closes the breaker of an instance, which then has to fail as often again before it is left alone.
  ///
  /// - Returns: false when there is no such instance.
  public func resetBreaker(of id: String, service: String) -> Bool {
    guard let shared = state.directory.instances(of: service).first(where: { $0.instance.id == id }) else {
      return false
    }
    shared.breaker.reset(now: state.now())
    shared.routes.reset()
    return true
  }

  /// The gateway's own limit, then those of routes in their order.
  public var limits: [LimitReport] {
    var own: LimitPolicy?
    var reports: [LimitReport] = []
    for route in control.current.routes {
      for policy in route.policies {
        if policy.isGateways {
          own = own ?? policy
        } else {
          reports.append(LimitReport(policy, route: route.route.name))
        }
      }
    }
    return (own.map { [LimitReport($0, route: nil)] } ?? []) + reports
  }

  /// What was asked since the gateway began, by the route's name; requests that no route took are under the empty one.
  public func traffic() async -> [String: RouteTraffic] {
    await workers.withLock(\.self)?.gather { $0.durations.traffic }.reduce(into: [:]) { all, part in
      for (route, traffic) in part { all[route, default: RouteTraffic()].add(traffic) }
    } ?? [:]
  }
}

extension LimitReport {
  fileprivate init(_ policy: LimitPolicy, route: String?) {
    self.init(
      limit: policy.limit, route: route, isShared: policy.terms != nil,
      refused: policy.counts.refused.load(ordering: .relaxed), watched: policy.counts.watched.load(ordering: .relaxed))
  }
}

extension Worker {
  fileprivate var instanceLoads: [ObjectIdentifier: InstanceLoad] {
    var loads: [ObjectIdentifier: InstanceLoad] = [:]
    for upstream in routes.upstreams {
      for instance in upstream.instances {
        loads[ObjectIdentifier(instance.shared)] = InstanceLoad(
          pending: instance.load.pending, latency: instance.load.latency, connections: instance.connections,
          idle: instance.idle.count)
      }
    }
    return loads
  }
}
