import Synchronization

/// Limits of requests by caller (GCRA: a leaky bucket that is one number, the theoretical arrival time), one table for
/// all event loops, so that a limit is not multiplied by their number.
///
/// The table has a fixed size and is divided into shards, each behind a lock of its own that is held for some
/// nanoseconds. A caller's place is one of eight neighbours; when they are taken, the one that has used least of its
/// limit gives way.
final class RateLimiter: Sendable {
  private static let ways = 8
  private static let shardCount = 64

  private struct Shard: Sendable {
    var keys: [UInt64]
    /// When the caller's bucket is empty again, in nanoseconds of the monotonic clock.
    var arrivals: [Int64]
  }

  private final class Lock: Sendable {
    let shard: Mutex<Shard>
    init(slots: Int) {
      shard = Mutex(Shard(keys: .init(repeating: 0, count: slots), arrivals: .init(repeating: .min, count: slots)))
    }
  }

  private let shards: [Lock]
  private let setsPerShard: UInt64

  /// - Parameter capacity: Callers to remember, rounded up to a power of two of at least 512.
  init(capacity: Int) {
    var sets = 1
    while sets * Self.ways * Self.shardCount < capacity { sets *= 2 }
    setsPerShard = UInt64(sets)
    shards = (0..<Self.shardCount).map { _ in Lock(slots: sets * Self.ways) }
  }

  /// What came of asking.
  struct Decision: Sendable, Equatable {
    var isAdmitted: Bool
    /// Requests that would be admitted at once after this one.
    var remaining: Int
    /// Nanoseconds until the next request would be admitted; 0 when it would be now.
    var retryAfter: Int64
    /// Nanoseconds until the whole limit is there again.
    var reset: Int64
  }

  /// Takes one request of `key` from `policy`, if it has one left.
  ///
  /// - Parameters:
  ///   - key: Uniformly distributed; who calls, and under which policy.
  ///   - now: Nanoseconds of the monotonic clock.
  func take(_ key: UInt64, _ policy: LimitPolicy, now: Int64) -> Decision {
    // 0 marks a free place.
    let key = key == 0 ? 1 : key
    let shard = shards[Int(key >> 58)]
    let set = Int(key & (setsPerShard - 1)) * Self.ways
    return shard.shard.withLock { shard in
      var place = set
      var oldest = Int64.max
      for candidate in set..<(set + Self.ways) {
        if shard.keys[candidate] == key {
          place = candidate
          oldest = shard.arrivals[candidate]
          return Self.decide(&shard.arrivals[candidate], oldest, policy, now)
        }
        if shard.arrivals[candidate] < oldest {
          place = candidate
          oldest = shard.arrivals[candidate]
        }
      }
      shard.keys[place] = key
      return Self.decide(&shard.arrivals[place], .min, policy, now)
    }
  }

  private static func decide(
    _ stored: inout Int64, _ arrival: Int64, _ policy: LimitPolicy, _ now: Int64
  ) -> Decision {
    let start = max(arrival, now)
    let next = start + policy.interval
    let ahead = next - now
    if ahead > policy.window {
      stored = start
      let used = start - now
      return Decision(
        isAdmitted: false, remaining: 0, retryAfter: ahead - policy.window, reset: used)
    }
    stored = next
    let remaining = Int((policy.window - ahead) / policy.interval)
    return Decision(
      isAdmitted: true, remaining: remaining,
      retryAfter: remaining > 0 ? 0 : ahead + policy.interval - policy.window, reset: ahead)
  }
}

/// A ``RateLimit`` in the numbers that the limiter reckons with.
struct LimitPolicy: Sendable {
  let limit: RateLimit
  /// Tells one policy's callers from another's.
  let salt: UInt64
  /// Nanoseconds.
  let window: Int64
  /// Nanoseconds that one request stands for.
  let interval: Int64

  init(_ limit: RateLimit, salt: UInt64) {
    self.limit = limit
    self.salt = salt
    window = max(1_000_000, limit.window.nanoseconds)
    interval = max(1, window / Int64(max(1, limit.requests)))
  }

  /// `caller`, mixed with the policy (the finaliser of SplitMix64).
  @inline(__always)
  func key(_ caller: UInt64) -> UInt64 {
    var mixed = caller ^ salt &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
