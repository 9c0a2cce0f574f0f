import Synchronization

/// The breakers of one instance's routes. A route has one from its first failure until it has had none for a window, so
/// in good times there is none, and looking costs one atomic read.
final class RouteBreakers: Sendable {
  /// Routes that can have one at a time; of more, the ones that are closed give way.
  static let maximum = 1_024

  private let settings: BreakerSettings
  private let breakers = Mutex<[UInt64: BreakerState]>([:])
  private let isEmpty = Atomic(true)

  init(_ settings: BreakerSettings) { self.settings = settings }

  /// - Parameter route: ``PreparedRoute/identity``.
  @inline(__always)
  func admits(_ route: UInt64, now: Int64) -> Bool {
    if isEmpty.load(ordering: .relaxed) { return true }
    return breakers.withLock { $0[route]?.admits(now: now) ?? true }
  }

  /// What ``admits(_:now:)`` would say, without counting as a request.
  @inline(__always)
  func wouldAdmit(_ route: UInt64, now: Int64) -> Bool {
    if isEmpty.load(ordering: .relaxed) { return true }
    return breakers.withLock { breakers in
      var copy = breakers[route]
      return copy?.admits(now: now) ?? true
    }
  }

  @inline(__always)
  func record(
    _ outcome: BreakerState.Outcome, _ route: UInt64, now: Int64, random: @autoclosure () -> Double
  ) {
    if outcome == .success || outcome == .unknown, isEmpty.load(ordering: .relaxed) { return }
    recordRare(outcome, route, now, random())
  }

  @inline(never)
  private func recordRare(_ outcome: BreakerState.Outcome, _ route: UInt64, _ now: Int64, _ random: Double) {
    breakers.withLock { breakers in
      guard var breaker = breakers[route] ?? new(outcome, &breakers, now) else { return }
      breaker.record(outcome, now: now, random: random)
      breakers[route] = breaker.isQuiet(now: now) ? nil : breaker
      isEmpty.store(breakers.isEmpty, ordering: .relaxed)
    }
  }

  private func new(
    _ outcome: BreakerState.Outcome, _ breakers: inout [UInt64: BreakerState], _ now: Int64
  ) -> BreakerState? {
    guard outcome == .failure || outcome == .serverError else { return nil }
    if breakers.count >= Self.maximum { breakers = breakers.filter { $0.value.phase != .closed } }
    return breakers.count < Self.maximum ? BreakerState(settings) : nil
  }

  /// Forgets all that was learned.
  func reset() {
    breakers.withLock { breakers in
      breakers = [:]
      isEmpty.store(true, ordering: .relaxed)
    }
  }

  func instanceCameBack(now: Int64) {
    breakers.withLock { breakers in
      for route in breakers.keys { breakers[route]?.instanceCameBack(now: now) }
    }
  }

  /// Forgets what lies back: routes that nobody asks any more would keep theirs.
  func forget(now: Int64) {
    guard !isEmpty.load(ordering: .relaxed) else { return }
    breakers.withLock { breakers in
      breakers = breakers.filter { !$0.value.isQuiet(now: now) }
      isEmpty.store(breakers.isEmpty, ordering: .relaxed)
    }
  }

  /// The route's, closed where it has none.
  func phase(_ route: UInt64) -> BreakerState.Phase { breakers.withLock { $0[route]?.phase ?? .closed } }

  /// How many are not closed.
  var openCount: Int {
    isEmpty.load(ordering: .relaxed) ? 0 : breakers.withLock { $0.values.count { $0.phase != .closed } }
  }
}
