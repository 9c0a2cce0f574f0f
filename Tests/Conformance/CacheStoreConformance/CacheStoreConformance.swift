public import GravityCache
import Testing

/// What every ``CacheStore`` must do; an engine's tests call it with a store of its own.
///
/// ```swift
/// @Test func conforms() async throws {
///   try await CacheStoreConformance(pass: { try await Task.sleep(for: $0) }) { RedisCacheStore(…) }.run()
/// }
/// ```
public struct CacheStoreConformance: Sendable {
  let makeStore: @Sendable () async throws -> any CacheStore
  let pass: @Sendable (Duration) async throws -> Void

  /// - Parameters:
  ///   - pass: Lets time pass for the store: a real wait where its clock cannot be held; in all about two seconds.
  ///   - makeStore: An empty store, and another for every call.
  public init(
    pass: @escaping @Sendable (Duration) async throws -> Void,
    makeStore: @escaping @Sendable () async throws -> any CacheStore
  ) {
    self.pass = pass
    self.makeStore = makeStore
  }

  public func run() async throws {
    try await keepsRecordsUntilTheyEnd()
    try await tellsAges()
    try await putsNothingOlder()
    try await fencesByVersion()
    try await fencesByLease()
    try await raisesFencesOnly()
    try await endsFences()
    try await keepsKeysApart()
    try await takesAnyBytes()
    try await comparesAtomically()
    try await agreesWithTheModel()
    try await tellsInvalidations()
  }

  static let minute = Duration.seconds(60)

  static func record(_ version: Int64, _ text: String = "") -> CacheRecord {
    CacheRecord(bytes: Array("v\(version)\(text)".utf8), version: version)
  }

  private func keepsRecordsUntilTheyEnd() async throws {
    let store = try await makeStore()
    #expect(try await store.get("a") == CacheLookup(lease: .none), "nothing is there at first")
    let lease = try await store.get("a").lease
    #expect(try await store.put(Self.record(1), for: "a", lease: lease, timeToLive: .milliseconds(300)))
    #expect(try await store.get("a").record == Self.record(1))
    try await pass(.milliseconds(400))
    #expect(try await store.get("a").record == nil, "it has ended")
    #expect(try await store.get("a").age == .zero)
    #expect(
      try await store.put(Self.record(1), for: "a", lease: lease, timeToLive: Self.minute), "and leaves no trace")
  }

  private func tellsAges() async throws {
    let store = try await makeStore()
    try await putsNew(store)
    try await pass(.milliseconds(250))
    let age = try await store.get("a").age
    #expect(age >= .milliseconds(240) && age < .seconds(30), "\(age)")
    try await putsNew(store)
  }

  /// What is put, also again, is no older than the time that has passed since, however busy the machine is.
  private func putsNew(_ store: any CacheStore) async throws {
    let before = ContinuousClock.now
    #expect(try await store.put(Self.record(1), for: "a", lease: .none, timeToLive: Self.minute))
    let age = try await store.get("a").age
    #expect(age <= ContinuousClock.now - before + .milliseconds(50), "\(age)")
  }

  private func putsNothingOlder() async throws {
    let store = try await makeStore()
    #expect(try await store.put(Self.record(5), for: "a", lease: .none, timeToLive: Self.minute))
    #expect(try await !store.put(Self.record(4), for: "a", lease: .none, timeToLive: Self.minute))
    #expect(try await store.get("a").record == Self.record(5))
    #expect(try await store.put(Self.record(5, "again"), for: "a", lease: .none, timeToLive: Self.minute))
    #expect(try await store.get("a").record == Self.record(5, "again"), "the same version replaces")
    #expect(try await store.put(Self.record(6), for: "a", lease: .none, timeToLive: Self.minute))
    #expect(try await store.get("a").record == Self.record(6))
  }

  private func fencesByVersion() async throws {
    let store = try await makeStore()
    let lease = try await store.get("a").lease
    #expect(try await store.put(Self.record(1), for: "a", lease: lease, timeToLive: Self.minute))
    try await store.invalidate("a", version: 2, fence: Self.minute)
    #expect(try await store.get("a").record == nil, "what is below goes")
    #expect(try await !store.put(Self.record(1), for: "a", lease: lease, timeToLive: Self.minute), "and stays away")
    let later = try await store.get("a").lease
    #expect(try await !store.put(Self.record(1), for: "a", lease: later, timeToLive: Self.minute), "with any lease")
    #expect(
      try await store.put(Self.record(2), for: "a", lease: lease, timeToLive: Self.minute),
      "a version decides by itself: an old lease is good for a new version")
    try await store.invalidate("a", version: 2, fence: Self.minute)
    #expect(try await store.get("a").record == Self.record(2), "told twice, what is not below stays")
    try await store.invalidate("b", version: 3, fence: Self.minute)
    #expect(try await !store.put(Self.record(2), for: "b", lease: .none, timeToLive: Self.minute), "never there before")
  }

  private func fencesByLease() async throws {
    let store = try await makeStore()
    let old = try await store.get("a").lease
    #expect(try await store.put(Self.record(1), for: "a", lease: old, timeToLive: Self.minute))
    try await store.invalidate("a", version: nil, fence: Self.minute)
    let lease = try await store.get("a").lease
    #expect(lease != old)
    #expect(try await store.get("a").record == nil)
    #expect(try await !store.put(Self.record(9), for: "a", lease: old, timeToLive: Self.minute), "loaded before")
    #expect(try await store.put(Self.record(1), for: "a", lease: lease, timeToLive: Self.minute), "loaded after")
    try await store.invalidate("a", version: nil, fence: Self.minute)
    #expect(try await store.get("a").lease != lease, "each gives another lease")
    #expect(try await store.get("a").lease != old)
    #expect(try await !store.put(Self.record(1), for: "a", lease: lease, timeToLive: Self.minute))
  }

  private func raisesFencesOnly() async throws {
    let store = try await makeStore()
    try await store.invalidate("a", version: 5, fence: Self.minute)
    try await store.invalidate("a", version: 3, fence: Self.minute)
    #expect(try await !store.put(Self.record(4), for: "a", lease: .none, timeToLive: Self.minute))
    try await store.invalidate("a", version: nil, fence: Self.minute)
    let lease = try await store.get("a").lease
    #expect(try await !store.put(Self.record(4), for: "a", lease: lease, timeToLive: Self.minute), "both hold")
    #expect(try await store.put(Self.record(5), for: "a", lease: lease, timeToLive: Self.minute))
  }

  private func endsFences() async throws {
    let store = try await makeStore()
    try await store.invalidate("a", version: 5, fence: .milliseconds(300))
    try await store.invalidate("b", version: nil, fence: .milliseconds(300))
    try await store.invalidate("c", version: 5, fence: Self.minute)
    try await store.invalidate("c", version: 5, fence: .milliseconds(1))
    try await pass(.milliseconds(400))
    let (a, b, c) = (try await store.get("a"), try await store.get("b"), try await store.get("c"))
    #expect(try await store.put(Self.record(1), for: "a", lease: a.lease, timeToLive: Self.minute))
    #expect(try await store.put(Self.record(1), for: "b", lease: b.lease, timeToLive: Self.minute))
    #expect(
      try await !store.put(Self.record(1), for: "c", lease: c.lease, timeToLive: Self.minute),
      "a shorter one does not end a longer one")
  }

  private func keepsKeysApart() async throws {
    let store = try await makeStore()
    let keys = ["profile:1", "profile:11", "profile:", "PROFILE:1", "profile:1 ", "profile:ü*?[a]\n{x}"]
    for (number, key) in keys.enumerated() {
      #expect(try await store.put(Self.record(Int64(number)), for: key, lease: .none, timeToLive: Self.minute))
    }
    try await store.invalidate(keys[0], version: nil, fence: Self.minute)
    #expect(try await store.get(keys[0]).record == nil)
    for (number, key) in keys.enumerated().dropFirst() {
      #expect(try await store.get(key).record == Self.record(Int64(number)), "\(key)")
    }
  }

  private func takesAnyBytes() async throws {
    let store = try await makeStore()
    let all = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    for (number, bytes) in [[], [0], Array("\r\n$-1\r\n".utf8), all].enumerated() {
      let record = CacheRecord(bytes: bytes, version: .max - 5 + Int64(number))
      #expect(try await store.put(record, for: "a", lease: .none, timeToLive: Self.minute))
      #expect(try await store.get("a").record == record, "versions near the greatest, \(bytes.count) bytes")
    }
    // Two versions that are the same number as floating point: a script that compares so would mix them up.
    try await store.invalidate("b", version: (1 << 53) + 1, fence: Self.minute)
    #expect(try await !store.put(Self.record(1 << 53), for: "b", lease: .none, timeToLive: Self.minute))
    #expect(try await store.put(Self.record((1 << 53) + 1), for: "b", lease: .none, timeToLive: Self.minute))
    #expect(try await !store.put(Self.record(1 << 53), for: "b", lease: .none, timeToLive: Self.minute))
    #expect(try await store.put(Self.record(-3), for: "c", lease: .none, timeToLive: Self.minute))
    #expect(try await !store.put(Self.record(-4), for: "c", lease: .none, timeToLive: Self.minute))
    #expect(try await store.get("c").record == Self.record(-3), "versions below zero")
  }

  private func comparesAtomically() async throws {
    let store = try await makeStore()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for version in (1...200 as ClosedRange<Int64>).shuffled() {
        group.addTask {
          _ = try await store.put(Self.record(version), for: "a", lease: .none, timeToLive: Self.minute)
        }
        group.addTask { try await store.invalidate("b", version: version, fence: Self.minute) }
        group.addTask {
          _ = try await store.put(Self.record(version), for: "b", lease: .none, timeToLive: Self.minute)
        }
      }
      try await group.waitForAll()
    }
    #expect(try await store.get("a").record == Self.record(200), "the greatest wins whoever comes last")
    let left = try await store.get("b").record
    #expect(left == nil || left == Self.record(200), "\(String(describing: left))")
  }

  private func tellsInvalidations() async throws {
    let store = try await makeStore()
    var feed = store.invalidations().makeAsyncIterator()
    var second = store.invalidations().makeAsyncIterator()
    #expect(await feed.next() == .began)
    #expect(await second.next() == .began)
    #expect(try await store.put(Self.record(1), for: "a", lease: .none, timeToLive: Self.minute))
    try await store.invalidate("a", version: 2, fence: Self.minute)
    #expect(await feed.next() == .invalidated(key: "a", version: 2), "a put is not told")
    #expect(try await store.get("a").record == nil, "what was told is so")
    let keys = ["p:ü \n{x}", "a", ""]
    for (number, key) in keys.enumerated() {
      let version = [nil, Int64.max, Int64.min][number]
      try await store.invalidate(key, version: version, fence: Self.minute)
      #expect(await feed.next() == .invalidated(key: key, version: version))
    }
    // Not raised: it may be told or not.
    try await store.invalidate("a", version: 7, fence: Self.minute)
    try await store.invalidate("a", version: nil, fence: Self.minute)
    var next = await feed.next()
    if next == .invalidated(key: "a", version: 7) { next = await feed.next() }
    #expect(next == .invalidated(key: "a", version: nil))
    #expect(await second.next() == .invalidated(key: "a", version: 2), "each reader hears all of it")
  }

  /// The same random calls to the store and to the smallest one that is right.
  private func agreesWithTheModel() async throws {
    let (store, model) = (try await makeStore(), InMemoryCacheStore(now: { 0 }))
    var random = SplitMix(state: 42)
    // For each key: leases given at the same moment by both.
    var leases: [String: [(CacheLease, CacheLease)]] = [:]
    for step in 0..<600 {
      let key = "k\(random.next() % 4)"
      let version = Int64(random.next() % 6)
      switch random.next() % 5 {
      case 0:
        try await store.invalidate(key, version: version, fence: Self.minute)
        try await model.invalidate(key, version: version, fence: Self.minute)
      case 1 where version == 0:
        try await store.invalidate(key, version: nil, fence: Self.minute)
        try await model.invalidate(key, version: nil, fence: Self.minute)
      case 2, 3:
        let known = leases[key] ?? [(.none, .none)]
        let (lease, modelLease) = known[max(0, known.count - 1 - Int(random.next() % 3))]
        let record = Self.record(version, "-\(step)")
        let isKept = try await store.put(record, for: key, lease: lease, timeToLive: Self.minute)
        let isRight = try await model.put(record, for: key, lease: modelLease, timeToLive: Self.minute)
        #expect(isKept == isRight, "step \(step)")
      default:
        let (found, right) = (try await store.get(key), try await model.get(key))
        #expect(found.record == right.record, "step \(step)")
        leases[key, default: []].append((found.lease, right.lease))
      }
    }
  }
}

/// The same sequence everywhere for the same start.
public struct SplitMix: RandomNumberGenerator, Sendable {
  var state: UInt64

  public init(state: UInt64) { self.state = state }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
