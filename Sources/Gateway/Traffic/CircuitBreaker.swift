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
  private(set) var phase = Phase.closed { didSet { generation &+= 1 } }
  /// Counts the phases. A request's end says something about the phase in which it was let in, and nothing about a later
  /// one: what was sent before the breaker opened is no probe.
  private(set) var generation: UInt32 = 0
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

  /// - Parameters:
  ///   - admitted: ``generation`` when the request was let in.
  ///   - random: 0 to 1, which spreads the moments at which many gateways ask again.
  mutating func record(_ outcome: Outcome, admitted: UInt32, now: Int64, random: Double) {
    guard admitted == generation else { return }
    record(outcome, now: now, random: random)
  }

  /// As the other, of a request that was let in in this phase.
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
  /// The breaker's.
  private let generation = Atomic<UInt32>(0)
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

  /// Lets a request in, which counts as a probe where the breaker is half open.
  ///
  /// - Returns: What its end is recorded with; nil where it may not go now.
  @inline(__always)
  func admission(now: Int64) -> UInt32? {
    if isClosed.load(ordering: .relaxed) { return generation.load(ordering: .relaxed) }
    return state.withLock { state in
      guard state.breaker.admits(now: now) else { return nil }
      generation.store(state.breaker.generation, ordering: .relaxed)
      return state.breaker.generation
    }
  }

  /// Whether ``admission(now:)`` would let a request in, without counting as one.
  func wouldAdmit(now: Int64) -> Bool {
    if isClosed.load(ordering: .relaxed) { return true }
    return state.withLock { state in
      var copy = state.breaker
      return copy.admits(now: now)
    }
  }

  /// - Parameter admission: What the request was let in with; nil where it was in this phase.
  /// - Returns: The phase now, where it may have changed.
  @discardableResult
  func record(
    _ outcome: BreakerState.Outcome, of admission: UInt32? = nil, now: Int64, random: @autoclosure () -> Double
  ) -> BreakerState.Phase? {
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
      state.breaker.record(
        outcome, admitted: admission ?? state.breaker.generation, now: now, random: random)
      generation.store(state.breaker.generation, ordering: .relaxed)
      isClosed.store(state.breaker.phase == .closed, ordering: .relaxed)
      hasFailures.store(state.breaker.failures > 0, ordering: .relaxed)
      return state.breaker.phase
    }
  }

  func instanceCameBack(now: Int64) {
    state.withLock { state in
      state.breaker.instanceCameBack(now: now)
      generation.store(state.breaker.generation, ordering: .relaxed)
    }
  }

  func reset(now: Int64) {
    state.withLock { state in
      state.breaker.reset(now: now)
      generation.store(state.breaker.generation, ordering: .relaxed)
      isClosed.store(true, ordering: .relaxed)
      hasFailures.store(false, ordering: .relaxed)
    }
  }

  var phase: BreakerState.Phase { state.withLock { $0.breaker.phase } }
  var consecutiveFailures: Int { state.withLock { $0.breaker.consecutiveFailures } }
}
