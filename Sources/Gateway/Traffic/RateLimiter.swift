import Crypto
import GravityLimits
import Synchronization

/// Limits of requests by caller (GCRA: a leaky bucket that is one number, the theoretical arrival time), one table for
/// all event loops, so that a limit is not multiplied by their number.
///
/// The table has a fixed size and is divided into shards, each behind a lock of its own that is held for some
/// nanoseconds. A caller's place is one of eight neighbours; when they are taken, the one that has used least of its
/// limit gives way.
package final class RateLimiter: Sendable {
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
  package init(capacity: Int) {
    var sets = 1
    while sets * Self.ways * Self.shardCount < capacity { sets *= 2 }
    setsPerShard = UInt64(sets)
    shards = (0..<Self.shardCount).map { _ in Lock(slots: sets * Self.ways) }
  }

  /// What came of asking.
  package struct Decision: Sendable, Equatable {
    package var isAdmitted: Bool
    /// Requests that would be admitted at once after this one.
    package var remaining: Int
    /// Nanoseconds until the next request would be admitted; 0 when it would be now.
    package var retryAfter: Int64
    /// Nanoseconds until the whole limit is there again.
    package var reset: Int64
    /// Whether it was made by this gateway's share of the limit, because the store of limits was away.
    package var isShare = false
  }

  /// Takes one request of `key` from `policy`, if it has one left.
  ///
  /// - Parameters:
  ///   - key: Uniformly distributed; who calls, and under which policy.
  ///   - now: Nanoseconds of the monotonic clock.
  ///   - count: How many limiters have the limit together: each admits that part of it, and at least one request.
  ///   - arrival: The least that the caller's arrival is known to be, from elsewhere.
  package func take(
    _ key: UInt64, _ policy: LimitPolicy, now: Int64, sharedBy count: Int = 1, from arrival: Int64 = .min
  ) -> Decision {
    let interval = policy.interval(sharedBy: count)
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
          return Self.decide(&shard.arrivals[candidate], max(oldest, arrival), policy.window, interval, now)
        }
        if shard.arrivals[candidate] < oldest {
          place = candidate
          oldest = shard.arrivals[candidate]
        }
      }
      shard.keys[place] = key
      return Self.decide(&shard.arrivals[place], arrival, policy.window, interval, now)
    }
  }

  private static func decide(
    _ stored: inout Int64, _ arrival: Int64, _ window: Int64, _ interval: Int64, _ now: Int64
  ) -> Decision {
    let start = max(arrival, now)
    let next = start + interval
    let ahead = next - now
    if ahead > window {
      stored = start
      let used = start - now
      return Decision(
        isAdmitted: false, remaining: 0, retryAfter: ahead - window, reset: used)
    }
    stored = next
    let remaining = Int((window - ahead) / interval)
    return Decision(
      isAdmitted: true, remaining: remaining,
      retryAfter: remaining > 0 ? 0 : ahead + interval - window, reset: ahead)
  }
}

/// A ``RateLimit`` in the numbers that the limiter reckons with.
package final class LimitPolicy: Sendable {
  let limit: RateLimit
  /// Tells one policy's callers from another's.
  let salt: UInt64
  /// Nanoseconds.
  let window: Int64
  /// Nanoseconds that one request stands for.
  let interval: Int64
  /// What the buckets' names in the store begin with, the same at every gateway: at most 160 bytes.
  let bucket: String
  /// `RateLimit-Policy` and the beginning of `RateLimit` as header lines, up to the number that is left.
  let fieldLines: [UInt8]
  /// nil where the limit is not shared with other gateways.
  let terms: LeaseTerms?
  let counts: LimitCounts
  /// Whether it is the gateway's own, for every route.
  var isGateways: Bool { salt == Self.gatewaySalt }
  static let gatewaySalt: UInt64 = 1

  /// - Parameters:
  ///   - scope: Tells the policy from those of other routes that have its name.
  ///   - sharing: nil where there is no store of limits.
  package convenience init(
    _ limit: RateLimit, salt: UInt64, scope: String = "gateway", sharing: SharedLimitSettings? = nil
  ) {
    self.init(limit, salt: salt, scope: scope, sharing: sharing, counts: LimitCounts())
  }

  /// - Parameter counts: Of the policy whose place it takes.
  init(_ limit: RateLimit, salt: UInt64, scope: String, sharing: SharedLimitSettings?, counts: LimitCounts) {
    self.limit = limit
    self.counts = counts
    self.salt = salt
    terms = sharing.map { LeaseTerms(limit, $0) }
    bucket = Self.bucket(limit, scope: scope)
    window = max(1_000_000, limit.window.nanoseconds)
    let name = "\"\(limit.name)\""
    fieldLines = Array(
      ("ratelimit-policy: \(name);q=\(limit.requests);w=\(LimitFields.seconds(window))\r\n"
        + "ratelimit: \(name);r=").utf8)
    interval = max(1, window / Int64(max(1, limit.requests)))
  }

  static func bucket(_ limit: RateLimit, scope: String) -> String {
    let bucket = "\(scope):\(limit.name)"
    return bucket.utf8.count <= 160 ? bucket : "policy:" + CallerDigest.hex(bucket)
  }

  /// The interval of the share that each of so many has of the limit: at least one request is left of it.
  @inline(__always)
  func interval(sharedBy count: Int) -> Int64 {
    let (product, overflow) = interval.multipliedReportingOverflow(by: Int64(count))
    return overflow ? window : min(window, product)
  }

  /// What the store calls the bucket of `caller`: at most 193 bytes, from which the caller cannot be read.
  package func bucketName(_ caller: String) -> String { "\(bucket):\(CallerDigest.hex(caller))" }

  /// `caller`, mixed with the policy (the finaliser of SplitMix64).
  @inline(__always)
  package func key(_ caller: UInt64) -> UInt64 {
    var mixed = caller ^ salt &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}

/// What a limit has done since the gateway began. Only what is refused is counted, so that the rest costs nothing.
final class LimitCounts: Sendable {
  let refused = Atomic(0)
  /// What would have been refused were the limit not only watched.
  let watched = Atomic(0)
}

/// Half of a SHA-256, as 32 hexadecimal digits: short, the same at every gateway, and no address or account that a
/// store of counters need know.
enum CallerDigest {
  static func hex(_ text: String) -> String {
    var digest = SHA256()
    var text = text
    text.withUTF8 { digest.update(bufferPointer: UnsafeRawBufferPointer($0)) }
    return digest.finalize().prefix(16).reduce(into: "") { hex, byte in
      hex += byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16)
    }
  }
}
