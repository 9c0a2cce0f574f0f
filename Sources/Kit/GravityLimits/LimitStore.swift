/// Limits that processes share: buckets from which each of them takes.
///
/// A bucket is one number, the theoretical arrival time (GCRA, the generic cell rate algorithm): when it would be empty
/// again. Whoever takes is granted no more than the limit leaves, by the store's own clock, whatever others take at the
/// same moment; so as long as the store keeps its contents, nothing is admitted over a limit. A store may lose all of
/// them at once (a restart), never one and keep another.
///
/// Engines: ``InMemoryLimitStore`` and Redis. `LimitStoreConformance` holds what a store must do.
public protocol LimitStore: Sendable {
  /// Takes from each claim's bucket as much of what is wanted as there is. Each claim is atomic by itself.
  ///
  /// - Returns: A grant for each claim, in their order.
  /// - Throws: ``LimitStoreError`` when the store cannot be asked in time. What was taken then is lost to everybody until
  ///   the bucket has refilled, never given twice.
  func take(_ claims: [LimitClaim]) async throws(LimitStoreError) -> [LimitGrant]
}

/// A wish for some requests of one bucket.
public struct LimitClaim: Sendable, Hashable {
  /// Names the bucket: who calls, under which policy. 1 to 200 bytes.
  public var key: String
  public var limit: SharedLimit
  /// How many requests, at least 1. More than the limit has in all is granted in part.
  public var wanted: Int

  public init(key: String, limit: SharedLimit, wanted: Int = 1) {
    self.key = key
    self.limit = limit
    self.wanted = wanted
  }
}

/// So many requests in so much time.
public struct SharedLimit: Sendable, Hashable {
  /// Microseconds in which a whole bucket refills; at least 1 000, at most thirty days.
  public let window: Int64
  /// Microseconds that one request stands for, rounded up, so that rounding never admits more; at least 1.
  public let interval: Int64

  /// - Parameters:
  ///   - requests: At least 1.
  ///   - window: At least a millisecond, at most thirty days.
  public init(requests: Int, per window: Duration) {
    let microseconds = Int64(clamping: Int(window / .microseconds(1)))
    self.window = min(max(microseconds, 1_000), 30 * 86_400 * 1_000_000)
    let requests = Int64(max(1, requests))
    // Not by adding first: `requests` may be the greatest number that there is.
    interval = (self.window - 1) / requests + 1
  }
}

/// What came of a claim.
public struct LimitGrant: Sendable, Hashable {
  /// 0 up to what was wanted.
  public var taken: Int
  /// Requests that are left to be taken at once after this.
  public var remaining: Int
  /// Microseconds until one more request can be taken; 0 when that is now.
  public var retryAfter: Int64
  /// Microseconds until the bucket is whole again.
  public var reset: Int64

  public init(taken: Int, remaining: Int, retryAfter: Int64, reset: Int64) {
    self.taken = taken
    self.remaining = remaining
    self.retryAfter = retryAfter
    self.reset = reset
  }
}

/// The store cannot be asked.
public struct LimitStoreError: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
