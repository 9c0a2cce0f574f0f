import GravityDiscovery

/// What is believed of one service's instances, from what Consul says and from what it said before.
///
/// Consul is believed, with two exceptions in which a set is more likely to be wrong than empty:
/// - **Everything is critical at once.** The check that all of them fail tells of whoever checks, or of something that
///   all of them share, and instances that may answer are better than none: the last set that passed stays. The gateway
///   has its own look at each of them. Consul forgets instances that stay critical, and then it is believed.
/// - **Consul was away, or has another history.** Instances that it does not name are kept for as long as those that
///   live need to register again.
struct ServiceHistory {
  private let settling: Duration
  private(set) var current: [ServiceInstance]?
  private var settled: ContinuousClock.Instant?

  init(settling: Duration) { self.settling = settling }

  enum Verdict: Equatable {
    case believed
    /// All that are registered are critical; the last set stays.
    case nonePasses
    /// Some are not named any more, and are kept for now.
    case settling
  }

  /// From here on, what Consul says may lack what it once knew.
  mutating func interrupt(now: ContinuousClock.Instant) { settled = now + settling }

  /// Until when instances that are not named are kept; nil where Consul is simply believed.
  func settlingEnd(now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
    settled.flatMap { $0 > now ? $0 : nil }
  }

  /// - Parameter known: Every instance that is registered, with whether it passes.
  mutating func take(_ known: [(instance: ServiceInstance, isPassing: Bool)], now: ContinuousClock.Instant) -> Verdict {
    var set = known.filter(\.isPassing).map(\.instance)
    var verdict = Verdict.believed
    let before = current ?? []
    if set.isEmpty, !known.isEmpty, !before.isEmpty {
      set = before
      verdict = .nonePasses
    } else if settlingEnd(now: now) != nil {
      let named = Set(known.map(\.instance.id))
      let unnamed = before.filter { !named.contains($0.id) }
      set += unnamed
      if !unnamed.isEmpty { verdict = .settling }
    }
    current = set.sorted { $0.id < $1.id }
    return verdict
  }
}
