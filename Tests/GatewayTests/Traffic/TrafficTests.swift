import GravityDiscovery
import Testing

@testable import Gateway

@Suite("Traffic") struct TrafficTests {
  private static let second: Int64 = 1_000_000_000

  @Test("a limit admits its number at once, then one each interval, and all again after the window")
  func gcra() {
    let limiter = RateLimiter(capacity: 1_024)
    let policy = LimitPolicy(RateLimit(requests: 10, per: .seconds(10)), salt: 1)
    func take(_ now: Int64) -> RateLimiter.Decision { limiter.take(7, policy, now: now) }
    let burst = (0..<10).map { _ in take(0) }
    #expect(burst.allSatisfy(\.isAdmitted) && burst.map(\.remaining) == Array((0..<10).reversed()))
    let refused = take(0)
    #expect(!refused.isAdmitted && refused.retryAfter == Self.second && refused.reset == 10 * Self.second)
    #expect(!take(Self.second - 1).isAdmitted && take(Self.second).isAdmitted && !take(Self.second).isAdmitted)
    let later = (0..<10).map { _ in take(100 * Self.second).isAdmitted }
    #expect(!later.contains(false))
  }

  @Test("callers and policies do not share, and the table stays as large as it is")
  func callers() {
    let limiter = RateLimiter(capacity: 512)
    let one = LimitPolicy(RateLimit(requests: 1, per: .seconds(10)), salt: 1)
    let two = LimitPolicy(RateLimit(requests: 1, per: .seconds(10)), salt: 2)
    #expect(limiter.take(one.key(1), one, now: 0).isAdmitted && limiter.take(one.key(2), one, now: 0).isAdmitted)
    #expect(limiter.take(two.key(1), two, now: 0).isAdmitted && !limiter.take(one.key(1), one, now: 0).isAdmitted)
    for caller in 3..<100_000 as Range<UInt64> { _ = limiter.take(one.key(caller), one, now: 0) }
  }

  @Test("a breaker opens after failures in a row, lets probes through, and closes when they succeed")
  func breaker() {
    var settings = BreakerSettings()
    settings.firstOpen = .seconds(1)
    var breaker = BreakerState(settings)
    for _ in 0..<5 {
      let admits = breaker.admits(now: 0)
      #expect(admits)
      breaker.record(.failure, now: 0, random: 0.5)
    }
    #expect(breaker.phase == .open(until: Self.second))
    let early = breaker.admits(now: Self.second - 1)
    #expect(!early)
    let probes = (0..<5).map { _ in breaker.admits(now: Self.second) }
    #expect(probes == [true, true, true, false, false])
    for _ in 0..<3 { breaker.record(.success, now: Self.second, random: 0.5) }
    #expect(breaker.phase == .closed)
  }

  @Test("a breaker whose probe fails stays open twice as long, up to its bound")
  func backoff() {
    var breaker = BreakerState(BreakerSettings())
    for _ in 0..<5 { breaker.record(.failure, now: 0, random: 0.5) }
    var now: Int64 = 0
    var waits: [Int64] = []
    for _ in 0..<7 {
      guard case .open(let until) = breaker.phase else { break }
      waits.append((until - now) / Self.second)
      now = until
      let admits = breaker.admits(now: now)
      #expect(admits)
      breaker.record(.failure, now: now, random: 0.5)
    }
    #expect(waits == [1, 2, 4, 8, 10, 10, 10])
  }

  @Test("an instance whose health check passes again is tried at once, and its next failures begin with a short wait")
  func comesBack() {
    var breaker = BreakerState(BreakerSettings())
    for _ in 0..<5 { breaker.record(.failure, now: 0, random: 0.5) }
    for _ in 0..<6 {
      guard case .open(let until) = breaker.phase else { break }
      _ = breaker.admits(now: until)
      breaker.record(.failure, now: until, random: 0.5)
    }
    guard case .open(let until) = breaker.phase else {
      Issue.record("it is open")
      return
    }
    let now = until - 5 * Self.second
    let before = breaker.admits(now: now)
    breaker.instanceCameBack(now: now)
    let after = breaker.admits(now: now)
    #expect(!before && after)
    breaker.record(.failure, now: now, random: 0.5)
    #expect(breaker.phase == .open(until: now + Self.second))
  }

  @Test("server errors open a breaker by their share only, not by coming in a row")
  func ratio() {
    var breaker = BreakerState(BreakerSettings())
    for _ in 0..<19 { breaker.record(.serverError, now: 0, random: 0.5) }
    #expect(breaker.phase == .closed)
    breaker.record(.serverError, now: 0, random: 0.5)
    #expect(breaker.phase != .closed)
  }

  @Test("an hour of successes does not hide an outage from the shared breaker")
  func shared() {
    let breaker = CircuitBreaker(BreakerSettings())
    for _ in 0..<100_000 { breaker.record(.success, now: 0, random: 0.5) }
    for _ in 0..<30 { breaker.record(.serverError, now: 3_600 * Self.second, random: 0.5) }
    #expect(breaker.admission(now: 3_600 * Self.second) == nil)
  }

  @Test("the retry budget is a share of the requests and some a second")
  func budget() {
    var budget = RetryBudget(ratio: 0.2, perSecond: 10)
    func spend(_ now: Int64) -> Int {
      var count = 0
      while budget.withdraw(now: now) { count += 1 }
      return count
    }
    #expect(spend(0) == 10 && spend(0) == 0)
    for _ in 0..<50 { budget.deposit() }
    #expect((9...10).contains(spend(0)) && (9...10).contains(spend(Self.second)))
  }

  @Test("peak EWMA rises at once and falls slowly, and pending requests count")
  func estimate() {
    var load = LoadEstimate()
    load.began()
    load.ended(latency: 1_000, now: 0)
    let calm = load.cost(weight: 100, now: 0)
    load.began()
    #expect(load.cost(weight: 100, now: 0) > calm)
    load.ended(latency: 1_000_000, now: 1)
    let slow = load.cost(weight: 100, now: 1)
    load.began()
    load.ended(latency: 1_000, now: 2)
    #expect(slow > 500 * calm && load.cost(weight: 100, now: 2) > 0.99 * slow && load.pending == 0)
    load.began()
    load.ended(latency: 1_000, now: 100 * Self.second)
    #expect(load.cost(weight: 100, now: 100 * Self.second) < 0.01 * slow)
  }

  @Test("what was waited for in vain makes an instance seem slow, and never quicker than it is")
  func unanswered() {
    var load = LoadEstimate()
    load.began()
    load.ended(latency: 5 * Self.second, now: 0)
    let slow = load.cost(weight: 1, now: 0)
    load.began()
    load.ended(noAnswerWithin: 1_000, now: 1)
    #expect(load.cost(weight: 1, now: 1) > 0.99 * slow)
    load.began()
    load.ended(noAnswerWithin: 30 * Self.second, now: 2)
    #expect(load.cost(weight: 1, now: 2) > 5 * slow && load.pending == 0)
  }

  @Test("an instance that was slow once has its share again within a minute, though nobody asked it in between")
  func forgiven() {
    var random = FastRandom()
    let upstream = LoopUpstream(budget: RetryBudget(ratio: 0, perSecond: 0))
    upstream.update(
      (1...3).map { index in
        UpstreamInstance(
          ServiceInstance(id: "\(index)", service: "s", host: "127.0.0.1", port: index), BreakerSettings())
      })
    /// Requests a second apart, each answered within two milliseconds; how many the first instance got.
    func asked(_ seconds: ClosedRange<Int64>) -> Int {
      var count = 0
      for index in 0..<3_000 as Range<Int64> {
        let now =
          seconds.lowerBound * Self.second + index * (seconds.upperBound - seconds.lowerBound) * Self.second / 3_000
        guard case .instance(let chosen, _) = upstream.choose(.init(now: now), excluding: [], random: &random) else {
          continue
        }
        if chosen === upstream.instances[0] { count += 1 }
        chosen.load.began()
        chosen.load.ended(latency: 2_000_000, now: now)
      }
      return count
    }
    for instance in upstream.instances {
      instance.load.began()
      instance.load.ended(latency: instance === upstream.instances[0] ? 300_000_000 : 2_000_000, now: 0)
    }
    #expect(asked(0...5) < 100)
    #expect(asked(60...120) > 700)
  }

  @Test("what was sent before a breaker opened is no probe, however it ends")
  func staleProbe() throws {
    let breaker = CircuitBreaker(BreakerSettings())
    let before = try #require(breaker.admission(now: 0))
    for _ in 0..<5 { breaker.record(.failure, of: before, now: 0, random: 0.5) }
    #expect(breaker.admission(now: 0) == nil)
    let probes = (0..<3).compactMap { _ in breaker.admission(now: 2 * Self.second) }
    #expect(probes.count == 3 && breaker.phase == .halfOpen)
    breaker.record(.failure, of: before, now: 2 * Self.second, random: 0.5)
    for _ in 0..<3 { breaker.record(.success, of: before, now: 2 * Self.second, random: 0.5) }
    #expect(breaker.phase == .halfOpen && breaker.admission(now: 2 * Self.second) == nil)
    for probe in probes { breaker.record(.success, of: probe, now: 2 * Self.second, random: 0.5) }
    #expect(breaker.phase == .closed)
    // Nor does it open it again.
    for _ in 0..<5 { breaker.record(.failure, of: before, now: 2 * Self.second, random: 0.5) }
    #expect(breaker.phase == .closed)
  }

  @Test("the balancer prefers the less loaded, the healthy and the not yet tried")
  func balancing() {
    var random = FastRandom()
    let shared = (1...3).map { index in
      UpstreamInstance(
        ServiceInstance(id: "\(index)", service: "s", host: "127.0.0.1", port: index), BreakerSettings())
    }
    let upstream = LoopUpstream(budget: RetryBudget(ratio: 0, perSecond: 0))
    upstream.update(shared)
    func counts(_ tried: [LoopInstance] = []) -> [String: Int] {
      var counts: [String: Int] = [:]
      for _ in 0..<300 {
        if case .instance(let chosen, _) = upstream.choose(.init(now: 0), excluding: tried, random: &random) {
          counts[chosen.shared.instance.id, default: 0] += 1
        }
      }
      return counts
    }
    upstream.instances[0].load.began()
    #expect(counts()["1"] == nil)
    #expect(counts([upstream.instances[1], upstream.instances[2]]) == ["1": 300])
    shared[1].noteHealth(false, now: 0)
    #expect(counts()["2"] == nil)
    for _ in 0..<5 { shared[2].breaker.record(.failure, now: 0, random: 0.5) }
    #expect(counts() == ["1": 300])
  }

  @Test("remembered tokens are bounded, and forgotten when they expire")
  func tokens() {
    var cache = TokenCache(capacity: 10)
    func digest(_ text: String) -> TokenDigest { Array(text.utf8).withUnsafeBytes { TokenDigest($0) } }
    for index in 0..<100 {
      cache.insert(.forTest(expiresAt: 5), digest("\(index)"))
      #expect(cache.count <= 11)
    }
    let (before, after) = (cache.token(digest("99"), now: 4), cache.token(digest("99"), now: 5))
    #expect(before != nil && after == nil)
  }
}
