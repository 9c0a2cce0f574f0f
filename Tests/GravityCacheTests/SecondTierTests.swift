import CacheStoreConformance
import GravityCache
import Logging
import Patience
import Synchronization
import Testing

@Suite struct SecondTierTests {
  @Test("what one instance loaded the other takes from the store, with its age")
  func sharing() async throws {
    let pair = try Pair()
    pair.origin.set("a", "Ada", version: 1)
    try await pair.fill(version: 1)
    pair.time.advance(6)
    #expect(try await pair.two.read() == "Ada")
    #expect(pair.origin.readCount == 1)
    pair.time.advance(3.9)
    #expect(pair.two.cache.valueInMemory(for: "a") == .some("Ada"))
    pair.time.advance(0.1)
    #expect(pair.two.cache.valueInMemory(for: "a") == nil, "its age counts from the load")
    let statistics = pair.two.cache.statistics()
    #expect(statistics.l2.hits == 1 && statistics.l1.misses == 1 && statistics.origin.requests == 0)
    #expect(pair.one.cache.statistics().l2.misses == 1)
  }

  @Test("a stale record is served at once and refreshed, and when that fails it is served still")
  func stale() async throws {
    let pair = try Pair()
    pair.origin.set("a", "old", version: 1)
    try await pair.fill(version: 1)
    pair.time.advance(20)
    pair.origin.fail(Failure())
    #expect(try await pair.two.read() == "old")
    try await eventually("the refresh failed") { pair.two.cache.statistics().origin.errors == 1 }
    pair.origin.fail(nil)
    pair.origin.set("a", "new", version: 2)
    pair.time.advance(1)
    #expect(try await pair.two.read() == "old")
    try await eventually("the store has the new one") { try await pair.isInStore(version: 2) }
    #expect(try await pair.two.read() == "new")
    #expect(pair.two.cache.statistics().l2.stale == 2)
  }

  @Test("a stale record that memory has no room for is served too when its refresh fails")
  func staleWithoutRoom() async throws {
    var policy = Bench.policy
    policy.maximumBytes = 0
    let pair = try Pair(policy)
    pair.origin.set("a", "old", version: 1)
    try await pair.fill(version: 1)
    pair.time.advance(20)
    pair.origin.fail(Failure())
    pair.origin.hold()
    #expect(try await pair.two.read() == "old")
    try await eventually("the refresh begins") { pair.origin.heldCount == 1 }
    let second = Task { try await pair.two.read() }
    try await eventually("the second waits for it") { pair.two.waiterCount() == 1 }
    pair.origin.release(0)
    #expect(try await second.value == "old")
  }

  @Test("a refresh takes what another instance has loaded meanwhile")
  func refreshFromTheStore() async throws {
    let pair = try Pair()
    pair.origin.set("a", "old", version: 1)
    try await pair.fill(version: 1)
    #expect(try await pair.two.read() == "old")
    pair.time.advance(10)
    pair.origin.set("a", "new", version: 2)
    #expect(try await pair.one.read() == "old")
    try await eventually("the store has the new one") { try await pair.isInStore(version: 2) }
    #expect(try await pair.two.read() == "old")
    try await eventually("the refresh is stored") { pair.two.cache.valueInMemory(for: "a") == .some("new") }
    #expect(pair.origin.readCount == 2)
  }

  @Test("a slow load is not put into the store after the invalidation, in both orders, with and without a version")
  func slowPut() async throws {
    for version in [2, nil] as [Int64?] {
      for putsFirst in [true, false] {
        let pair = try Pair()
        pair.origin.set("a", "old", version: 1)
        pair.store.set(.holds, .put)
        #expect(try await pair.one.read() == "old")
        try await eventually("the put is on its way") { pair.store.heldCount(.put) == 1 }
        pair.origin.set("a", "new", version: 2)
        if putsFirst {
          pair.store.release()
          try await eventually("it is there") { try await pair.isInStore(version: 1) }
        }
        await pair.two.cache.invalidate("a", version: version)
        pair.store.release()
        pair.store.set(.works, .put)
        #expect(try await pair.two.read() == "new")
        try await eventually("the store has the new one") { try await pair.isInStore(version: 2) }
        #expect(pair.store.count(.put) == 2)
      }
    }
  }

  @Test("a load that was fenced in memory does not go to the store")
  func fencedLoad() async throws {
    let pair = try Pair()
    pair.origin.set("a", "old", version: 1)
    pair.origin.hold()
    let slow = try await pair.one.begin()
    // The store has lost its fence: only the instance knows.
    pair.store.set(.fails, .invalidate)
    await pair.one.cache.invalidate("a", version: 2)
    pair.origin.release(0)
    #expect(try await slow.value == "old")
    try await eventually("the load was refused") { pair.one.cache.statistics().fenced == 1 }
    #expect(pair.store.count(.put) == 0)
  }

  @Test("while the store is being told of an invalidation its old record is not read")
  func readDuringInvalidation() async throws {
    for version in [2, nil] as [Int64?] {
      let pair = try Pair()
      pair.origin.set("a", "old", version: 1)
      try await pair.fill(version: 1)
      pair.origin.set("a", "new", version: 2)
      pair.store.set(.holds, .invalidate)
      let invalidating = Task { await pair.one.cache.invalidate("a", version: version) }
      try await eventually("the store is being told") { pair.store.heldCount(.invalidate) == 1 }
      #expect(try await pair.one.read() == "new")
      #expect(pair.one.cache.valueInMemory(for: "a") == .some("new"))
      pair.store.release()
      await invalidating.value
    }
  }

  @Test("records that are garbage, of another build or too large are misses and get replaced")
  func lyingStore() async throws {
    let other = try Pair(schemas: (2, 1))
    other.origin.set("a", "Ada", version: 1)
    try await other.fill(version: 1)
    #expect(try await other.two.read() == "Ada")
    #expect(other.origin.readCount == 2)
    #expect(other.two.cache.statistics().l2.misses == 1)

    let large = [UInt8](repeating: 34, count: 2 << 20)
    for bytes in [[], [0xFF, 0xFE], Array("profile/1\n".utf8), Array("profile/1\n{\"a\":".utf8), large] {
      let pair = try Pair()
      _ = try await pair.store.inner.put(
        CacheRecord(bytes: bytes, version: 1), for: "profile:a", lease: .none, timeToLive: .seconds(60))
      pair.origin.set("a", "Ada", version: 1)
      #expect(try await pair.one.read() == "Ada")
      try await eventually("it is replaced") { try await pair.store.inner.get("profile:a").record?.bytes != bytes }
      #expect(try await pair.two.read() == "Ada")
      #expect(pair.origin.readCount == 1)
    }
  }

  @Test("values too large for the store are kept in memory only")
  func largeValue() async throws {
    var policy = Bench.policy
    policy.maximumRecordBytes = 100
    let pair = try Pair(policy)
    pair.origin.set("a", String(repeating: "x", count: 200), version: 1)
    _ = try await pair.one.read()
    pair.origin.set("b", "Bob", version: 1)
    try await pair.fill("b", version: 1)
    #expect(try await pair.store.inner.get("profile:a").record == nil)
    #expect(pair.one.cache.valueInMemory(for: "a") != nil)
  }

  @Test(
    "a store that fails costs no error, and after five failures nothing, until one question a second brings it back")
  func throwingStore() async throws {
    let lines = LogLines()
    let time = HeldClock()
    let store = FaultyStore(time)
    let bench = try Bench(store: store, time: time, logger: lines.logger)
    store.set(.fails)
    for number in 0..<50 {
      bench.origin.set("\(number)", "x", version: 1)
      #expect(try await bench.read("\(number)") == "x")
    }
    #expect(store.count == 5)
    #expect(bench.cache.statistics().l2.errors == 50)
    #expect(lines.all == ["warning: the cache's second tier is away; going on without it"])
    time.advance(1)
    for number in 50..<60 { #expect(try await bench.read("\(number)") == nil) }
    #expect(store.count == 6, "one question")
    store.set(.works)
    time.advance(1)
    #expect(try await bench.read("60") == nil)
    #expect(try await bench.read("61") == nil)
    #expect(store.count(.get) == 8)
    #expect(lines.all.count == 2 && lines.all.last == "notice: the cache's second tier is back")
  }

  @Test("a frozen store is waited for no longer than its time-out, and five calls long")
  func frozenStore() async throws {
    let time = HeldClock()
    let store = FaultyStore(time)
    let bench = try Bench(store: store, time: time)
    store.set(.holds)
    for number in 0..<5 {
      bench.origin.set("\(number)", "x", version: 1)
      let reading = Task { try await bench.read("\(number)") }
      try await eventually("the store is asked") { store.heldCount == number + 1 && time.sleeperCount == 1 }
      #expect(bench.origin.readCount == number)
      time.advance(0.05)
      #expect(try await reading.value == "x")
    }
    #expect(try await bench.read("0") == "x")
    #expect(try await bench.read("more") == nil)
    #expect(store.count == 5)
    time.advance(1)
    let probing = Task { try await bench.read("probe") }
    try await eventually("one question is tried") { store.heldCount == 6 }
    for number in 0..<5 { #expect(try await bench.read("other\(number)") == nil) }
    #expect(store.count == 6, "and one only")
    store.release()
    #expect(try await probing.value == nil)
  }

  @Test("an invalidation that the store did not take is told when it is back, and not read around")
  func pendingInvalidation() async throws {
    let pair = try Pair()
    pair.origin.set("a", "old", version: 1)
    try await pair.fill(version: 1)
    pair.origin.set("a", "new", version: 2)
    pair.store.set(.fails)
    await pair.one.cache.invalidate("a", version: 2)
    for number in 0..<5 { _ = try await pair.one.read("other\(number)") }
    pair.store.set(.works)
    pair.time.advance(30)
    #expect(try await pair.one.read() == "new", "the fence in memory has ended; the store still has the old")
    #expect(try await pair.isInStore(version: 1))
    _ = try await pair.one.read("probe")
    try await eventually("the store was told") { try await !pair.isInStore(version: 1) }
    pair.two.cache.invalidateAll()
    #expect(try await pair.two.read() == "new")
  }

  @Test("when too many invalidations could not be told, records from before are not believed")
  func distrust() async throws {
    let pair = try Pair()
    pair.origin.set("a", "old", version: 1)
    try await pair.fill(version: 1)
    pair.origin.set("a", "new", version: 2)
    pair.store.set(.fails)
    pair.one.cache.invalidate(key: "a", version: 2)
    for number in 0..<10_001 { pair.one.cache.invalidate(key: "k\(number)", version: 2) }
    for number in 0..<5 { _ = try await pair.one.read("other\(number)") }
    pair.store.set(.works)
    pair.time.advance(31)
    _ = try await pair.one.read("probe")
    #expect(try await pair.one.read() == "new")
    try await eventually("the store has the new one") { try await pair.isInStore(version: 2) }
    pair.one.cache.invalidateAll()
    #expect(try await pair.one.read() == "new")
    #expect(pair.one.cache.statistics().l2.hits == 1, "what was put since is believed")
  }

  @Test("a row that went without a word is dropped from the store by who finds out")
  func goneWithoutAWord() async throws {
    let pair = try Pair()
    pair.origin.set("a", "Ada", version: 1)
    try await pair.fill(version: 1)
    pair.origin.delete("a")
    pair.time.advance(10)
    _ = try await pair.one.read()
    try await eventually("the store forgot it") { try await pair.store.inner.get("profile:a").record == nil }
    #expect(try await pair.two.read() == nil)
  }
}

/// A logger whose lines a test reads.
final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  var logger: Logger { Logger(label: "t", factory: { _ in Handler(lines: self) }) }

  private struct Handler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) { lines.lines.withLock { $0.append("\(event.level): \(event.message)") } }
  }
}
