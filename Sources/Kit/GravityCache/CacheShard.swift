/// A part of L1: entries, the loads that are under way and the fences of the keys that hash to it.
@usableFromInline struct CacheShard<Key: CacheKey, Value: Sendable>: Sendable {
  @usableFromInline struct Entry: Sendable {
    /// nil: there is none.
    @usableFromInline var value: Value?
    /// `Int64.min` for "there is none".
    var version: Int64
    /// When it was loaded, here or by the instance that put it into L2.
    @usableFromInline var born: Int64
    /// What its limits are multiplied by.
    @usableFromInline var factor: Double
    /// No refresh before this moment.
    @usableFromInline var retryAt: Int64
  }

  /// The policy in the clock's unit, and each shard's part of its sums.
  @usableFromInline struct Limits: Sendable {
    @usableFromInline var fresh: Double
    @usableFromInline var stale: Double
    @usableFromInline var negative: Double
    var fence: Int64
    var retry: Int64
    /// Refreshes that may be under way; beyond, stale values are served and the next caller tries again.
    var refreshes = 16

    init(_ policy: CachePolicy) {
      fresh = Double(policy.fresh.nanoseconds)
      stale = Double(policy.stale.nanoseconds)
      negative = Double(policy.negative.nanoseconds)
      fence = policy.fence.nanoseconds
      retry = policy.refreshRetry.nanoseconds
    }
  }

  @usableFromInline enum Found {
    case value(Value)
    case negative
    case stale(Value)
    /// Served; the flight is the caller's to start.
    case refresh(Value, Flight<Value>)
    case nothing
  }

  @usableFromInline var entries: S3FIFO<Key, Entry>
  var fences: Fences<Key>
  @usableFromInline var limits: Limits
  @usableFromInline var counts = CacheStatistics.Tier()
  var fenced = 0
  private var flights: [Key: Flight<Value>] = [:]
  private var refreshes = 0
  /// Counts loads and invalidations, for their order.
  private var order: UInt64 = 0
  /// Loads that began before this are not stored.
  private var floor: UInt64 = 0

  init(policy: CachePolicy, shards: Int) {
    limits = Limits(policy)
    entries = S3FIFO(budget: policy.maximumBytes / shards)
    fences = Fences(limit: policy.maximumFences / shards)
  }

  mutating func update(_ policy: CachePolicy, shards: Int) {
    limits = Limits(policy)
    entries.budget = policy.maximumBytes / shards
    entries.shrink()
    fences.limit = max(1, policy.maximumFences / shards)
  }

  // MARK: Asking

  @inlinable mutating func find(_ key: Key, now: Int64) -> Found {
    guard let place = entries.find(key) else {
      counts.misses += 1
      return .nothing
    }
    let entry = entries[place]
    let age = Double(now - entry.born)
    guard let value = entry.value else {
      if age < limits.negative * entry.factor {
        counts.negative += 1
        return .negative
      }
      return expire(key)
    }
    if age < limits.fresh * entry.factor {
      counts.hits += 1
      return .value(value)
    }
    guard age < limits.stale * entry.factor else { return expire(key) }
    counts.stale += 1
    guard now >= entry.retryAt, let flight = beginRefresh(key, now: now) else { return .stale(value) }
    return .refresh(value, flight)
  }

  @usableFromInline mutating func beginRefresh(_ key: Key, now: Int64) -> Flight<Value>? {
    guard refreshes < limits.refreshes, flights[key] == nil else { return nil }
    refreshes += 1
    return begin(key, isRefresh: true, now: now)
  }

  /// A fresh entry; begins nothing, and counts only what it finds.
  @inlinable mutating func findFresh(_ key: Key, now: Int64) -> Value?? {
    guard let place = entries.find(key) else { return nil }
    let entry = entries[place]
    let limit = entry.value == nil ? limits.negative : limits.fresh
    guard Double(now - entry.born) < limit * entry.factor else { return nil }
    if entry.value == nil { counts.negative += 1 } else { counts.hits += 1 }
    return .some(entry.value)
  }

  @usableFromInline mutating func expire(_ key: Key) -> Found {
    entries.remove(key)
    counts.misses += 1
    return .nothing
  }

  /// Adds the waiter to the key's flight.
  /// - Returns: a flight that is the caller's to start, and what to answer if there is an entry by now.
  mutating func join(_ key: Key, _ waiter: Waiter<Value?>, now: Int64) -> (starts: Flight<Value>?, found: Value??) {
    if let entry = entries.peek(key), isServable(entry, now: now) { return (nil, .some(entry.value)) }
    if let flight = flights[key] {
      flight.add(waiter)
      return (nil, nil)
    }
    let flight = begin(key, isRefresh: false, now: now)
    flight.add(waiter)
    return (flight, nil)
  }

  /// How many wait for a load of the key.
  func waiterCount(_ key: Key) -> Int { flights[key]?.waiterCount ?? 0 }

  private func isServable(_ entry: Entry, now: Int64) -> Bool {
    Double(now - entry.born) < (entry.value == nil ? limits.negative : limits.stale) * entry.factor
  }

  private mutating func begin(_ key: Key, isRefresh: Bool, now: Int64) -> Flight<Value> {
    order += 1
    let flight = Flight<Value>(
      began: order, startedAt: now, leastVersion: fences.leastVersion(key, now: now), isRefresh: isRefresh)
    flights[key] = flight
    return flight
  }

  // MARK: Storing

  enum Stored {
    /// Not old. It may have been too large to keep.
    case admitted
    /// Invalidated meanwhile, or older than what is here, which is given.
    case refused(newer: Value?)
  }

  /// Takes over what a flight found.
  /// - Parameter ends: Whether the flight is over; its later callers start another.
  mutating func store(
    _ entry: Entry, cost: Int, for key: Key, from flight: Flight<Value>, ends: Bool, now: Int64
  ) -> Stored {
    if ends { end(flight, key) }
    let version = entry.value == nil ? nil : entry.version
    // What is here when a flight is refused came after the invalidation that refuses it.
    let known = entries.peek(key).flatMap { isServable($0, now: now) ? $0 : nil }
    guard
      flight.began > floor, now - flight.startedAt < limits.fence,
      fences.allows(key, version: version, began: flight.began, now: now)
    else {
      fenced += 1
      delayRefresh(key, now: now)
      return .refused(newer: known?.value)
    }
    // Another flight's, begun after an invalidation that this one survived by its version.
    if let version, let known, let value = known.value, known.version > version {
      fenced += 1
      delayRefresh(key, now: now)
      return .refused(newer: value)
    }
    entries.insert(entry, for: key, cost: cost)
    return .admitted
  }

  /// A flight that found out nothing.
  mutating func fail(_ flight: Flight<Value>, _ key: Key, now: Int64) {
    end(flight, key)
    delayRefresh(key, now: now)
  }

  private mutating func delayRefresh(_ key: Key, now: Int64) {
    let retryAt = now + limits.retry
    entries.modify(key) { $0.retryAt = retryAt }
  }

  private mutating func end(_ flight: Flight<Value>, _ key: Key) {
    if flight.isRefresh { refreshes -= 1 }
    if flights[key] === flight { flights[key] = nil }
  }

  // MARK: Invalidating

  mutating func invalidate(_ key: Key, version: Int64?, now: Int64) {
    // Told twice, by whoever wrote and by the feed: what was loaded in between is not old.
    if let version, let least = fences.leastVersion(key, now: now), least >= version { return }
    order += 1
    fences.raise(key, version: version, order: order, until: now + limits.fence, now: now)
    // Whoever asks from now on must not be given what a load that is under way may have read before.
    flights[key] = nil
    guard let entry = entries.peek(key) else { return }
    if let version, entry.value != nil, entry.version >= version { return }
    entries.remove(key)
  }

  mutating func invalidateAll() {
    order += 1
    floor = order
    flights = [:]
    entries.removeAll()
  }

  /// As `invalidate`, for a row that is known to be gone, unless something later is known of it.
  mutating func remove(_ key: Key, version: Int64, leaving none: Entry, cost: Int, now: Int64) {
    if let least = fences.leastVersion(key, now: now), least > version { return }
    invalidate(key, version: version, now: now)
    if let entry = entries.peek(key), entry.value != nil { return }
    entries.insert(none, for: key, cost: cost)
  }
}
