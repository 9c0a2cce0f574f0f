import Synchronization

/// The port, once there is one.
final class BoundPort: Sendable {
  private enum State {
    case waiting([CheckedContinuation<Int, Never>])
    case known(Int)
  }
  private let state = Mutex(State.waiting([]))

  func set(_ port: Int) {
    let waiting: [CheckedContinuation<Int, Never>] = state.withLock { state in
      guard case .waiting(let waiting) = state else { return [] }
      state = .known(port)
      return waiting
    }
    for continuation in waiting { continuation.resume(returning: port) }
  }

  var value: Int {
    get async {
      await withCheckedContinuation { continuation in
        let known: Int? = state.withLock { state in
          switch state {
          case .known(let port): return port
          case .waiting(let others):
            state = .waiting(others + [continuation])
            return nil
          }
        }
        if let known { continuation.resume(returning: known) }
      }
    }
  }
}
