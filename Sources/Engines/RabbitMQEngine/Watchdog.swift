import GravityData
import Dispatch
import Foundation
import Synchronization

/// Something with deadlines.
protocol Watched: AnyObject, Sendable {
  /// Does what is overdue.
  /// - Returns: when to look again.
  func check(at now: UInt64) -> UInt64
}

/// A thread that looks after deadlines, so that they hold also while the connections' threads are stuck.
final class Watchdog: Sendable {
  private struct State {
    /// When it looks again by itself.
    var next: UInt64 = 0
    var isEnding = false
  }
  private let watched: [any Watched]
  private let state = Mutex(State())
  private let signal = DispatchSemaphore(value: 0)

  init(_ watched: [any Watched]) { self.watched = watched }

  func start() {
    let thread = Thread { self.run() }
    thread.name = "rabbitmq watch"
    thread.start()
  }

  func end() {
    state.withLock { $0.isEnding = true }
    signal.signal()
  }

  /// There may be a deadline now that was not known when it looked last.
  func expect(by deadline: UInt64) {
    let isSooner = state.withLock { state in
      guard deadline < state.next else { return false }
      state.next = deadline
      return true
    }
    if isSooner { signal.signal() }
  }

  private func run() {
    while true {
      let now = DispatchTime.now().uptimeNanoseconds
      // What comes while it looks has to wake it.
      state.withLock { $0.next = .max }
      let next = watched.map { $0.check(at: now) }.min() ?? .max
      let (isEnding, deadline) = state.withLock { state in
        state.next = min(state.next, next)
        return (state.isEnding, state.next)
      }
      if isEnding { return }
      _ = signal.wait(timeout: deadline == .max ? .distantFuture : DispatchTime(uptimeNanoseconds: deadline))
    }
  }
}

/// Nanoseconds of the clock that does not go while the machine sleeps.
enum Uptime {
  static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

  static func after(_ duration: Duration) -> UInt64 { now &+ duration.nanoseconds }
}
