import GravityDiscovery

@testable import Gateway

/// Instances of a service as one event loop balances over them, without a network and with a clock of the test's own.
struct ServedSet {
  let upstream: LoopUpstream
  let shared: [UpstreamInstance]
  var random = SeededRandom(7)

  init(
    _ instances: [ServiceInstance], settings: BalancingSettings = .init(), zone: String? = nil,
    gateways: [String: Int] = [:]
  ) {
    shared = instances.map { UpstreamInstance($0, BreakerSettings(), settings) }
    upstream = LoopUpstream(budget: RetryBudget(ratio: 0, perSecond: 0), settings: settings, zone: zone)
    upstream.update(shared)
    upstream.update(gateways: gateways)
  }

  static func instance(_ id: String, zone: String? = nil, weight: Int = 100) -> ServiceInstance {
    ServiceInstance(id: id, service: "s", host: "127.0.0.1", port: 1, zone: zone, weight: weight)
  }

  mutating func choose(_ rule: BalanceRule, key: UInt64? = nil, now: Int64 = 0) -> String? {
    guard
      case .instance(let chosen, _) = upstream.choose(
        .init(rule: rule, key: key, now: now), excluding: [], random: &random)
    else { return nil }
    return chosen.shared.instance.id
  }

  /// How often each is chosen.
  mutating func counts(_ rule: BalanceRule, _ number: Int = 1_000, now: Int64 = 0) -> [String: Int] {
    var counts: [String: Int] = [:]
    for _ in 0..<number {
      if let id = choose(rule, now: now) { counts[id, default: 0] += 1 }
    }
    return counts
  }
}

/// The same numbers in each run (splitmix64).
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    return StableHash.mixed(state)
  }
}
