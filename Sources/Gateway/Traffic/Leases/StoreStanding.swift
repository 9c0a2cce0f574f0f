import Synchronization

/// Whether a store answers. One failure is enough to go without it, since whoever asks is kept waiting; two answers in
/// a row bring it back, so that one that answers now and then is not asked in between.
final class StoreStanding: Sendable {
  private struct State {
    var isAway = false
    var answers = 0
  }
  private let state = Mutex(State())
  private let away = Atomic(false)

  @inline(__always)
  var isAway: Bool { away.load(ordering: .relaxed) }

  /// - Returns: Whether that is news.
  func failed() -> Bool {
    state.withLock { state in
      state.answers = 0
      guard !state.isAway else { return false }
      state.isAway = true
      away.store(true, ordering: .relaxed)
      return true
    }
  }

  /// - Returns: Whether it is back with that.
  func answered() -> Bool {
    state.withLock { state in
      guard state.isAway else { return false }
      state.answers += 1
      guard state.answers >= 2 else { return false }
      state.isAway = false
      away.store(false, ordering: .relaxed)
      return true
    }
  }
}
