import Synchronization

/// A ``LimitStore`` in this process's memory: for one gateway alone, and the model that engines are held against.
public final class InMemoryLimitStore: LimitStore {
  private struct State {
    var buckets: [String: Bucket] = [:]
    var nextSweep = 4_096
  }
  private let state = Mutex(State())
  private let now: @Sendable () -> Int64

  /// - Parameter now: Microseconds of a clock that does not go back.
  public init(now: @escaping @Sendable () -> Int64 = InMemoryLimitStore.monotonic) { self.now = now }

  /// Microseconds since this process first asked.
  public static let monotonic: @Sendable () -> Int64 = {
    let start = ContinuousClock.now
    return { Int64((ContinuousClock.now - start) / .microseconds(1)) }
  }()

  public func take(_ claims: [LimitClaim]) async throws(LimitStoreError) -> [LimitGrant] {
    let time = now()
    return state.withLock { state in
      let grants = claims.map {
        state.buckets[$0.key, default: Bucket()].take($0.wanted, of: $0.limit, at: time)
      }
      // A bucket that is whole says nothing that an absent one would not.
      if state.buckets.count > state.nextSweep {
        state.buckets = state.buckets.filter { $0.value.arrival > time }
        state.nextSweep = 2 * state.buckets.count + 4_096
      }
      return grants
    }
  }
}
