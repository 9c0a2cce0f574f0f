import Dispatch

/// Where a cache takes its time from, so that a test can hold it.
public struct CacheClock: Sendable {
  /// Nanoseconds since some moment; never goes back. Asked on every hit, so it must be cheap.
  public var now: @Sendable () -> Int64
  /// Returns after the duration, or throws when the task is cancelled. Time-outs wait with it.
  public var sleep: @Sendable (Duration) async throws -> Void

  public init(
    now: @escaping @Sendable () -> Int64, sleep: @escaping @Sendable (Duration) async throws -> Void
  ) {
    self.now = now
    self.sleep = sleep
  }

  /// The process's monotonic clock.
  public static let monotonic = CacheClock(
    now: { Int64(truncatingIfNeeded: DispatchTime.now().uptimeNanoseconds) },
    sleep: { try await Task.sleep(for: $0) })
}

extension Duration {
  /// Durations beyond 146 years count as that, so that sums of two do not overflow.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    guard abs(seconds) < Int64.max / 2_000_000_000 else { return seconds < 0 ? Int64.min / 2 : Int64.max / 2 }
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}
