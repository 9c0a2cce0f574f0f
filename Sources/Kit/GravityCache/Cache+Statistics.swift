public import Synchronization

extension Cache {
  static var publishEvery: Int64 { 1_000_000_000 }

  /// What was done so far; adds up the shards.
  public func statistics() -> CacheStatistics {
    var all = slowCounts.withLock { $0 }
    for shard in shards {
      shard.state.withLock { shard in
        all.l1.hits += shard.counts.hits
        all.l1.stale += shard.counts.stale
        all.l1.negative += shard.counts.negative
        all.l1.misses += shard.counts.misses
        all.fenced += shard.fenced
        all.entries += shard.entries.count
        all.bytes += shard.entries.cost
        all.evictions += shard.entries.evictions
      }
    }
    return all
  }

  /// How much the cache keeps from the loader: 1 − loads ÷ calls, not below 0; nil without calls. Each tier's own rate
  /// is in ``statistics()``.
  public func hitRate() -> Double? {
    let statistics = statistics()
    guard statistics.l1.requests > 0 else { return nil }
    return max(0, 1 - Double(statistics.origin.requests) / Double(statistics.l1.requests))
  }

  /// Brings the metrics up to date. Calls do it once a second by themselves; do it before each scrape too, so that the
  /// last ones count when the traffic ends.
  public func publish() {
    settings.withLock { settings in
      let now = statistics()
      metrics.publish(now, since: settings.published)
      settings.published = now
    }
  }

  /// A hit counts in its shard, under the lock that it holds anyway: a counter that all cores share costs as much as
  /// the hit.
  @inlinable func publishIfDue(_ now: Int64) {
    let due = publishAt.load(ordering: .relaxed)
    if now >= due { publish(due: due, now) }
  }

  @usableFromInline func publish(due: Int64, _ now: Int64) {
    let (claimed, _) = publishAt.compareExchange(
      expected: due, desired: now + Self.publishEvery, ordering: .relaxed)
    if claimed { publish() }
  }

  func count(_ change: (inout CacheStatistics) -> Void) { slowCounts.withLock { change(&$0) } }
}
