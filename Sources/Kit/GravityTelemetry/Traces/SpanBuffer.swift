import Synchronization

/// The last spans of a process: what is still to be exported, and what a console may look at.
///
/// A fixed number of places, used in turn. Who records a span waits for a lock that is held for one assignment. When
/// the exporter does not keep up, the oldest are overwritten, and counted.
public final class SpanBuffer: Sendable {
  private struct State {
    var places: [SpanRecord?]
    /// How many were recorded ever; the next goes to this, modulo the number of places.
    var recorded = 0
    /// How many of these were taken for export, or lost.
    var taken = 0
    var lost = 0
  }
  private let state: Mutex<State>
  private let capacity: Int
  /// So many that wait are worth an export.
  private let batch: Int
  /// nil: nothing is exported, so nothing waits and nothing is lost.
  private let wake: Mutex<(@Sendable () -> Void)?>
  private let isExported: Bool

  /// - Parameters:
  ///   - capacity: How many are kept; each takes about half a kilobyte.
  ///   - batch: At how many an exporter is woken.
  ///   - isExported: Whether there is an exporter.
  public init(capacity: Int = 2_000, batch: Int = 512, isExported: Bool = false) {
    self.capacity = max(1, capacity)
    self.batch = max(1, min(batch, self.capacity))
    self.isExported = isExported
    state = Mutex(State(places: Array(repeating: nil, count: max(1, capacity))))
    wake = Mutex(nil)
  }

  public func append(_ span: SpanRecord) {
    // What was there is handed out, so that it is freed after the lock.
    let (isBatch, old) = state.withLock { state in
      if isExported, state.recorded - state.taken == capacity {
        state.taken += 1
        state.lost += 1
      }
      var place: SpanRecord? = span
      swap(&place, &state.places[state.recorded % capacity])
      state.recorded += 1
      return (isExported && state.recorded - state.taken == batch, place)
    }
    _ = old
    if isBatch { wake.withLock { $0 }?() }
  }

  /// The last spans, the newest first.
  public func recent(_ limit: Int = .max) -> [SpanRecord] {
    state.withLock { state in
      (0..<max(0, min(limit, capacity, state.recorded))).compactMap {
        state.places[(state.recorded - 1 - $0) % capacity]
      }
    }
  }

  // MARK: - For the exporter

  func onBatch(_ wake: @escaping @Sendable () -> Void) { self.wake.withLock { $0 = wake } }

  /// How many wait to be exported.
  var waiting: Int { state.withLock { $0.recorded - $0.taken } }

  /// The oldest that wait, which then wait no more.
  func take(atMost limit: Int) -> [SpanRecord] {
    state.withLock { state in
      let count = min(limit, state.recorded - state.taken)
      defer { state.taken += count }
      return (0..<count).compactMap { state.places[(state.taken + $0) % capacity] }
    }
  }

  /// How many were overwritten since this was asked last.
  func takeLost() -> Int {
    state.withLock { state in
      defer { state.lost = 0 }
      return state.lost
    }
  }
}
