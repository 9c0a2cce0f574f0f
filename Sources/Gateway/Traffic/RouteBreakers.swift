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

  /// Lets a request in, which counts as a probe where the route's breaker is half open.
  ///
  /// - Parameter route: ``PreparedRoute/identity``.
  /// - Returns: What its end is recorded with; nil where it may not go now.
  @inline(__always)
  func admission(_ route: UInt64, now: Int64) -> UInt32? {
    if isEmpty.load(ordering: .relaxed) { return 0 }
    return breakers.withLock { breakers in
      guard let isIn = breakers[route]?.admits(now: now) else { return 0 }
      return isIn ? breakers[route]?.generation : nil
    }
  }

  /// Whether ``admission(_:now:)`` would let a request in, without counting as one.
  @inline(__always)
  func wouldAdmit(_ route: UInt64, now: Int64) -> Bool {
    if isEmpty.load(ordering: .relaxed) { return true }
    return breakers.withLock { breakers in
      var copy = breakers[route]
      return copy?.admits(now: now) ?? true
    }
  }

  /// - Parameter admission: What the request was let in with; nil where it was in this phase.
  @inline(__always)
  func record(
    _ outcome: BreakerState.Outcome, _ route: UInt64, of admission: UInt32? = nil, now: Int64,
    random: @autoclosure () -> Double
  ) {
    if outcome == .success || outcome == .unknown, isEmpty.load(ordering: .relaxed) { return }
    recordRare(outcome, route, admission, now, random())
  }

  @inline(never)
  private func recordRare(
    _ outcome: BreakerState.Outcome, _ route: UInt64, _ admission: UInt32?, _ now: Int64, _ random: Double
  ) {
    breakers.withLock { breakers in
      guard var breaker = breakers[route] ?? new(outcome, &breakers, now) else { return }
      // One that is new has no phase before this.
      let isKnown = breakers[route] != nil
      breaker.record(
        outcome, admitted: isKnown ? admission ?? breaker.generation : breaker.generation, now: now, random: random)
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
