import Synchronization

/// The end of a broker's run: its threads have ended, or have had their time.
final class Ending: Watched {
  /// After the first the sockets are shut down, after the second nobody waits any more.
  private static let grace: (polite: UInt64, last: UInt64) = (3_000_000_000, 4_500_000_000)

  fileprivate struct State {
    var threads: Int
    var begun: UInt64?
    var lines: [Lifeline] = []
    var waiter: CheckedContinuation<Void, Never>?
  }
  private let state: Mutex<State>

  init(threads: Int) { state = Mutex(State(threads: threads)) }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if state.threads > 0 { state.waiter = continuation }
        return state.threads == 0
      }
      if isOver { continuation.resume() }
    }
  }

  func begin(_ lines: [Lifeline]) {
    state.withLock { state in
      state.begun = Uptime.now
      state.lines = lines
    }
  }

  func ended() {
    let waiter = state.withLock { state in
      state.threads -= 1
      return state.threads == 0 ? state.takeWaiter() : nil
    }
    waiter?.resume()
  }

  func check(at now: UInt64) -> UInt64 {
    let (next, lines, waiter) = state.withLock { state in
      guard let begun = state.begun, state.threads > 0 else {
        return (.max, [], nil) as (UInt64, [Lifeline], CheckedContinuation<Void, Never>?)
      }
      if now < begun + Self.grace.polite { return (begun + Self.grace.polite, [], nil) }
      if now < begun + Self.grace.last { return (begun + Self.grace.last, state.lines, nil) }
      state.threads = 0
      return (.max, state.lines, state.takeWaiter())
    }
    for line in lines { line.cut() }
    waiter?.resume()
    return next
  }
}

extension Ending.State {
  fileprivate mutating func takeWaiter() -> CheckedContinuation<Void, Never>? {
    defer { waiter = nil }
    return waiter
  }
}
