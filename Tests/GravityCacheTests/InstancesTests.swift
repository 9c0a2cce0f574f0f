import CacheStoreConformance
import GravityCache
import Patience
import Synchronization
import Testing

@Suite struct InstancesTests {
  @Test("no instance serves the old version once the feed has told it, whatever loads are under way")
  func feed() async throws {
    let pair = try Pair()
    let instances: [any InvalidatedByName] = [pair.one.cache, pair.two.cache]
    for version in 1...40 as ClosedRange<Int64> {
      pair.origin.set("a", "v\(version)", version: version)
      // Readers that began before the change is told: they may see either, and may end any time.
      let readers = (0..<4).map { number in Task { try await [pair.one, pair.two][number % 2].read() } }
      if version % 2 == 0 { await pair.one.cache.invalidate("a", version: version) }
      for instance in instances { instance.invalidate(key: "a", version: version) }
      #expect(try await pair.one.read() == "v\(version)")
      #expect(try await pair.two.read() == "v\(version)")
      for reader in readers { _ = try await reader.value }
      #expect(try await pair.one.read() == "v\(version)", "a slow reader put the old back")
      #expect(try await pair.two.read() == "v\(version)", "a slow reader put the old back")
    }
  }

  @Test("an instance with a slow load of the old version does not give it to the other through the store")
  func slowReaderOfTheOther() async throws {
    let pair = try Pair()
    pair.origin.set("a", "old", version: 1)
    pair.origin.hold()
    let slow = try await pair.two.begin()
    pair.origin.set("a", "new", version: 2)
    await pair.one.cache.invalidate("a", version: 2)
    // The feed has not reached the second instance: it may keep what it loaded, the store may not.
    pair.origin.release(0)
    #expect(try await slow.value == "old")
    try await eventually("the put was tried") { pair.store.count(.put) == 1 }
    pair.origin.stopHolding()
    #expect(try await pair.one.read() == "new")
    pair.two.cache.invalidate(key: "a", version: 2)
    #expect(try await pair.two.read() == "new")
  }

  @Test("random writes, reads and feeds on two instances never show what was told to be old")
  func randomHistory() async throws {
    for seed in 1...8 as ClosedRange<UInt64> {
      let pair = try Pair()
      var random = SplitMix(state: seed)
      let keys = ["a", "b", "c"]
      var versions: [String: Int64] = [:]
      var told: [[String: Int64]] = [[:], [:]]
      for key in keys { pair.origin.set(key, "1", version: 1) }
      for step in 0..<400 {
        let key = keys[Int(random.next() % 3)]
        let instance = Int(random.next() % 2)
        let bench = [pair.one, pair.two][instance]
        switch random.next() % 8 {
        case 0, 1:
          let version = versions[key, default: 1] + 1
          versions[key] = version
          pair.origin.set(key, "\(version)", version: version)
        case 2:
          let version = versions[key, default: 1]
          await bench.cache.invalidate(key, version: version)
          told[instance][key] = version
        case 3:
          let version = versions[key, default: 1]
          bench.cache.invalidate(key: key, version: random.next() % 2 == 0 ? version : nil)
          told[instance][key] = version
        case 4 where step % 5 == 0: bench.cache.invalidateAll()
        case 4: pair.time.advance(Double(random.next() % 12))
        case 5: pair.store.set(random.next() % 3 == 0 ? .fails : .works)
        default:
          let value = try #require(try await bench.read(key))
          let version = try #require(Int64(value))
          #expect(version >= told[instance][key, default: 1], "seed \(seed), step \(step)")
        }
      }
    }
  }

  @Test("the smallest store does what every store must")
  func conformance() async throws {
    let time = HeldClock()
    try await CacheStoreConformance(
      pass: { time.advance(Double($0.components.seconds) + Double($0.components.attoseconds) / 1e18) },
      makeStore: { InMemoryCacheStore(now: { time.now }) }
    ).run()
  }
}
