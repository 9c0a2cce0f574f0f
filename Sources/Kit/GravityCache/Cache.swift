public import Logging
public import Metrics
public import Synchronization

/// Reads through: this process's memory (L1), then the store that instances share (L2), then the loader.
///
/// - One load of a key at a time, however many ask; their cancellation does not end it. Its error goes to all of them
///   and is not kept.
/// - Past ``CachePolicy/fresh`` a value is served at once and refreshed behind it, and when that fails it is served
///   until ``CachePolicy/stale``. So nobody waits for a refresh, and none is drawn at random before its time.
/// - What was invalidated does not come back: neither from a load that began before, nor from a replica that lags, nor
///   from L2. ``invalidate(_:version:)`` says how.
/// - L2 may be away: then L1 and the loader serve, and nobody sees an error.
///
/// Memory is bounded by ``CachePolicy/maximumBytes``, in shards by the key's hash. Labels of its metrics: `cache` is
/// the name, `tier` is `l1`, `l2` or `origin`, `result` is `hit`, `stale`, `negative`, `miss` or `error`.
public final class Cache<Key: CacheKey, Value: Codable & Sendable>: InvalidatedByName {
  /// A shard has its lock on a heap block of its own, so that two cores do not share one.
  @usableFromInline final class Shard: Sendable {
    @usableFromInline let state: Mutex<CacheShard<Key, Value>>
    init(_ state: sending CacheShard<Key, Value>) { self.state = Mutex(state) }
  }
  struct Settings: Sendable {
    var policy: CachePolicy
    var published = CacheStatistics()
  }

  /// The resource: `profile`.
  public let name: String
  @usableFromInline let shards: [Shard]
  let secondTier: SecondTier?
  @usableFromInline let clock: CacheClock
  let random: @Sendable () -> Double
  let cost: (@Sendable (Value) -> Int)?
  let format: RecordFormat<Value>
  let metrics: CacheMetrics
  let logger: Logger
  let settings: Mutex<Settings>
  /// What L2 and the origin answered; L1's counts are the shards'.
  let slowCounts = Mutex(CacheStatistics())
  let loadsUnderWay = Atomic(0)
  @usableFromInline let publishAt: Atomic<Int64>
  @usableFromInline let mask: Int

  /// - Parameters:
  ///   - name: The resource, unique among the caches of a service: lower case letters, digits, `_`.
  ///   - schema: To be raised when `Value`'s JSON changes its meaning or gets a field: records of another schema in L2
  ///     are misses.
  ///   - cost: About how many bytes a value takes; the size of its JSON when nil. 200 are added for the entry.
  ///   - store: L2, if there is one.
  ///   - shards: Rounded up to a power of two, at most 256.
  ///   - random: Evenly within 0 and 1.
  /// - Throws: ``CacheError/invalidPolicy(_:)``.
  public init(
    name: String, schema: Int = 1, policy: CachePolicy = CachePolicy(), cost: (@Sendable (Value) -> Int)? = nil,
    store: (any CacheStore)? = nil, metrics factory: (any MetricsFactory)? = nil,
    logger: Logger = Logger(label: "cache"), clock: CacheClock = .monotonic, shards: Int = 16,
    random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
  ) throws(CacheError) {
    try policy.validate()
    self.name = name
    self.clock = clock
    self.random = random
    self.cost = cost
    self.logger = logger
    format = RecordFormat(name: name, schema: schema)
    metrics = CacheMetrics(cache: name, hasSecondTier: store != nil, factory: factory ?? MetricsSystem.factory)
    var count = 1
    while count < min(shards, 256) { count *= 2 }
    mask = count - 1
    let total = count
    self.shards = (0..<total).map { _ in Shard(CacheShard(policy: policy, shards: total)) }
    settings = Mutex(Settings(policy: policy))
    publishAt = Atomic(clock.now() + Self.publishEvery)
    let metrics = metrics
    secondTier = store.map { SecondTier(store: $0, name: name, clock: clock, metrics: metrics, logger: logger) }
  }

  public var policy: CachePolicy { settings.withLock { $0.policy } }

  /// Takes effect at once, for what is stored already too.
  /// - Throws: ``CacheError/invalidPolicy(_:)``; the policy stays as it was.
  public func update(_ policy: CachePolicy) throws(CacheError) {
    try policy.validate()
    settings.withLock { settings in
      settings.policy = policy
      for shard in shards { shard.state.withLock { $0.update(policy, shards: shards.count) } }
    }
  }

  @inlinable func shard(_ key: Key) -> Shard { shards[key.hashValue & mask] }

  func secondTierKey(_ key: Key) -> String { "\(name):\(key.cacheKey)" }

  // MARK: Reading

  /// The value, from where it is nearest.
  ///
  /// - Parameters:
  ///   - key: What to find.
  ///   - load: Reads the row and its version from the database; nil when there is none. It is run in a task of its own
  ///     that only the load time-out cancels.
  /// - Throws: what `load` throws, ``CacheError``, or `CancellationError` when this task is cancelled.
  @inlinable public func value(
    for key: Key, load: @escaping @Sendable () async throws -> Versioned<Value>?
  ) async throws -> Value? {
    if let found = served(key, load: { _ in try await load() }) { return found }
    return try await waited(key, load: { _ in try await load() })
  }

  /// As ``value(for:load:)``, for a loader that can read from a replica and from the primary.
  ///
  /// - Parameter load: Is given the version below which a row is known to be old, if the key was invalidated within
  ///   ``CachePolicy/fence``: then a replica that lags will not do. What is older is returned and not stored.
  @inlinable public func value(
    for key: Key, loadAtLeast load: @escaping @Sendable (Int64?) async throws -> Versioned<Value>?
  ) async throws -> Value? {
    if let found = served(key, load: load) { return found }
    return try await waited(key, load: load)
  }

  /// What L1 has and is fresh, without waiting and without loading; nil when there is nothing such.
  /// - Returns: `.some(nil)` when it is known that there is no such row.
  @inlinable public func valueInMemory(for key: Key) -> Value?? {
    let now = clock.now()
    publishIfDue(now)
    return shard(key).state.withLock { $0.findFresh(key, now: now) }
  }

  @usableFromInline typealias Load = @Sendable (Int64?) async throws -> Versioned<Value>?

  @inlinable func served(_ key: Key, load: @autoclosure () -> Load) -> Value?? {
    let now = clock.now()
    publishIfDue(now)
    switch shard(key).state.withLock({ $0.find(key, now: now) }) {
    case .value(let value), .stale(let value): return .some(value)
    case .negative: return .some(nil)
    case .refresh(let value, let flight):
      start(flight, key, load())
      return .some(value)
    case .nothing: return nil
    }
  }

  @usableFromInline func waited(_ key: Key, load: @escaping Load) async throws -> Value? {
    let waiter = Waiter<Value?>()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        waiter.wait(continuation)
        let now = clock.now()
        let (flight, found) = shard(key).state.withLock { $0.join(key, waiter, now: now) }
        if let found { waiter.finish(.success(found)) }
        if let flight { start(flight, key, load) }
      }
    } onCancel: {
      waiter.finish(.failure(CancellationError()))
    }
  }
}
