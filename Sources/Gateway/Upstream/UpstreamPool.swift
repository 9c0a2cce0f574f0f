import GravityDiscovery

/// One event loop's connections to an instance, and how loaded it finds it.
final class LoopInstance {
  let shared: UpstreamInstance
  var load = LoadEstimate()
  /// Unused connections, the most recently used last.
  private(set) var idle: [UpstreamConnection] = []
  /// Connections in all.
  var connections = 0
  /// Whether the registry still has it; if not, connections close as they come back.
  var isListed = true

  init(_ shared: UpstreamInstance) { self.shared = shared }

  func takeIdle() -> UpstreamConnection? { idle.popLast() }

  func giveBack(_ connection: UpstreamConnection) { idle.append(connection) }

  func forget(_ connection: UpstreamConnection) {
    guard let index = idle.firstIndex(where: { $0 === connection }) else { return }
    idle.remove(at: index)
  }

  /// Closes connections that were last used before `moment`.
  func closeIdle(before moment: Int64) {
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

  init(budget: RetryBudget) { self.budget = budget }

  func update(_ set: [UpstreamInstance]) {
    isKnown = true
    let before = instances
    instances = set.map { shared in before.first { $0.shared === shared } ?? LoopInstance(shared) }
    for gone in before where !instances.contains(where: { $0 === gone }) {
      gone.isListed = false
      gone.closeIdle(before: .max)
    }
  }

  enum Choice {
    case instance(LoopInstance)
    /// There is none at all.
    case none
    /// Each is left alone by its breaker, the first of them until so many nanoseconds from now.
    case broken(retryAfter: Int64)
  }

  /// The less loaded of two instances chosen at random among those that are healthy, not tried and not broken.
  func choose(excluding tried: [LoopInstance], now: Int64, random: inout some RandomNumberGenerator) -> Choice {
    if instances.isEmpty { return .none }
    if instances.count == 1 {
      let only = instances[0]
      return only.shared.breaker.admits(now: now) ? .instance(only) : .broken(retryAfter: remaining(now))
    }
    var candidates = instances.filter { instance in !tried.contains { $0 === instance } }
    if candidates.isEmpty { candidates = instances }
    let healthy = candidates.filter { $0.shared.isHealthy }
    if !healthy.isEmpty { candidates = healthy }
    candidates.removeAll { !$0.shared.breaker.wouldAdmit(now: now) }
    if candidates.isEmpty { candidates = instances.filter { $0.shared.breaker.wouldAdmit(now: now) } }
    while !candidates.isEmpty {
      let index = Self.powerOfTwo(candidates, &random)
      if candidates[index].shared.breaker.admits(now: now) { return .instance(candidates[index]) }
      candidates.remove(at: index)
    }
    return .broken(retryAfter: remaining(now))
  }

  private static func powerOfTwo(_ candidates: [LoopInstance], _ random: inout some RandomNumberGenerator) -> Int {
    guard candidates.count > 1 else { return 0 }
    let first = Int.random(in: 0..<candidates.count, using: &random)
    var second = Int.random(in: 0..<(candidates.count - 1), using: &random)
    if second >= first { second += 1 }
    func cost(_ index: Int) -> Double {
      candidates[index].load.cost(weight: candidates[index].shared.instance.weight)
    }
    return cost(first) <= cost(second) ? first : second
  }

  private func remaining(_ now: Int64) -> Int64 {
    instances.compactMap { instance -> Int64? in
      if case .open(let until) = instance.shared.breaker.phase { return max(0, until - now) }
      return nil
    }.min() ?? 1_000_000_000
  }
}
