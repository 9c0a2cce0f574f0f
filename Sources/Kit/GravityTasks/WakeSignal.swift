import Synchronization

/// Lets one waiter sleep until somebody has something for it. A signal that comes while nobody waits is kept, and
/// several are one.
final class WakeSignal: Sendable {
  private struct State {
    var isSet = false
    var waiter: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State())

  func signal() {
    let waiter = state.withLock { state in
      defer { state.waiter = nil }
      if state.waiter == nil { state.isSet = true }
      return state.waiter
    }
    waiter?.resume()
  }

  /// Returns on a signal, after `timeout`, or when the caller is cancelled; its caller looks which.
  func wait(for timeout: Duration) async {
    guard timeout > .zero else { return state.withLock { $0.isSet = false } }
    let alarm = Task {
      try await Task.sleep(for: timeout)
      signal()
    }
    defer { alarm.cancel() }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isSet = state.withLock { state in
          defer { state.isSet = false }
          if !state.isSet { state.waiter = continuation }
          return state.isSet
        }
        if isSet { continuation.resume() }
      }
    } onCancel: {
      signal()
    }
  }
}
