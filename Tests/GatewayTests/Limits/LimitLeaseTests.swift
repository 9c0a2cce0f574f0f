import GravityLimits
import Testing

@testable import Gateway

/// Repeats by its seed what chance brought.
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}

/// Some gateways and a store in simulated time, in which calls take theirs.
struct SimulatedGateways {
  /// A call of the store: reaches it, then comes back.
  struct Call {
    var gateway: Int
    var wanted: Int
    var waiting: Int
    var asked: Int64
    var arrives: Int64
    var returns: Int64
    var grant: LimitGrant?
    /// When something happens to it next.
    var moment: Int64 { grant == nil ? arrives : returns }
  }

  let terms: LeaseTerms
  let share: Int
  var leases: [LimitLease]
  var bucket = Bucket()
  /// The next of them last.
  var calls: [Call] = []
  /// When requests were admitted, in nanoseconds: by the store when it granted, from a lease when it was used.
  var admitted: [Int64] = []
  var refusals: [(at: Int64, isByStore: Bool)] = []
  /// Granted and not given to a request that waited.
  var leased = 0
  var usedFromLeases = 0
  let seed: UInt64
  var random: Seeded

  init(_ limit: RateLimit, gateways: Int, seed: UInt64) {
    terms = LeaseTerms(limit, SharedLimitSettings())
    share = terms.share(0.1, gateways: gateways)
    leases = (0..<gateways).map { _ in LimitLease(now: 0) }
    self.seed = seed
    random = Seeded(state: seed)
  }

  func held(_ now: Int64) -> Int { leases.reduce(0) { $0 + $1.held(terms, now: now) } }

  /// What the bucket would give at once, in requests.
  func content(_ now: Int64) -> Int {
    var copy = bucket
    return copy.take(.max, of: terms.shared, at: now / 1_000).taken
  }

  mutating func request(_ gateway: Int, _ now: Int64) {
    switch leases[gateway].take(terms, share: share, patience: 100_000_000, now: now) {
    case .admitted(_, let refill):
      admitted.append(now)
      usedFromLeases += 1
      if refill > 0 { ask(gateway, refill, waiting: 0, now) }
    case .refused: refusals.append((now, false))
    case .ask(let besides): ask(gateway, besides + 1, waiting: 1, now)
    }
  }

  private mutating func ask(_ gateway: Int, _ wanted: Int, waiting: Int, _ now: Int64) {
    let there = now + .random(in: 10_000...30_000_000, using: &random)
    let back = there + .random(in: 10_000...30_000_000, using: &random)
    insert(Call(gateway: gateway, wanted: wanted, waiting: waiting, asked: now, arrives: there, returns: back))
  }

  private mutating func insert(_ call: Call) {
    var (low, high) = (0, calls.count)
    while low < high {
      let middle = (low + high) / 2
      if calls[middle].moment > call.moment { low = middle + 1 } else { high = middle }
    }
    calls.insert(call, at: low)
  }

  /// Lets calls reach the store and come back until `now`, in the order of time.
  mutating func advance(to now: Int64) {
    while let next = calls.last, next.moment <= now {
      calls.removeLast()
      if let grant = next.grant { comeBack(next, grant) } else { arrive(next) }
    }
  }

  private mutating func arrive(_ call: Call) {
    var call = call
    let grant = bucket.take(call.wanted, of: terms.shared, at: call.arrives / 1_000)
    call.grant = grant
    insert(call)
    let served = min(grant.taken, call.waiting)
    for _ in 0..<served { admitted.append(call.arrives) }
    leased += grant.taken - served
    if served < call.waiting { refusals.append((call.arrives, true)) }
  }

  private mutating func comeBack(_ call: Call, _ grant: LimitGrant) {
    _ = leases[call.gateway].take(
      grant, besides: call.wanted - call.waiting, spent: min(grant.taken, call.waiting), terms, asked: call.asked,
      now: call.returns)
  }
}

@Suite("Leases of limits") struct LimitLeaseTests {
  static let limits = [
    RateLimit(requests: 100, per: .seconds(1)), RateLimit(requests: 6_000, per: .seconds(60)),
    RateLimit(requests: 60, per: .milliseconds(500)), RateLimit(requests: 2_000, per: .seconds(10)),
    RateLimit(requests: 5, per: .seconds(1)), RateLimit(requests: 100_000, per: .seconds(1)),
  ]

  @Test(
    "gateways together never admit more than one limiter would, whatever the calls take and whoever asks where",
    arguments: limits, [UInt64(1), 2, 3, 4, 5])
  func neverOver(_ limit: RateLimit, _ seed: UInt64) {
    var world = SimulatedGateways(limit, gateways: 3, seed: seed)
    let whole = Int(world.terms.shared.window / world.terms.shared.interval)
    var now: Int64 = 0
    var most = 0
    for _ in 0..<2_500 {
      // Bursts, pauses in which a bucket fills, and about the limit's own pace.
      switch UInt8.random(in: 0..<100, using: &world.random) {
      case 0..<60: break
      case 60..<97: now += .random(in: 0...(world.terms.interval * 2), using: &world.random)
      default: now += .random(in: 0...(world.terms.shared.window * 300), using: &world.random)
      }
      world.advance(to: now)
      world.request(.random(in: 0..<3, using: &world.random), now)
      // What could be admitted this moment: never more than the limit. That is what makes the rest true.
      most = max(most, world.content(now) + world.held(now))
    }
    #expect(most <= whole, "seed \(seed)")
    world.advance(to: .max)
    Self.checkRate(world, whole)
    // Else it would have shown nothing.
    #expect(world.admitted.count > min(whole, 2_500) / 4)
    if !world.terms.asksEachTime { #expect(world.usedFromLeases > world.admitted.count / 20) }
  }

  /// Over any stretch of time: a whole limit, and what flows in meanwhile.
  private static func checkRate(_ world: SimulatedGateways, _ whole: Int) {
    // GCRA over all admissions in their order accepts each of them.
    var arrival = Int64.min
    let interval = world.terms.interval
    var furthest = Int64.min
    for moment in world.admitted.sorted() {
      let start = max(arrival, moment)
      arrival = start + interval
      furthest = max(furthest, arrival - moment)
    }
    // A microsecond for the store's clock, which counts them.
    #expect(furthest <= world.terms.shared.window * 1_000 + 1_000, "seed \(world.seed)")
  }

  @Test(
    "whoever is refused by the store finds no more unused than is leased", arguments: limits.dropLast(),
    [UInt64(11), 12, 13])
  func neverUnder(_ limit: RateLimit, _ seed: UInt64) {
    var world = SimulatedGateways(limit, gateways: 3, seed: seed)
    let whole = Int(world.terms.shared.window / world.terms.shared.interval)
    // A burst at one moment: nothing flows in that could hide what is missing.
    var now: Int64 = 0
    while now < world.terms.shared.window * 1_000, world.refusals.count < 20 {
      for _ in 0..<50 { world.request(.random(in: 0..<3, using: &world.random), now) }
      now += 1_000_000
      world.advance(to: now)
    }
    world.advance(to: now + 100_000_000)
    let isRefused = world.refusals.contains { $0.isByStore }
    #expect(isRefused)
    let admitted = world.admitted.count
    let unused = world.leased - world.usedFromLeases
    #expect(admitted >= whole - unused - 1, "\(admitted) of \(whole), \(unused) leased and not used")
    #expect(unused <= 3 * 2 * world.share)
  }

  @Test("a leased request is gone when the bucket has it again")
  func passes() {
    let limit = RateLimit(requests: 100, per: .seconds(1))
    let terms = LeaseTerms(limit, SharedLimitSettings())
    var lease = LimitLease(now: 0)
    var bucket = Bucket()
    let grant = bucket.take(5, of: terms.shared, at: 0)
    _ = lease.take(grant, besides: 5, spent: 0, terms, asked: 0, now: 1_000_000)
    #expect(terms.interval == 10_000_000)
    #expect(lease.held(terms, now: 1_000_000) == 4, "one has passed in part")
    #expect(lease.held(terms, now: 20_000_000) == 3)
    #expect(lease.held(terms, now: 41_000_000) == 0)
  }

  @Test("a lease lasts a quarter of the window, a second at most, whatever is configured")
  func life() {
    var settings = SharedLimitSettings()
    settings.leaseLife = .seconds(60)
    #expect(LeaseTerms(RateLimit(requests: 6_000, per: .seconds(60)), settings).life == 1_000_000_000)
    #expect(LeaseTerms(RateLimit(requests: 100, per: .seconds(1)), settings).life == 250_000_000)
  }

  @Test(
    "of small and of slow limits nothing is leased",
    arguments: [RateLimit(requests: 49, per: .seconds(1)), RateLimit(requests: 600, per: .seconds(60))])
  func small(_ limit: RateLimit) {
    let terms = LeaseTerms(limit, SharedLimitSettings())
    #expect(terms.asksEachTime)
    var lease = LimitLease(now: 0)
    var bucket = Bucket()
    // Whatever came too much is not kept.
    _ = lease.take(bucket.take(3, of: terms.shared, at: 0), besides: 2, spent: 1, terms, asked: 0, now: 1)
    #expect(lease.take(terms, share: 10, patience: 1, now: 2) == .ask(besides: 0))
  }

  @Test("an empty bucket is not asked again before it can have something")
  func refusedFromMemory() {
    let terms = LeaseTerms(RateLimit(requests: 2, per: .seconds(10)), SharedLimitSettings())
    var lease = LimitLease(now: 0)
    var bucket = Bucket()
    _ = bucket.take(2, of: terms.shared, at: 0)
    let refusal = bucket.take(1, of: terms.shared, at: 1_000)
    _ = lease.take(refusal, besides: 0, spent: 0, terms, asked: 1_000_000, now: 1_500_000)
    guard case .refused(let decision) = lease.take(terms, share: 1, patience: 1, now: 2_000_000) else {
      Issue.record("asked again")
      return
    }
    #expect(!decision.isAdmitted && decision.retryAfter == 4_998_000_000)
    #expect(decision.reset == 9_998_000_000)
    #expect(lease.take(terms, share: 1, patience: 1, now: 5_000_000_000) == .ask(besides: 0))
  }

  @Test("a lease is asked for again before it is used up, once, and again when that is lost")
  func refills() {
    let terms = LeaseTerms(RateLimit(requests: 6_000, per: .seconds(60)), SharedLimitSettings())
    var lease = LimitLease(now: 0)
    var bucket = Bucket(arrival: 30_000_000)
    _ = lease.take(bucket.take(20, of: terms.shared, at: 0), besides: 20, spent: 0, terms, asked: 0, now: 0)
    var refills: [Int] = []
    for index in 0..<15 {
      guard
        case .admitted(_, let refill) = lease.take(
          terms, share: 200, patience: 100_000_000, now: Int64(index) * 1_000_000)
      else { break }
      refills.append(refill)
    }
    #expect(refills.count == 15 && refills.count { $0 > 0 } == 1)
    #expect(refills.firstIndex { $0 > 0 } == 10, "at less than half")
    guard case .admitted(_, let later) = lease.take(terms, share: 200, patience: 100_000_000, now: 200_000_000) else {
      Issue.record("used up")
      return
    }
    #expect(later > 0)
  }
}
