import Synchronization

/// A wake-up that is remembered until somebody waits for it. One waits, many may raise.
package final class Signal: Sendable {
  private struct State {
    var isRaised = false
    var waiter: CheckedContinuation<Void, Never>?
    /// Counts waits, so that a late timer does not end the next one.
    var wait: UInt64 = 0
    /// The last wait that timed out or was cancelled, perhaps before it had begun in earnest.
    var ended: UInt64 = 0
  }
  private let state = Mutex(State())

  package init() {}

  package func raise() {
    let waiter = state.withLock { state in
      if state.waiter == nil { state.isRaised = true }
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  /// Returns when it was raised since the last wait, after `limit`, or at once when the task is cancelled.
  package func wait(atMost limit: Duration) async {
    let wait = state.withLock { state in
      state.wait += 1
      return state.wait
    }
    let timer = Task {
      try await Task.sleep(for: limit)
      end(wait)
    }
    defer { timer.cancel() }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let goesOn = state.withLock { state in
          if state.isRaised || state.ended == wait {
            state.isRaised = false
            return true
          }
          state.waiter = continuation
          return false
        }
        if goesOn { continuation.resume() }
      }
    } onCancel: {
      end(wait)
    }
  }

  private func end(_ wait: UInt64) {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard state.wait == wait else { return nil }
      state.ended = wait
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }
}
