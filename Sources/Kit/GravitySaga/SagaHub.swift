import Foundation
import GravityData
import Synchronization

/// What the store and the runner of one process know of each other.
final class SagaHub: Sendable {
  private struct State {
    var runner: Runner?
    var waiters: [UUID: [UInt64: Signal]] = [:]
    var serial: UInt64 = 0
  }
  /// A runner that takes what is started here.
  struct Runner: Sendable {
    var owner: String
    var names: Set<String>
    /// Whether there is room for one more.
    var hasRoom: @Sendable () -> Bool
  }
  private let state = Mutex(State())

  var owner: String? { state.withLock { $0.runner?.owner } }

  func set(_ runner: Runner?) { state.withLock { $0.runner = runner } }

  /// Who is to own a saga that is being started; nil when whoever comes first may take it.
  func owner(for name: String) -> String? {
    guard let runner = state.withLock({ $0.runner }), runner.names.contains(name), runner.hasRoom() else { return nil }
    return runner.owner
  }

  /// Calls `body` with what is raised when that saga has ended.
  func waiting<T>(for id: UUID, _ body: (Signal) async throws -> T) async rethrows -> T {
    let signal = Signal()
    let serial = state.withLock { state in
      state.serial += 1
      state.waiters[id, default: [:]][state.serial] = signal
      return state.serial
    }
    defer {
      state.withLock { state in
        state.waiters[id]?[serial] = nil
        if state.waiters[id]?.isEmpty == true { state.waiters[id] = nil }
      }
    }
    return try await body(signal)
  }

  func ended(_ id: UUID) {
    for signal in state.withLock({ $0.waiters[id].map { Array($0.values) } ?? [] }) { signal.raise() }
  }

  /// Something may have been missed.
  func interrupted() {
    for signal in state.withLock({ $0.waiters.values.flatMap(\.values) }) { signal.raise() }
  }
}
