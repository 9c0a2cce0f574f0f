import Synchronization

/// Leaves an instance alone that fails, and lets a few requests see whether it is back. Pure: it is told the time.
struct BreakerState: Sendable {
  enum Phase: Sendable, Equatable {
    case closed
    /// Until this moment, in nanoseconds of the monotonic clock.
    case open(until: Int64)
    case halfOpen
  }

  /// How a request to the instance ended.
  enum Outcome: Sendable, Equatable {
    case success
    /// The instance answered 500 or another 5xx that may be the request's own doing: counts in the ratio only, so
    /// that one bad endpoint does not take the instance away from the others.
    case serverError
    /// It could not be reached, did not answer, or said that it cannot serve (502, 503, 504).
    case failure
    /// Nothing can be said: the client left.
    case unknown
  }

  private let settings: BreakerSettings
  private(set) var phase = Phase.closed
  private(set) var consecutiveFailures = 0
  private var windowStart = Int64.min
  private var requests = 0
  /// In the window.
  private(set) var failures = 0
  private var openings = 0
  private var probesInFlight = 0
  private var probeSuccesses = 0

  init(_ settings: BreakerSettings) { self.settings = settings }

  /// Whether a request may go now; one that may counts as a probe where the breaker is half open.
  mutating func admits(now: Int64) -> Bool {
    switch phase {
    case .closed: return true
    case .open(let until):
      guard now >= until else { return false }
      phase = .halfOpen
      (probesInFlight, probeSuccesses) = (1, 0)
      return true
    case .halfOpen:
      guard probesInFlight < settings.probes else { return false }
      probesInFlight += 1
      return true
    }
  }

  /// - Parameter random: 0 to 1, which spreads the moments at which many gateways ask again.
  mutating func record(_ outcome: Outcome, now: Int64, random: Double) {
    switch phase {
    case .open: return
    case .halfOpen:
      probesInFlight = max(0, probesInFlight - 1)
      switch outcome {
      case .failure: open(now, random)
      case .unknown: return
      case .success, .serverError:
        probeSuccesses += 1
        if probeSuccesses >= settings.probes { close(now) }
      }
    case .closed:
      guard outcome != .unknown else { return }
      if windowStart == .min || now - windowStart >= settings.window.nanoseconds {
        (windowStart, requests, failures) = (now, 0, 0)
      }
      requests += 1
      if outcome != .success { failures += 1 }
      consecutiveFailures = outcome == .failure ? consecutiveFailures + 1 : 0
      let ratio = Double(failures) / Double(requests)
      if consecutiveFailures >= settings.consecutiveFailures
        || requests >= settings.minimumRequests && ratio >= settings.failureRatio
      {
        open(now, random)
      }
    }
  }

  /// Successes from before the window's first failure. Only so many count as make a ratio meaningful: an hour without
  /// a failure must not hide the next one.
  mutating func recordSuccesses(_ count: Int, now: Int64) {
    guard case .closed = phase, count > 0, failures == 0 else { return }
    (windowStart, requests) = (now, min(requests + count, settings.minimumRequests / 2))
  }

  /// Its health check passes again after it had failed: who was away is back, and need not be left alone as long as a
  /// breaker that has opened many times would leave it.
  mutating func instanceCameBack(now: Int64) {
    guard case .open(let until) = phase else { return }
    openings = 0
    phase = .open(until: min(until, now))
  }

  /// Whether nothing would be lost by forgetting it.
  func isQuiet(now: Int64) -> Bool {
    guard case .closed = phase else { return false }
    return failures == 0 || now - windowStart >= settings.window.nanoseconds
  }
  /// Somebody says that it is well, and that all that was learned is to be forgotten.
  mutating func reset(now: Int64) { close(now) }

  private mutating func open(_ now: Int64, _ random: Double) {
    let first = settings.firstOpen.nanoseconds
    let doubled = first.multipliedReportingOverflow(by: 1 << min(openings, 20))
    let base = min(doubled.overflow ? .max : doubled.partialValue, settings.maximumOpen.nanoseconds)
    openings += 1
    consecutiveFailures = 0
    phase = .open(until: now + Int64(Double(base) * (0.8 + 0.4 * random)))
  }

  private mutating func close(_ now: Int64) {
    phase = .closed
    openings = 0
    consecutiveFailures = 0
    (windowStart, requests, failures) = (now, 0, 0)
  }
}

/// A breaker that all event loops share, so that what one has learned the others know.
///
/// Successes of a closed breaker, which is nearly all there is, touch one atomic number.
final class CircuitBreaker: Sendable {
  private let state: Mutex<Shared>
  private let isClosed = Atomic(true)
  private let hasFailures = Atomic(false)
  /// Since it was made.
  private let successes = Atomic(0)
  private struct Shared {
    var breaker: BreakerState
    /// How many of the successes the breaker has been told.
    var told = 0
  }

  init(_ settings: BreakerSettings) { state = Mutex(Shared(breaker: BreakerState(settings))) }

  /// Since it was made.
  var successTotal: Int { successes.load(ordering: .relaxed) }

  @inline(__always)
  func admits(now: Int64) -> Bool {
    if isClosed.load(ordering: .relaxed) { return true }
    return state.withLock { $0.breaker.admits(now: now) }
  }

  /// What ``admits(now:)`` would say, without counting as a request.
  func wouldAdmit(now: Int64) -> Bool {
    if isClosed.load(ordering: .relaxed) { return true }
    return state.withLock { state in
      var copy = state.breaker
      return copy.admits(now: now)
    }
  }

  /// - Returns: The phase now, where it may have changed.
  @discardableResult
  func record(_ outcome: BreakerState.Outcome, now: Int64, random: @autoclosure () -> Double) -> BreakerState.Phase? {
    if outcome == .success {
      successes.add(1, ordering: .relaxed)
      if isClosed.load(ordering: .relaxed), !hasFailures.load(ordering: .relaxed) { return nil }
    }
    let random = random()
    return state.withLock { state in
      let total = successes.load(ordering: .relaxed)
      // This one is told by itself.
      state.breaker.recordSuccesses(total - state.told - (outcome == .success ? 1 : 0), now: now)
      state.told = total
      state.breaker.record(outcome, now: now, random: random)
      isClosed.store(state.breaker.phase == .closed, ordering: .relaxed)
      hasFailures.store(state.breaker.failures > 0, ordering: .relaxed)
      return state.breaker.phase
    }
  }

  func instanceCameBack(now: Int64) { state.withLock { $0.breaker.instanceCameBack(now: now) } }

  func reset(now: Int64) {
    state.withLock { state in
      state.breaker.reset(now: now)
      isClosed.store(true, ordering: .relaxed)
      hasFailures.store(false, ordering: .relaxed)
    }
  }

  var phase: BreakerState.Phase { state.withLock { $0.breaker.phase } }
  var consecutiveFailures: Int { state.withLock { $0.breaker.consecutiveFailures } }
}
