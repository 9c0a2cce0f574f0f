import GravityDiscovery
import NIOCore
import Synchronization

/// An instance of a service, as all event loops know it.
final class UpstreamInstance: Sendable {
  /// As the registry told of it first; what may be another meanwhile is ``weight`` and ``zone``.
  let instance: ServiceInstance
  private let currentWeight: Atomic<Int>
  private let currentZone: Mutex<String?>
  /// nil where the host is a name, which is looked up at each connection.
  let address: SocketAddress?
  /// Whether it can be reached.
  let breaker: CircuitBreaker
  /// What it answers, route by route.
  let routes: RouteBreakers
  /// What consistent hashing knows it by: the same in every gateway.
  let hashSeed: UInt64
  private static let unhealthy: UInt8 = 1
  private static let ejected: UInt8 = 2
  /// Why it gets no requests; 0 is no reason.
  private let reasons = Atomic<UInt8>(0)
  /// Requests that are not answered whole, of all event loops.
  private let inFlight = Atomic(0)
  private let slowStart: Int64
  private let slowStartShare: Double
  /// When its slow start ends, in nanoseconds of the monotonic clock; 0 where it has none.
  private let warmUntil = Atomic<Int64>(0)
  private let serverErrors = Atomic(0)
  private let unanswered = Atomic(0)

  init(_ instance: ServiceInstance, _ settings: BreakerSettings, _ balancing: BalancingSettings = .init()) {
    self.instance = instance
    currentWeight = Atomic(instance.weight)
    currentZone = Mutex(instance.zone)
    address = try? SocketAddress(ipAddress: instance.host, port: instance.port)
    breaker = CircuitBreaker(settings)
    routes = RouteBreakers(settings)
    hashSeed = StableHash.of(instance.id.utf8)
    slowStart = max(0, balancing.slowStart.nanoseconds)
    slowStartShare = min(1, max(0.001, balancing.slowStartShare))
  }

  // MARK: - What the registry says

  /// Whether that is this one: the same place, spoken to in the same way, whatever else is said of it now.
  func isSame(as other: ServiceInstance) -> Bool {
    (instance.id, instance.host, instance.port, instance.speaksHTTP2)
      == (other.id, other.host, other.port, other.speaksHTTP2)
  }

  /// What the registry says of it now.
  func note(_ told: ServiceInstance) {
    currentWeight.store(told.weight, ordering: .relaxed)
    currentZone.withLock { $0 = told.zone }
  }

  /// Its share relative to others, at least 1.
  @inline(__always)
  var weight: Int { max(1, currentWeight.load(ordering: .relaxed)) }
  var zone: String? { currentZone.withLock { $0 } }

  // MARK: - Whether it is used

  /// What the last look at its health said; true before the first.
  var isHealthy: Bool { reasons.load(ordering: .relaxed) & Self.unhealthy == 0 }
  var isEjected: Bool { reasons.load(ordering: .relaxed) & Self.ejected != 0 }
  /// Healthy and not ejected.
  @inline(__always)
  var isUsable: Bool { reasons.load(ordering: .relaxed) == 0 }

  /// What a look at its health says.
  func noteHealth(_ isUp: Bool, now: Int64) {
    guard isUp else {
      reasons.bitwiseOr(Self.unhealthy, ordering: .relaxed)
      return
    }
    let before = reasons.bitwiseAnd(~Self.unhealthy, ordering: .relaxed).oldValue
    guard before & Self.unhealthy != 0 else { return }
    breaker.instanceCameBack(now: now)
    routes.instanceCameBack(now: now)
    startSlowly(now: now)
  }

  func eject() { reasons.bitwiseOr(Self.ejected, ordering: .relaxed) }

  func readmit(now: Int64) {
    reasons.bitwiseAnd(~Self.ejected, ordering: .relaxed)
    startSlowly(now: now)
  }

  /// In which phases of its breakers a request was let in.
  struct Admission: Sendable {
    var instance: UInt32 = 0
    var route: UInt32 = 0
  }

  /// Lets a request of the route in, which counts as a probe where a breaker is half open.
  ///
  /// - Returns: What its end is recorded with; nil where it may not go there now.
  @inline(__always)
  func admission(route: UInt64, now: Int64) -> Admission? {
    guard routes.wouldAdmit(route, now: now), let ofInstance = breaker.admission(now: now) else { return nil }
    if let ofRoute = routes.admission(route, now: now) { return Admission(instance: ofInstance, route: ofRoute) }
    // Another loop took the route's last probe in between.
    breaker.record(.unknown, of: ofInstance, now: now, random: 0)
    return nil
  }

  /// Whether ``admission(route:now:)`` would let a request in, without counting as one.
  @inline(__always)
  func wouldAdmit(route: UInt64, now: Int64) -> Bool {
    breaker.wouldAdmit(now: now) && routes.wouldAdmit(route, now: now)
  }

  // MARK: - How much it gets

  /// From now on its share of the requests grows slowly to what it is.
  func startSlowly(now: Int64) {
    guard slowStart > 0 else { return }
    warmUntil.store(now + slowStart, ordering: .relaxed)
  }

  /// How much of its share it gets now, up to 1.
  @inline(__always)
  func warmth(now: Int64) -> Double {
    let until = warmUntil.load(ordering: .relaxed)
    guard until > now else { return 1 }
    return max(slowStartShare, 1 - Double(until - now) / Double(slowStart))
  }

  /// Its weight now, in thousandths, so that slow start moves it in small steps: 100 to 1 000 000.
  func effectiveWeight(now: Int64) -> Int {
    max(1, Int(Double(min(1_000, weight) * 1_000) * warmth(now: now)))
  }

  var requestsInFlight: Int { max(0, inFlight.load(ordering: .relaxed)) }
  @inline(__always)
  func beganRequest() { inFlight.add(1, ordering: .relaxed) }
  @inline(__always)
  func endedRequest() { inFlight.subtract(1, ordering: .relaxed) }

  // MARK: - What came of requests

  /// How an attempt ended.
  enum AttemptEnd: Sendable, Equatable {
    /// There was no connection to be had.
    case unreachable
    /// It took the request and gave no answer, or none that is HTTP.
    case unanswered
    case answered(status: Int)
    /// Nothing can be said: the client left.
    case unknown
  }

  /// Tells the breakers and those who judge. That it cannot be reached concerns the instance; what it answers, and
  /// whether, concerns the route, so that one bad endpoint does not take the instance from the others.
  ///
  /// - Parameter admission: What the request was let in with; nil where that was in the phases that are now.
  @inline(__always)
  func record(
    _ end: AttemptEnd, of admission: Admission? = nil, route: UInt64, now: Int64, random: @autoclosure () -> Double
  ) {
    if case .answered(let status) = end, status < 500 {
      breaker.record(.success, of: admission?.instance, now: now, random: random())
      routes.record(.success, route, of: admission?.route, now: now, random: random())
      return
    }
    recordRare(end, admission, route, now, random())
  }

  @inline(never)
  private func recordRare(
    _ end: AttemptEnd, _ admission: Admission?, _ route: UInt64, _ now: Int64, _ random: Double
  ) {
    func tell(_ ofInstance: BreakerState.Outcome, _ ofRoute: BreakerState.Outcome) {
      breaker.record(ofInstance, of: admission?.instance, now: now, random: random)
      routes.record(ofRoute, route, of: admission?.route, now: now, random: random)
    }
    switch end {
    case .unreachable:
      unanswered.add(1, ordering: .relaxed)
      tell(.failure, .unknown)
    case .unanswered:
      unanswered.add(1, ordering: .relaxed)
      tell(.unknown, .failure)
    case .answered(let status):
      serverErrors.add(1, ordering: .relaxed)
      tell(.success, (502...504).contains(status) ? .failure : .serverError)
    case .unknown: tell(.unknown, .unknown)
    }
  }

  /// Requests since it is known, and how many of them failed.
  var totals: (requests: Int, failures: Int) {
    let lost = unanswered.load(ordering: .relaxed)
    return (breaker.successTotal + lost, serverErrors.load(ordering: .relaxed) + lost)
  }
}
