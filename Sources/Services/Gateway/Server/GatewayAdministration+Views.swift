import Gateway
import GatewayAPI
import GravityContracts

extension GatewayAdministration {
  func view() async -> GatewayView {
    let origin = origin()
    return GatewayView(
      id: await id(), version: version, startedAt: startedAt, generation: gateway.generation,
      routes: gateway.routes.count, source: origin.source, routesSince: origin.since, refusal: origin.refusal)
  }

  /// A page of what is in memory: the cursor is the place in the list, which moves only when the routes change.
  func page<Item>(_ items: [Item], _ request: PageRequest) async throws -> GatewayPage<Item> {
    let limit = try PageLimit.checked(request.limit)
    var start = 0
    if let cursor = request.cursor {
      guard cursor.parts.count == 1, let place = Int(cursor.parts[0]), place >= 0 else {
        throw Problem.invalid("cursor", "format", "is not a cursor of this list")
      }
      start = min(place, items.count)
    }
    let end = min(items.count, start + limit)
    return GatewayPage(
      gateway: await id(), items: Array(items[start..<end]),
      nextCursor: end < items.count ? Cursor(["\(end)"]) : nil)
  }

  func reset(_ request: BreakerReset) async throws -> InstanceView {
    guard gateway.resetBreaker(of: request.instance, service: request.service),
      let instance = await gateway.instances().first(where: {
        $0.service == request.service && $0.id == request.instance
      })
    else { throw Problem.notFound("instance") }
    return InstanceView(instance)
  }

  /// Routes in their order, also those that nobody asked for; then what no route took.
  func traffic() async -> [TrafficView] {
    let total = await gateway.traffic()
    let (recent, length) = history.recent(total)
    func view(_ name: String) -> TrafficView {
      TrafficView(
        route: name.isEmpty ? nil : name, total: TrafficCount(total[name] ?? RouteTraffic()),
        recent: TrafficCount(recent[name] ?? RouteTraffic()), recentMs: Int(length / .milliseconds(1)))
    }
    var seen: Set<String> = []
    let names = gateway.routes.map(\.name).filter { seen.insert($0).inserted }
    return (names + (total[""] == nil ? [] : [""])).map(view)
  }
}

extension RouteView {
  init(_ route: Route) {
    self.init(
      name: route.name, path: route.path, methods: route.methods, hosts: route.hosts,
      headers: route.headers.map(Self.text), service: route.service, access: Self.text(route.access),
      timeoutMs: route.timeout.map { Int($0 / .milliseconds(1)) }, attempts: route.attempts,
      maxBody: route.maximumBodyBytes, identityHeaders: route.identityHeaders)
  }

  private static func text(_ condition: HeaderCondition) -> String {
    switch condition.rule {
    case .present: condition.name
    case .absent: "no \(condition.name)"
    case .value(let value): "\(condition.name): \(value)"
    case .prefix(let prefix): "\(condition.name): \(prefix)…"
    }
  }

  private static func text(_ access: Access) -> String {
    switch access {
    case .public: "public"
    case .authenticated: "authenticated"
    case .permission(let permission): permission.rawValue
    case .service: "services only"
    }
  }
}

extension InstanceView {
  init(_ report: InstanceReport) {
    let breaker: (String, Int?) =
      switch report.breaker {
      case .closed: ("closed", nil)
      case .halfOpen: ("half_open", nil)
      case .open(let left): ("open", Int(left / .milliseconds(1)))
      }
    self.init(
      service: report.service, id: report.id, address: report.address,
      health: report.isProbed ? report.isHealthy ? "up" : "down" : "unasked", ejected: report.isEjected,
      breaker: breaker.0,
      openRoutes: report.openRoutes, breakerLeftMs: breaker.1, consecutiveFailures: report.consecutiveFailures,
      pending: report.pending,
      latencyMs: report.latency.map { $0.inMilliseconds }, connections: report.connections,
      idleConnections: report.idleConnections)
  }
}

extension LimitView {
  init(_ report: LimitReport) {
    self.init(
      policy: report.limit.name, route: report.route, requests: report.limit.requests,
      windowMs: Int(report.limit.window / .milliseconds(1)), by: report.limit.by.rawValue,
      shared: report.isShared, shadow: report.limit.isShadow, refused: report.refused, watched: report.watched)
  }
}

extension TrafficCount {
  init(_ traffic: RouteTraffic) {
    func milliseconds(_ share: Double) -> Double? {
      traffic.latency.quantile(share).map { Duration.nanoseconds($0).inMilliseconds }
    }
    self.init(
      requests: traffic.requests, informational: traffic.answers[0], successful: traffic.answers[1],
      redirected: traffic.answers[2], clientErrors: traffic.answers[3], serverErrors: traffic.answers[4],
      p50Ms: milliseconds(0.5), p99Ms: milliseconds(0.99))
  }
}

extension Duration {
  /// In microseconds' steps.
  fileprivate var inMilliseconds: Double { (self / .microseconds(1)).rounded() / 1_000 }
}
