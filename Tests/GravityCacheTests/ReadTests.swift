import GravityCache
import Patience
import Synchronization
import Testing

@Suite struct ReadTests {
  @Test("a value is loaded once and served from memory while it is fresh")
  func hits() async throws {
    let bench = try Bench()
    bench.origin.set("a", "Ada", version: 1)
    #expect(try await bench.read() == "Ada")
    bench.time.advance(9.9)
    #expect(try await bench.read() == "Ada")
    #expect(bench.cache.valueInMemory(for: "a") == .some("Ada"))
    #expect(bench.cache.valueInMemory(for: "b") == nil)
    #expect(bench.origin.readCount == 1)
    let statistics = bench.cache.statistics()
    #expect(statistics.l1.hits == 2 && statistics.l1.misses == 1 && statistics.origin.hits == 1)
    #expect(bench.cache.hitRate() == 1 - 1 / 3.0)
  }

  @Test("a thousand callers at once are one load")
  func singleFlight() async throws {
    let bench = try Bench()
    bench.origin.set("a", "Ada", version: 1)
    bench.origin.hold()
    try await withThrowingTaskGroup(of: String?.self) { group in
      for _ in 0..<1_000 { group.addTask { try await bench.read() } }
      try await eventually("all of them wait") { bench.waiterCount() == 1_000 && bench.origin.heldCount == 1 }
      bench.origin.release(0)
      for try await value in group { #expect(value == "Ada") }
    }
    #expect(bench.origin.readCount == 1)
  }

  @Test("a caller that is cancelled leaves at once; the load goes on for the others and is stored")
  func cancellation() async throws {
    let bench = try Bench()
    bench.origin.set("a", "Ada", version: 1)
    bench.origin.hold()
    let first = try await bench.begin()
    let second = Task { try await bench.read() }
    try await eventually("the second waits too") { bench.waiterCount() == 2 }
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    bench.origin.release(0)
    #expect(try await second.value == "Ada")
    #expect(try await bench.read() == "Ada")
    #expect(bench.origin.readCount == 1)
  }

  @Test("a load that everybody left is stored all the same")
  func abandoned() async throws {
    let bench = try Bench()
    bench.origin.set("a", "Ada", version: 1)
    bench.origin.hold()
    let only = try await bench.begin()
    only.cancel()
    await #expect(throws: CancellationError.self) { try await only.value }
    bench.origin.release(0)
    try await eventually("it is stored") { bench.cache.valueInMemory(for: "a") == .some("Ada") }
  }

  @Test("an error goes to all who wait and is not kept")
  func errors() async throws {
    let bench = try Bench()
    bench.origin.fail(Failure())
    bench.origin.hold()
    let first = try await bench.begin()
    let second = Task { try await bench.read() }
    try await eventually("the second waits too") { bench.waiterCount() == 2 }
    bench.origin.release(0)
    await #expect(throws: Failure()) { try await first.value }
    await #expect(throws: Failure()) { try await second.value }
    bench.origin.stopHolding()
    bench.origin.fail(nil)
    bench.origin.set("a", "Ada", version: 1)
    #expect(try await bench.read() == "Ada")
    #expect(bench.origin.readCount == 2)
    #expect(bench.cache.statistics().origin.errors == 1)
  }

  @Test("a load that takes too long is given up, its value is not stored, and the next caller loads anew")
  func loadTimeout() async throws {
    let bench = try Bench()
    bench.origin.set("a", "Ada", version: 1)
    bench.origin.hold()
    let reading = try await bench.begin()
    try await eventually("the time-out runs") { bench.time.sleeperCount == 1 }
    bench.time.advance(5)
    await #expect(throws: CacheError.loadTimedOut) { try await reading.value }
    let again = try await bench.begin()
    bench.origin.set("a", "Ada Lovelace", version: 2)
    bench.origin.release(0)
    #expect(bench.cache.statistics().entries == 0)
    bench.origin.release(1)
    #expect(try await again.value == "Ada")
    #expect(bench.time.sleeperCount == 0, "no timer is left")
  }

  @Test("loads under way are bounded, and those that were given up count until they end")
  func loadBound() async throws {
    var policy = Bench.policy
    policy.maximumLoads = 2
    let bench = try Bench(policy)
    bench.origin.hold()
    let first = try await bench.begin("a")
    let second = try await bench.begin("b")
    await #expect(throws: CacheError.tooManyLoads) { try await bench.read("c") }
    try await eventually("the time-outs run") { bench.time.sleeperCount == 2 }
    bench.time.advance(5)
    await #expect(throws: CacheError.loadTimedOut) { try await first.value }
    await #expect(throws: CacheError.loadTimedOut) { try await second.value }
    await #expect(throws: CacheError.tooManyLoads) { try await bench.read("c") }
    bench.origin.stopHolding()
    bench.origin.release(0)
    try await eventually("there is room") { (try? await bench.read("c")) == .some(nil) }
    bench.origin.release(1)
  }

  @Test("a stale value is served at once by all, and refreshed by one flight")
  func staleWhileRevalidate() async throws {
    let bench = try Bench()
    bench.origin.set("a", "old", version: 1)
    #expect(try await bench.read() == "old")
    bench.time.advance(10)
    bench.origin.set("a", "new", version: 2)
    bench.origin.hold()
    for _ in 0..<100 { #expect(try await bench.read() == "old") }
    try await eventually("the refresh begins") { bench.origin.heldCount == 1 }
    for _ in 0..<100 { #expect(try await bench.read() == "old") }
    #expect(bench.origin.readCount == 2)
    bench.origin.release(0)
    try await eventually("the refresh is stored") { bench.cache.valueInMemory(for: "a") == .some("new") }
    #expect(try await bench.read() == "new")
    #expect(bench.origin.readCount == 2)
    #expect(bench.cache.statistics().l1.stale == 200)
  }

  @Test("refreshes under way are bounded, and those that end make room")
  func refreshBound() async throws {
    let bench = try Bench()
    let keys = (0..<20).map { "k\($0)" }
    for key in keys {
      bench.origin.set(key, "x", version: 1)
      _ = try await bench.read(key)
    }
    bench.time.advance(10)
    bench.origin.hold()
    for key in keys { #expect(try await bench.read(key) == "x") }
    try await eventually("sixteen refreshes are held") { bench.origin.heldCount == 16 }
    bench.origin.stopHolding()
    for number in 0..<16 { bench.origin.release(number) }
    try await eventually("all are fresh") {
      for key in keys { _ = try await bench.read(key) }
      return keys.allSatisfy { bench.cache.valueInMemory(for: $0) != nil }
    }
    #expect(bench.origin.readCount == 40)
  }

  @Test("when refreshes fail the stale value is served until its limit, and they are not tried at every call")
  func staleIfError() async throws {
    let bench = try Bench()
    bench.origin.set("a", "Ada", version: 1)
    #expect(try await bench.read() == "Ada")
    bench.origin.fail(Failure())
    bench.time.advance(10)
    #expect(try await bench.read() == "Ada")
    try await eventually("the refresh failed") { bench.cache.statistics().origin.errors == 1 }
    for _ in 0..<50 { #expect(try await bench.read() == "Ada") }
    #expect(bench.origin.readCount == 2, "not before the retry delay")
    bench.time.advance(1)
    #expect(try await bench.read() == "Ada")
    try await eventually("the next refresh failed") { bench.cache.statistics().origin.errors == 2 }
    bench.time.advance(48.9)
    #expect(try await bench.read() == "Ada")
    bench.time.advance(0.1)
    await #expect(throws: Failure()) { try await bench.read() }
  }

  @Test("a row that is not there is remembered for its own time")
  func negative() async throws {
    let bench = try Bench()
    #expect(try await bench.read() == nil)
    bench.origin.set("a", "Ada", version: 1)
    bench.time.advance(4.9)
    #expect(try await bench.read() == nil)
    #expect(bench.cache.valueInMemory(for: "a") == .some(nil))
    #expect(bench.origin.readCount == 1)
    bench.time.advance(0.1)
    #expect(try await bench.read() == "Ada")
    #expect(bench.cache.statistics().l1.negative == 2)
    #expect(bench.cache.statistics().origin.negative == 1)
  }

  @Test("a row that a refresh finds gone is gone")
  func goneOnRefresh() async throws {
    let bench = try Bench()
    bench.origin.set("a", "Ada", version: 1)
    #expect(try await bench.read() == "Ada")
    bench.origin.delete("a")
    bench.time.advance(10)
    #expect(try await bench.read() == "Ada")
    try await eventually("the refresh is stored") { bench.cache.valueInMemory(for: "a") == .some(nil) }
  }

  @Test("limits differ by up to the jitter")
  func jitter() async throws {
    var policy = Bench.policy
    policy.jitter = 0.1
    for (random, isFreshBefore, isStaleAfter) in [(0.0, 8.9, 9.0), (1.0, 10.9, 11.0), (0.5, 9.9, 10.0)] {
      let bench = try Bench(policy, random: { random })
      bench.origin.set("a", "Ada", version: 1)
      #expect(try await bench.read() == "Ada")
      bench.time.advance(isFreshBefore)
      #expect(bench.cache.valueInMemory(for: "a") != nil)
      bench.time.advance(isStaleAfter - isFreshBefore + 0.01)
      #expect(bench.cache.valueInMemory(for: "a") == nil)
    }
  }

  @Test("a policy that changes is felt at once, by what is stored too, and a bad one changes nothing")
  func policyChanges() async throws {
    let bench = try Bench()
    for number in 0..<100 {
      bench.origin.set("\(number)", String(repeating: "x", count: 1_000), version: 1)
      _ = try await bench.read("\(number)")
    }
    #expect(bench.cache.statistics().entries == 100)
    bench.time.advance(3)
    #expect(bench.cache.valueInMemory(for: "99") != nil)
    var policy = Bench.policy
    policy.fresh = .seconds(2)
    policy.maximumBytes = 20_000
    try bench.cache.update(policy)
    #expect(bench.cache.statistics().bytes <= 20_000)
    for number in 0..<100 { #expect(bench.cache.valueInMemory(for: "\(number)") == nil) }
    policy.stale = .seconds(1)
    #expect(throws: CacheError.invalidPolicy("stale is below fresh")) { try bench.cache.update(policy) }
    #expect(bench.cache.policy.stale == .seconds(60))
  }

  @Test("policies out of their bounds are refused, with the reason")
  func policyBounds() {
    let changes: [(inout CachePolicy) -> Void] = [
      { $0.maximumBytes = -1 }, { $0.fresh = .zero }, { $0.stale = .seconds(31 * 86_400) }, { $0.jitter = 0.6 },
      { $0.jitter = .nan }, { $0.negative = .seconds(-1) }, { $0.loadTimeout = .seconds(61) },
      { $0.secondTierTimeout = .zero }, { $0.fence = .seconds(5) }, { $0.maximumFences = 0 }, { $0.maximumLoads = 0 },
    ]
    for change in changes {
      var policy = CachePolicy()
      change(&policy)
      #expect(throws: CacheError.self) { try policy.validate() }
    }
    #expect(throws: Never.self) { try CachePolicy().validate() }
  }
}
