import Metrics

/// `cache.requests`, `cache.entries`, `cache.size.bytes`, `cache.evictions`, `cache.load.duration` and `cache.l2.up`.
struct CacheMetrics: Sendable {
  enum Tier: String { case l1, l2, origin }
  enum Result: String, CaseIterable { case hit, stale, negative, miss, error }

  private let l1: [Counter]
  private let l2: [Counter]
  private let origin: [Counter]
  private let entries: Gauge
  private let bytes: Gauge
  private let evictions: Counter
  private let fenced: Counter
  private let loaded: Timer
  private let failed: Timer
  private let isUp: Gauge?

  init(cache name: String, hasSecondTier: Bool, factory: any MetricsFactory) {
    let cache = [("cache", name)]
    func requests(_ tier: Tier) -> [Counter] {
      Result.allCases.map {
        Counter(
          label: "cache.requests", dimensions: cache + [("tier", tier.rawValue), ("result", $0.rawValue)],
          factory: factory)
      }
    }
    l1 = requests(.l1)
    l2 = hasSecondTier ? requests(.l2) : []
    origin = requests(.origin)
    entries = Gauge(label: "cache.entries", dimensions: cache, factory: factory)
    bytes = Gauge(label: "cache.size.bytes", dimensions: cache, factory: factory)
    evictions = Counter(label: "cache.evictions", dimensions: cache, factory: factory)
    fenced = Counter(label: "cache.fenced", dimensions: cache, factory: factory)
    loaded = Timer(label: "cache.load.duration", dimensions: cache + [("result", "ok")], factory: factory)
    failed = Timer(label: "cache.load.duration", dimensions: cache + [("result", "error")], factory: factory)
    isUp = hasSecondTier ? Gauge(label: "cache.l2.up", dimensions: cache, factory: factory) : nil
    isUp?.record(1)
  }

  func secondTier(isUp: Bool) { self.isUp?.record(isUp ? 1 : 0) }

  func load(nanoseconds: Int64, succeeded: Bool) { (succeeded ? loaded : failed).recordNanoseconds(nanoseconds) }

  /// Adds what was counted since `old`.
  func publish(_ new: CacheStatistics, since old: CacheStatistics) {
    add(new.l1, since: old.l1, to: l1)
    if !l2.isEmpty { add(new.l2, since: old.l2, to: l2) }
    add(new.origin, since: old.origin, to: origin)
    if new.evictions > old.evictions { evictions.increment(by: Int64(new.evictions - old.evictions)) }
    if new.fenced > old.fenced { fenced.increment(by: Int64(new.fenced - old.fenced)) }
    entries.record(new.entries)
    bytes.record(new.bytes)
  }

  private func add(_ new: CacheStatistics.Tier, since old: CacheStatistics.Tier, to counters: [Counter]) {
    let counts = [
      new.hits - old.hits, new.stale - old.stale, new.negative - old.negative, new.misses - old.misses,
      new.errors - old.errors,
    ]
    for (counter, count) in zip(counters, counts) where count > 0 { counter.increment(by: Int64(count)) }
  }
}
