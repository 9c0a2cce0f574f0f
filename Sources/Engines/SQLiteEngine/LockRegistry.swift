import Synchronization

/// Who holds which named lock in this process.
///
/// SQLite has one writer, so a lock never has to be waited for. What is left to know is whether another transaction
/// that is not yet answered holds it: one that runs, or one of the same group that waits for the commit.
final class LockRegistry: Sendable {
  typealias Holder = UInt64

  private struct State {
    var holders: [String: Set<Holder>] = [:]
    var names: [Holder: [String]] = [:]
    var serial: Holder = 0

    mutating func hold(_ name: String, by holder: Holder) {
      if holders[name, default: []].insert(holder).inserted { names[holder, default: []].append(name) }
    }
  }
  private let state = Mutex(State())

  func newHolder() -> Holder {
    state.withLock { state in
      state.serial += 1
      return state.serial
    }
  }

  func hold(_ name: String, by holder: Holder) {
    state.withLock { $0.hold(name, by: holder) }
  }

  func tryHold(_ name: String, by holder: Holder) -> Bool {
    state.withLock { state in
      if let holders = state.holders[name], holders != [holder] { return false }
      state.hold(name, by: holder)
      return true
    }
  }

  func release(_ holder: Holder) {
    state.withLock { state in
      for name in state.names.removeValue(forKey: holder) ?? [] {
        state.holders[name]?.remove(holder)
        if state.holders[name]?.isEmpty == true { state.holders[name] = nil }
      }
    }
  }
}
