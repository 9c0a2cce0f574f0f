import CoreMetrics

/// One event loop's connections to an instance, and how loaded it finds it.
final class LoopInstance {
  let shared: UpstreamInstance
  var load = LoadEstimate()
  /// Where it stands in the round; nil before its first.
  var turn: Int?
  /// In ``ZonePlan/zones``; 0 is the gateway's own.
  var zone = 0
  /// Unused connections, the most recently used last.
  private(set) var idle: [UpstreamConnection] = []
  /// Connections in all.
  var connections = 0
  /// Whether the registry still has it; if not, connections close as they come back.
  private(set) var isListed = true
  private var http2: HTTP2Upstream?

  init(_ shared: UpstreamInstance) { self.shared = shared }

  func takeIdle() -> UpstreamConnection? { idle.popLast() }

  func giveBack(_ connection: UpstreamConnection) { idle.append(connection) }

  func forget(_ connection: UpstreamConnection) {
    guard let index = idle.firstIndex(where: { $0 === connection }) else { return }
    idle.remove(at: index)
  }

  /// Where requests to one that speaks HTTP/2 get their streams.
  func streams(_ worker: Worker) -> HTTP2Upstream {
    if let http2 { return http2 }
    let made = HTTP2Upstream(worker, shared)
    http2 = made
    return made
  }

  /// The registry has it no more: connections close as they come back.
  func unlist() {
    isListed = false
    closeIdle(before: .max)
    http2?.retire()
  }

  /// Closes connections that were last used before `moment`.
  func closeIdle(before moment: Int64) {
    http2?.closeIdle(before: moment)
    let stale = idle.prefix { $0.idleSince < moment }
    guard !stale.isEmpty else { return }
    let closing = Array(stale)
    idle.removeFirst(closing.count)
    for connection in closing { connection.close() }
  }
}

/// One event loop's view of a service.
final class LoopUpstream {
  private(set) var instances: [LoopInstance] = []
  /// Whether the registry has said anything yet.
  private(set) var isKnown = false
  var budget: RetryBudget
  var concurrency: ConcurrencyLimit
  /// Whether requests were refused since the limit last grew to its most; so that it is said once.
  var sheds = false
  /// Counts what was refused for that; made with the first.
  var refusals: Counter?
  /// nil where zones do not matter: the gateway's is not known, or all instances are in one.
  private(set) var zonePlan: ZonePlan?
  private let settings: BalancingSettings
  private let zone: String?
  /// Gateways by zone, where the registry knows them.
  private var gateways: [String: Int] = [:]
  /// Places in ``instances``, used again for each choice.
  var candidates: [Int] = []
  /// As long as ``candidates``, where a policy puts a number beside each.
  var tied: [Int] = []

  init(
    budget: RetryBudget, concurrency: ConcurrencySettings = .init(), settings: BalancingSettings = .init(),
    zone: String? = nil
  ) {
    self.budget = budget
    self.concurrency = ConcurrencyLimit(concurrency)
    self.settings = settings
    self.zone = zone
  }

  func update(_ set: [UpstreamInstance]) {
    isKnown = true
    let before = instances
    instances = set.map { shared in before.first { $0.shared === shared } ?? LoopInstance(shared) }
    for gone in before where !instances.contains(where: { $0 === gone }) {
      gone.unlist()
    }
    planZones()
  }

  func update(gateways: [String: Int]) {
    self.gateways = gateways
    planZones()
  }

  private func planZones() {
    zonePlan = zone.flatMap { ZonePlan(own: $0, instances: instances, gateways: gateways) }
  }

  /// No route leads here any more. Requests that are under way go on, and may be tried again; connections close as they
  /// come back.
  func retire() {
    for instance in instances { instance.unlist() }
  }

  enum Choice {
    case instance(LoopInstance, UpstreamInstance.Admission)
    /// There is none at all.
    case none
    /// Each is left alone by its breaker, the first of them until so many nanoseconds from now, or until the probes are
    /// back that it has been sent.
    case broken(retryAfter: Int64, isProbed: Bool)
  }

  /// What an instance is wanted for.
  struct Demand {
    var rule = BalanceRule.peakEWMA
    /// Of consistent hashing; nil where the request has none.
    var key: UInt64?
    /// ``PreparedRoute/identity``.
    var route: UInt64 = 0
    var now: Int64
  }

  /// Chooses by the demand's policy among those that are healthy, not ejected, not tried and not broken. Where there is
  /// none, health, ejection and then what was tried are let go, the breakers never.
  func choose(_ demand: Demand, excluding tried: [LoopInstance], random: inout some RandomNumberGenerator) -> Choice {
    if instances.isEmpty { return .none }
    if instances.count == 1 {
      let only = instances[0]
      return only.shared.admission(route: demand.route, now: demand.now).map { .instance(only, $0) }
        ?? broken(demand)
    }
    var isZoned = false
    repeat {
      gather(demand, tried)
      // The second time all zones count: the one that was preferred could take nobody.
      isZoned = !isZoned && preferZone(demand, &random)
      while !candidates.isEmpty {
        let place = pick(demand, &random)
        let chosen = instances[candidates[place]]
        if let admission = chosen.shared.admission(route: demand.route, now: demand.now) {
          return .instance(chosen, admission)
        }
        candidates.remove(at: place)
      }
    } while isZoned
    return broken(demand)
  }

  /// Whether there is another than those tried that may be asked now.
  func hasOther(_ demand: Demand, than tried: [LoopInstance]) -> Bool {
    let isPanic = isPanic
    return instances.contains { instance in
      (isPanic || instance.shared.isUsable) && !tried.contains { $0 === instance }
        && instance.shared.wouldAdmit(route: demand.route, now: demand.now)
    }
  }

  /// Whether so few are healthy and not ejected that neither counts.
  private var isPanic: Bool {
    var usable = 0
    for instance in instances where instance.shared.isUsable { usable += 1 }
    return usable == 0 || Double(usable) < settings.panicShare * Double(instances.count)
  }

  private func gather(_ demand: Demand, _ tried: [LoopInstance]) {
    let isPanic = isPanic
    collect(demand, tried, anyHealth: isPanic)
    if candidates.isEmpty, !isPanic { collect(demand, tried, anyHealth: true) }
    if candidates.isEmpty, !tried.isEmpty { collect(demand, [], anyHealth: true) }
  }

  private func collect(_ demand: Demand, _ tried: [LoopInstance], anyHealth: Bool) {
    candidates.removeAll(keepingCapacity: true)
    for (place, instance) in instances.enumerated() {
      guard anyHealth || instance.shared.isUsable,
        instance.shared.wouldAdmit(route: demand.route, now: demand.now),
        tried.isEmpty || !tried.contains(where: { $0 === instance })
      else { continue }
      candidates.append(place)
    }
  }

  /// - Returns: Whether some candidates were left out because they are in another zone.
  private func preferZone(_ demand: Demand, _ random: inout some RandomNumberGenerator) -> Bool {
    guard zonePlan != nil, candidates.count > 1 else { return false }
    if case .consistentHash = demand.rule, demand.key != nil { return false }
    let before = candidates.count
    guard let zone = zonePlan?.zone(for: candidates, of: instances, &random) else { return false }
    candidates.removeAll { instances[$0].zone != zone }
    return candidates.count < before
  }

  private func broken(_ demand: Demand) -> Choice {
    var (least, isProbed) = (Int64.max, false)
    for instance in instances {
      var left: Int64?
      for phase in [instance.shared.breaker.phase, instance.shared.routes.phase(demand.route)] {
        switch phase {
        case .open(let until): left = max(left ?? 0, until - demand.now)
        case .halfOpen:
          left = left ?? 0
          isProbed = true
        case .closed: break
        }
      }
      least = min(least, left ?? .max)
    }
    return .broken(retryAfter: least < .max ? least : 1_000_000_000, isProbed: isProbed)
  }
}
