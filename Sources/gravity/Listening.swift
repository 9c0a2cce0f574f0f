import ServiceLifecycle
import Synchronization

/// Which parts of the process take requests.
final class Listening: Sendable {
  private struct State {
    var missing: Set<String>
    var waiting: CheckedContinuation<Void, Never>?
  }
  private let state: Mutex<State>

  init(expecting names: [String]) { state = Mutex(State(missing: Set(names))) }

  func started(_ name: String) {
    let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.missing.remove(name)
      guard state.missing.isEmpty else { return nil }
      defer { state.waiting = nil }
      return state.waiting
    }
    waiting?.resume()
  }

  /// Returns when all of them do, or when the task is cancelled. One caller only.
  func all() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.missing.isEmpty || Task.isCancelled { return true }
          state.waiting = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { state in
        defer { state.waiting = nil }
        return state.waiting
      }?.resume()
    }
  }
}

/// Tells the operator once everything is up.
struct Announcement: Service {
  let listening: Listening
  let say: @Sendable () -> Void

  func run() async throws {
    await cancelWhenGracefulShutdown { await listening.all() }
    if !Task.isCancelled, !Task.isShuttingDownGracefully { say() }
    try? await gracefulShutdown()
  }
}
