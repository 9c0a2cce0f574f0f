import GravityLimits
import Synchronization

/// The leases of a gateway, one table for all event loops: so many callers at most, in shards each behind a lock of its
/// own that is held for some nanoseconds. As in ``RateLimiter``, a caller's place is one of eight neighbours; when they
/// are taken, the one that matters least gives way, and what it held is lost until it has flowed back.
final class LeaseTable: Sendable {
  private static let ways = 8
  private static let shardCount = 64

  /// What was decided and is not reported yet.
  struct Counts: Sendable, Equatable {
    /// Requests admitted from a lease.
    var leased = 0
    /// Requests refused because the store had said that the bucket is empty.
    var remembered = 0
    /// Leased requests that were given up for newer ones or for another caller.
    var lost = 0
  }

  private struct Shard: Sendable {
    /// 0 marks a free place.
    var keys: [UInt64]
    var leases: [LimitLease]
    var counts = Counts()
  }

  private final class Lock: Sendable {
    let shard: Mutex<Shard>
    init(slots: Int) {
      shard = Mutex(
        Shard(keys: .init(repeating: 0, count: slots), leases: .init(repeating: LimitLease(now: 0), count: slots)))
    }
  }

  private let shards: [Lock]
  private let setsPerShard: UInt64

  /// - Parameter capacity: Callers, rounded up to a power of two of at least 512.
  init(capacity: Int) {
    var sets = 1
    while sets * Self.ways * Self.shardCount < capacity { sets *= 2 }
    setsPerShard = UInt64(sets)
    shards = (0..<Self.shardCount).map { _ in Lock(slots: sets * Self.ways) }
  }

  private func places(_ key: UInt64) -> Range<Int> {
    let first = Int(key & (setsPerShard - 1)) * Self.ways
    return first..<(first + Self.ways)
  }

  /// Decides about a request of `key`.
  ///
  /// - Returns: The answer, and when the bucket is whole again as far as is known; ``Int64/min`` where nothing is.
  func take(
    _ key: UInt64, _ terms: LeaseTerms, share: Int, patience: Int64, now: Int64
  ) -> (answer: LimitLease.Answer, whole: Int64) {
    let key = key == 0 ? 1 : key
    return shards[Int(key >> 58)].shard.withLock { shard in
      for place in places(key) where shard.keys[place] == key {
        let answer = shard.leases[place].take(terms, share: share, patience: patience, now: now)
        switch answer {
        case .admitted: shard.counts.leased += 1
        case .refused: shard.counts.remembered += 1
        case .ask: break
        }
        return (answer, shard.leases[place].whole)
      }
      let place = make(key, terms, &shard, now)
      return (shard.leases[place].take(terms, share: share, patience: patience, now: now), .min)
    }
  }

  /// Takes what the store granted.
  ///
  /// - Returns: How many are leased now that were not.
  func take(
    _ key: UInt64, _ grant: LimitGrant, besides: Int, spent: Int, _ terms: LeaseTerms, asked: Int64, now: Int64
  ) -> Int {
    let key = key == 0 ? 1 : key
    return shards[Int(key >> 58)].shard.withLock { shard in
      let place = places(key).first { shard.keys[$0] == key } ?? make(key, terms, &shard, now)
      let (leased, lost) = shard.leases[place].take(
        grant, besides: besides, spent: spent, terms, asked: asked, now: now)
      shard.counts.lost += lost
      return leased
    }
  }

  /// A place for `key`, which has none.
  private func make(_ key: UInt64, _ terms: LeaseTerms, _ shard: inout Shard, _ now: Int64) -> Int {
    let places = places(key)
    let place =
      places.min { Self.usefulUntil(shard, $0) < Self.usefulUntil(shard, $1) } ?? places.lowerBound
    // Terms of the one that leaves are not known here: its pieces are counted by those of the one that comes.
    if shard.keys[place] != 0 { shard.counts.lost += shard.leases[place].held(terms, now: now) }
    shard.keys[place] = key
    shard.leases[place] = LimitLease(now: now)
    return place
  }

  private static func usefulUntil(_ shard: Shard, _ place: Int) -> Int64 {
    shard.keys[place] == 0 ? .min : shard.leases[place].usefulUntil
  }

  /// The store was asked for `key` and said nothing.
  func fail(_ key: UInt64) {
    let key = key == 0 ? 1 : key
    shards[Int(key >> 58)].shard.withLock { shard in
      for place in places(key) where shard.keys[place] == key { shard.leases[place].fail() }
    }
  }

  /// When the bucket of `key` is whole again as far as is known; ``Int64/min`` where nothing is.
  func whole(_ key: UInt64) -> Int64 {
    let key = key == 0 ? 1 : key
    return shards[Int(key >> 58)].shard.withLock { shard in
      places(key).first { shard.keys[$0] == key }.map { shard.leases[$0].whole } ?? .min
    }
  }

  /// Requests of `key` that could be admitted without asking.
  func held(_ key: UInt64, _ terms: LeaseTerms, now: Int64) -> Int {
    let key = key == 0 ? 1 : key
    return shards[Int(key >> 58)].shard.withLock { shard in
      places(key).first { shard.keys[$0] == key }.map { shard.leases[$0].held(terms, now: now) } ?? 0
    }
  }

  /// What was decided since this was last asked.
  func takeCounts() -> Counts {
    var sum = Counts()
    for lock in shards {
      let counts = lock.shard.withLock { shard in
        defer { shard.counts = Counts() }
        return shard.counts
      }
      sum.leased += counts.leased
      sum.remembered += counts.remembered
      sum.lost += counts.lost
    }
    return sum
  }
}
