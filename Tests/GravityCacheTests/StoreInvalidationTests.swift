import CacheStoreConformance
import GravityCache
import Logging
import Patience
import Testing

@Suite("Invalidations that the store tells")
struct StoreInvalidationTests {
  private func follow(_ bench: Bench, _ store: FaultyStore) async throws -> (
    StoreInvalidationFeed, Task<Void, any Error>
  ) {
    let feed = StoreInvalidationFeed(
      [bench.cache], store: store, logger: Logger(label: "t", factory: { _ in SwiftLogNoOpLogHandler() }))
    let running = Task { try await feed.run() }
    try await eventually("it is fed") { feed.isReliable }
    return (feed, running)
  }

  @Test("reach the other instance's memory without an event, and do not go round in a circle")
  func reachesOthers() async throws {
    for version in [2, nil] as [Int64?] {
      let pair = try Pair()
      let (_, one) = try await follow(pair.one, pair.store)
      let (_, two) = try await follow(pair.two, pair.store)
      pair.origin.set("a", "old", version: 1)
      try await pair.fill(version: 1)
      #expect(try await pair.two.read() == "old")
      pair.origin.set("a", "new", version: 2)
      await pair.one.cache.invalidate("a", version: version)
      try await eventually("the other has heard of it") { pair.two.cache.valueInMemory(for: "a") == nil }
      #expect(try await pair.two.read() == "new")
      #expect(try await pair.one.read() == "new")
      #expect(pair.store.count(.invalidate) == 1, "who hears of it does not tell the store again")
      one.cancel()
      two.cancel()
      try await one.value
      try await two.value
    }
  }

  @Test("empty the memory when some may have been missed, and of other caches change nothing")
  func interrupted() async throws {
    let pair = try Pair()
    let (feed, running) = try await follow(pair.two, pair.store)
    pair.origin.set("a", "Ada", version: 1)
    #expect(try await pair.two.read() == "Ada")
    try await pair.store.inner.invalidate("other:a", version: 2, fence: .seconds(60))
    try await pair.store.inner.invalidate("profile", version: 2, fence: .seconds(60))
    try await pair.store.inner.invalidate("profile:b", version: 2, fence: .seconds(60))
    #expect(pair.two.cache.valueInMemory(for: "a") == .some("Ada"))
    pair.store.inner.interruptInvalidations(true)
    try await eventually("it is known") { !feed.isReliable }
    try await eventually("the memory is empty") { pair.two.cache.valueInMemory(for: "a") == nil }
    #expect(try await pair.two.read() == "Ada")
    pair.store.inner.interruptInvalidations(false)
    try await eventually("it is fed again") { feed.isReliable && pair.two.cache.valueInMemory(for: "a") == nil }
    running.cancel()
    try await running.value
    #expect(!feed.isReliable)
  }
}
