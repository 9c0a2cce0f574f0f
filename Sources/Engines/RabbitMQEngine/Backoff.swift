/// Pauses that grow, with jitter so that those that failed together do not come back together.
struct Backoff {
  private static let first: UInt64 = 100_000_000
  private static let longest: UInt64 = 5_000_000_000
  private var attempt = 0

  /// In nanoseconds.
  mutating func next() -> UInt64 {
    let ceiling = min(Self.longest, Self.first << UInt64(min(attempt, 20)))
    attempt += 1
    return .random(in: ceiling / 2...ceiling)
  }

  mutating func reset() { attempt = 0 }
}
