import GravityDiscovery
import NIOCore
import Synchronization

/// An instance of a service, as all event loops know it.
final class UpstreamInstance: Sendable {
  let instance: ServiceInstance
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
    address = try? SocketAddress(ipAddress: instance.host, port: instance.port)
    breaker = CircuitBreaker(settings)
    routes = RouteBreakers(settings)
    hashSeed = StableHash.of(instance.id.utf8)
    slowStart = max(0, balancing.slowStart.nanoseconds)
    slowStartShare = min(1, max(0.001, balancing.slowStartShare))
  }

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

  /// Whether a request of the route may go there now; one that may counts as a probe where a breaker is half open.
  @inline(__always)
  func admits(route: UInt64, now: Int64) -> Bool {
    guard routes.wouldAdmit(route, now: now), breaker.admits(now: now) else { return false }
    guard !routes.admits(route, now: now) else { return true }
    // Another loop took the route's last probe in between.
    breaker.record(.unknown, now: now, random: 0)
    return false
  }

  /// What ``admits(route:now:)`` would say, without counting as a request.
  @inline(__always)
  func wouldAdmit(route: UInt64, now: Int64) -> Bool {
    breaker.wouldAdmit(now: now) && routes.wouldAdmit(route, now: now)
  }

  // MARK: - How much it gets

  /// From now on its share of the requests grows slowly to what it is.
  func startSlowly(now: Int64) {
    guard slowStart > 0 else { return }
    warmUntil.store(now.addingReportingOverflow(slowStart).partialValue, ordering: .relaxed)
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
    max(1, Int(Double(min(1_000, max(1, instance.weight)) * 1_000) * warmth(now: now)))
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
  @inline(__always)
  func record(_ end: AttemptEnd, route: UInt64, now: Int64, random: @autoclosure () -> Double) {
    if case .answered(let status) = end, status < 500 {
      breaker.record(.success, now: now, random: random())
      routes.record(.success, route, now: now, random: random())
      return
    }
    recordRare(end, route, now, random())
  }

  @inline(never)
  private func recordRare(_ end: AttemptEnd, _ route: UInt64, _ now: Int64, _ random: Double) {
    switch end {
    case .unreachable:
      unanswered.add(1, ordering: .relaxed)
      breaker.record(.failure, now: now, random: random)
      routes.record(.unknown, route, now: now, random: random)
    case .unanswered:
      unanswered.add(1, ordering: .relaxed)
      breaker.record(.unknown, now: now, random: random)
      routes.record(.failure, route, now: now, random: random)
    case .answered(let status):
      serverErrors.add(1, ordering: .relaxed)
      breaker.record(.success, now: now, random: random)
      let says = (502...504).contains(status) ? BreakerState.Outcome.failure : .serverError
      routes.record(says, route, now: now, random: random)
    case .unknown:
      breaker.record(.unknown, now: now, random: random)
      routes.record(.unknown, route, now: now, random: random)
    }
  }

  /// Requests since it is known, and how many of them failed.
  var totals: (requests: Int, failures: Int) {
    let lost = unanswered.load(ordering: .relaxed)
    return (breaker.successTotal + lost, serverErrors.load(ordering: .relaxed) + lost)
  }
}
