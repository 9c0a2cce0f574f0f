import Synchronization

/// Carries a caller's cancellation to wherever its call runs.
package final class Cancellation: Sendable {
  private struct State {
    var isCancelled = false
    var hasEnded = false
    var interrupt: (@Sendable () -> Void)?
  }
  private let state = Mutex(State())

  package init() {}

  package var isCancelled: Bool { state.withLock { $0.isCancelled } }

  /// Whether what was to be interrupted is over.
  package var hasEnded: Bool { state.withLock { $0.hasEnded } }

  package func cancel() {
    let interrupt = state.withLock { state in
      state.isCancelled = true
      defer { state.interrupt = nil }
      return state.interrupt
    }
    interrupt?()
  }

  /// Calls `interrupt` on cancellation while `body` runs, or before it when the cancellation came first.
  package func interrupting<T>(with interrupt: @escaping @Sendable () -> Void, _ body: () throws -> T) throws -> T {
    let isCancelled = state.withLock { state in
      if !state.isCancelled {
        state.interrupt = interrupt
        state.hasEnded = false
      }
      return state.isCancelled
    }
    if isCancelled { throw CancellationError() }
    defer {
      state.withLock { state in
        state.interrupt = nil
        state.hasEnded = true
      }
    }
    return try body()
  }
}
