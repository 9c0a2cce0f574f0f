import GravityCache
import Patience
import Testing

@Suite struct InvalidationTests {
  @Test("a slow load that ends after the invalidation is not stored, with and without a version")
  func slowLoad() async throws {
    for version in [2, nil] as [Int64?] {
      let bench = try Bench()
      bench.origin.set("a", "old", version: 1)
      bench.origin.hold()
      let slow = try await bench.begin()
      bench.origin.set("a", "new", version: 2)
      await bench.cache.invalidate("a", version: version)
      bench.origin.release(0)
      #expect(try await slow.value == "old", "it asked before")
      try await eventually("the load was refused") { bench.cache.statistics().fenced == 1 }
      #expect(bench.cache.valueInMemory(for: "a") == nil)
      bench.origin.stopHolding()
      #expect(try await bench.read() == "new")
    }
  }

  @Test("who asks after the invalidation does not join a load from before, whichever ends first")
  func bothOrders() async throws {
    for version in [2, nil] as [Int64?] {
      for order in [[0, 1], [1, 0]] {
        let bench = try Bench()
        bench.origin.set("a", "old", version: 1)
        bench.origin.hold()
        let early = try await bench.begin()
        bench.origin.set("a", "new", version: 2)
        await bench.cache.invalidate("a", version: version)
        let late = try await bench.begin()
        let readings = [early, late]
        for number in order {
          bench.origin.release(number)
          // The later one must not see the earlier's value; the earlier may have either, since it asked before.
          let value = try await readings[number].value
          if number == 1 { #expect(value == "new") }
          if number == 0, order == [1, 0], version != nil {
            #expect(value == "new", "nobody is given less than what is here by now")
          }
        }
        #expect(bench.cache.valueInMemory(for: "a") == .some("new"))
      }
    }
  }

  @Test("a load that began before and brings the new version is stored")
  func newVersionFromBefore() async throws {
    let bench = try Bench()
    bench.origin.set("a", "new", version: 2)
    bench.origin.hold()
    let reading = try await bench.begin()
    await bench.cache.invalidate("a", version: 2)
    bench.origin.release(0)
    #expect(try await reading.value == "new")
    #expect(bench.cache.valueInMemory(for: "a") == .some("new"))
  }

  @Test("a lagging replica cannot put back an old version, nor the time when there was no row")
  func laggingReplica() async throws {
    let bench = try Bench()
    bench.origin.set("a", "old", version: 1)
    await bench.cache.invalidate("a", version: 2)
    #expect(try await bench.read() == "old", "the loader has nothing better")
    #expect(bench.cache.valueInMemory(for: "a") == nil)
    await bench.cache.invalidate("b", version: 1)
    #expect(try await bench.read("b") == nil)
    #expect(bench.cache.valueInMemory(for: "b") == nil)
    #expect(bench.cache.statistics().fenced == 2)
    bench.time.advance(30)
    #expect(try await bench.read() == "old")
    #expect(bench.cache.valueInMemory(for: "a") != nil, "the fence has ended")
  }

  @Test("a loader is told which version is known to be old while the fence stands")
  func leastVersion() async throws {
    let bench = try Bench()
    let (cache, origin) = (bench.cache, bench.origin)
    origin.set("a", "Ada", version: 3)
    let load: @Sendable (Int64?) async throws -> Versioned<String>? = { try await origin.read("a", $0) }
    _ = try await cache.value(for: "a", loadAtLeast: load)
    await cache.invalidate("a", version: 4)
    _ = try await cache.value(for: "a", loadAtLeast: load)
    bench.time.advance(30)
    _ = try await cache.value(for: "a", loadAtLeast: load)
    #expect(origin.leastVersions == [nil, 4, nil])
  }

  @Test("an invalidation that is told twice costs one load, and one that is late drops nothing newer")
  func toldTwice() async throws {
    let bench = try Bench()
    bench.origin.set("a", "new", version: 5)
    await bench.cache.invalidate("a", version: 5)
    bench.origin.hold()
    let reading = try await bench.begin()
    bench.cache.invalidate(key: "a", version: 5)
    bench.cache.invalidate(key: "a", version: 4)
    bench.origin.release(0)
    #expect(try await reading.value == "new")
    #expect(bench.cache.valueInMemory(for: "a") == .some("new"))
    bench.cache.invalidate(key: "a", version: 5)
    #expect(bench.cache.valueInMemory(for: "a") == .some("new"))
    bench.cache.invalidate(key: "a", version: 6)
    #expect(bench.cache.valueInMemory(for: "a") == nil)
    #expect(bench.origin.readCount == 1)
    bench.origin.stopHolding()
    bench.origin.set("b", "Bob", version: 5)
    _ = try await bench.read("b")
    bench.cache.invalidate(key: "b", version: 5)
    #expect(bench.cache.valueInMemory(for: "b") == .some("Bob"), "read before its invalidation came")
  }

  @Test("a refresh that is under way when its key is invalidated does not bring the old back")
  func refreshAcrossInvalidation() async throws {
    let bench = try Bench()
    bench.origin.set("a", "old", version: 1)
    #expect(try await bench.read() == "old")
    bench.time.advance(10)
    bench.origin.hold()
    #expect(try await bench.read() == "old")
    try await eventually("the refresh begins") { bench.origin.heldCount == 1 }
    bench.origin.set("a", "new", version: 2)
    await bench.cache.invalidate("a", version: nil)
    bench.origin.release(0)
    try await eventually("the refresh was refused") { bench.cache.statistics().fenced == 1 }
    bench.origin.stopHolding()
    #expect(try await bench.read() == "new")
  }

  @Test("a refresh from a replica that lags leaves the newer value, and is not tried at every call")
  func refreshFromTheReplica() async throws {
    let bench = try Bench()
    bench.origin.set("a", "new", version: 2)
    #expect(try await bench.read() == "new")
    bench.origin.set("a", "old", version: 1)
    bench.time.advance(10)
    #expect(try await bench.read() == "new")
    try await eventually("the refresh was refused") { bench.cache.statistics().fenced == 1 }
    for _ in 0..<10 { #expect(try await bench.read() == "new") }
    #expect(bench.origin.readCount == 2)
  }

  @Test("a removed row is known to be gone at once, and neither a slow load nor a replica brings it back")
  func removal() async throws {
    let bench = try Bench()
    bench.origin.set("a", "Ada", version: 1)
    bench.origin.hold()
    let slow = try await bench.begin()
    await bench.cache.remove("a", version: 2)
    bench.origin.release(0)
    #expect(try await slow.value == "Ada")
    try await eventually("the load was refused") { bench.cache.statistics().fenced == 1 }
    bench.origin.stopHolding()
    #expect(try await bench.read() == nil)
    #expect(bench.origin.readCount == 1)
    bench.cache.invalidate(key: "a", version: 2)
    #expect(bench.cache.valueInMemory(for: "a") == .some(nil), "the feed says nothing new")
    bench.time.advance(5)
    #expect(try await bench.read() == "Ada", "a replica that lags")
    #expect(bench.cache.valueInMemory(for: "a") == nil)
    bench.origin.set("a", "Ada again", version: 3)
    bench.cache.invalidate(key: "a", version: 3)
    #expect(try await bench.read() == "Ada again")
    await bench.cache.remove("a", version: 2)
    #expect(bench.cache.valueInMemory(for: "a") == .some("Ada again"), "a removal that is late")
    bench.cache.invalidate(key: "a", version: 4)
    await bench.cache.remove("a", version: 2)
    #expect(bench.cache.valueInMemory(for: "a") == nil, "a removal that is late says nothing of now")
  }

  @Test("a slow answer that there is no row is not kept when the row came meanwhile")
  func slowNegative() async throws {
    for version in [1, nil] as [Int64?] {
      let bench = try Bench()
      bench.origin.hold()
      let slow = try await bench.begin()
      bench.origin.set("a", "Ada", version: 1)
      await bench.cache.invalidate("a", version: version)
      bench.origin.release(0)
      #expect(try await slow.value == nil)
      bench.origin.stopHolding()
      #expect(try await bench.read() == "Ada")
    }
  }

  @Test("a flush empties memory, and what was being loaded is not stored")
  func flush() async throws {
    let bench = try Bench()
    bench.origin.set("a", "old", version: 1)
    bench.origin.set("b", "Bob", version: 1)
    #expect(try await bench.read("b") == "Bob")
    bench.origin.hold()
    let slow = try await bench.begin()
    bench.cache.invalidateAll()
    #expect(bench.cache.statistics().entries == 0 && bench.cache.statistics().bytes == 0)
    bench.origin.set("a", "new", version: 2)
    let late = try await bench.begin()
    bench.origin.release(0)
    #expect(try await slow.value == "old")
    try await eventually("the load was refused") { bench.cache.statistics().fenced == 1 }
    #expect(bench.cache.valueInMemory(for: "a") == nil)
    bench.origin.release(1)
    #expect(try await late.value == "new")
    #expect(bench.cache.valueInMemory(for: "a") == .some("new"))
  }

  @Test("more fences than are kept refuse more than they must, and never less")
  func fenceOverflow() async throws {
    var policy = Bench.policy
    policy.maximumFences = 16
    let bench = try Bench(policy)
    let keys = (0..<2_000).map { "k\($0)" }
    for key in keys { bench.origin.set(key, "old", version: 1) }
    bench.origin.hold()
    let slow = try await bench.begin("slow")
    bench.origin.stopHolding()
    bench.cache.invalidate(key: "slow", version: nil)
    for key in keys { bench.cache.invalidate(key: key, version: 2) }
    for key in keys {
      _ = try await bench.read(key)
      #expect(bench.cache.valueInMemory(for: key) == nil, "\(key) came back from a replica")
    }
    bench.origin.set("slow", "new", version: 1)
    bench.origin.release(0)
    _ = try await slow.value
    #expect(bench.cache.valueInMemory(for: "slow") == nil, "a load from before the flood")
    for key in keys { bench.origin.set(key, "new", version: 2) }
    for key in keys { #expect(try await bench.read(key) == "new") }
    #expect(bench.cache.statistics().entries == keys.count, "new versions are kept")
    bench.time.advance(30)
    bench.origin.set("other", "x", version: 1)
    #expect(try await bench.read("other") == "x")
    #expect(bench.cache.valueInMemory(for: "other") != nil, "the flood has ended")
  }

  @Test("a load that outlives the fence, because the process was paused, is not stored")
  func pausedProcess() async throws {
    var policy = Bench.policy
    policy.loadTimeout = .seconds(60)
    policy.fence = .seconds(61)
    let bench = try Bench(policy)
    bench.origin.set("a", "old", version: 1)
    bench.origin.hold()
    let slow = try await bench.begin()
    // A policy with shorter fences stands for the pause: time-outs that should have come first did not.
    policy.loadTimeout = .seconds(5)
    policy.fence = .seconds(10)
    try bench.cache.update(policy)
    await bench.cache.invalidate("a", version: 2)
    bench.time.advance(10)
    bench.origin.release(0)
    #expect(try await slow.value == "old")
    #expect(bench.cache.valueInMemory(for: "a") == nil)
  }

  @Test("a feed addresses caches by name, and a text that is no key does nothing")
  func byName() async throws {
    let profiles = try Cache<Int64, String>(name: "profile")
    let caches: [any InvalidatedByName] = [profiles, try Cache<Int64, String>(name: "settings")]
    _ = try await profiles.value(for: 7) { Versioned("Ada", version: 1) }
    for cache in caches where cache.name == "profile" {
      cache.invalidate(key: "seven", version: 2)
      #expect(profiles.valueInMemory(for: 7) != nil)
      cache.invalidate(key: "7", version: 2)
    }
    #expect(profiles.valueInMemory(for: 7) == nil)
  }
}
