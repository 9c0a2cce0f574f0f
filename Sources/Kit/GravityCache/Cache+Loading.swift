import Logging
import Synchronization

extension Cache {
  /// Runs a flight to its end, in a task that nobody who waits for it can cancel.
  @usableFromInline func start(_ flight: Flight<Value>, _ key: Key, _ load: @escaping Load) {
    Task {
      let policy = policy
      switch await askSecondTier(flight, key, policy) {
      case .done: return
      case .goOn(let context): await askOrigin(flight, key, load, policy, context)
      }
    }
  }

  private enum SecondTierOutcome {
    case done
    case goOn(Context)
  }

  /// What a load has to know of L2.
  private struct Context: Sendable {
    /// Without a lease nothing is put into L2: it was not asked, or did not answer.
    var lease: CacheLease?
    var hasRecord = false
    /// A stale value that was served from L2, for those who come before the load ends and for when it fails.
    var served: Value?
  }

  private func askSecondTier(
    _ flight: Flight<Value>, _ key: Key, _ policy: CachePolicy
  ) async -> SecondTierOutcome {
    guard let secondTier else { return .goOn(Context()) }
    switch await secondTier.get(secondTierKey(key), policy: policy) {
    case .unavailable:
      count { $0.l2.errors += 1 }
      return .goOn(Context())
    case .nothing(let lease):
      count { $0.l2.misses += 1 }
      return .goOn(Context(lease: lease))
    case .record(let record, let age, let lease):
      switch take(record, age: age, flight, key, policy) {
      case .fresh: return .done
      case .stale(let value): return .goOn(Context(lease: lease, hasRecord: true, served: value))
      case .useless: return .goOn(Context(lease: lease, hasRecord: true))
      }
    }
  }

  private enum Taken {
    case fresh
    /// Served, and the flight goes on as its refresh.
    case stale(Value)
    case useless
  }

  private func take(
    _ record: CacheRecord, age: Int64, _ flight: Flight<Value>, _ key: Key, _ policy: CachePolicy
  ) -> Taken {
    let factor = factor()
    let isFresh = Double(age) < Double(policy.fresh.nanoseconds) * factor
    guard Double(age) < Double(policy.stale.nanoseconds) * factor, let value = decode(record, key) else {
      count { $0.l2.misses += 1 }
      return .useless
    }
    let now = clock.now()
    let entry = CacheShard<Key, Value>.Entry(
      value: value, version: record.version, born: now - age, factor: factor, retryAt: now)
    let bytes = cost?(value) ?? record.bytes.count
    let stored = shard(key).state.withLock {
      $0.store(entry, cost: cost(of: key, bytes), for: key, from: flight, ends: isFresh, now: now)
    }
    guard case .admitted = stored else {
      count { $0.l2.misses += 1 }
      return .useless
    }
    count { if isFresh { $0.l2.hits += 1 } else { $0.l2.stale += 1 } }
    flight.answer(.success(value))
    return isFresh ? .fresh : .stale(value)
  }

  private func decode(_ record: CacheRecord, _ key: Key) -> Value? {
    do {
      return try format.decode(record.bytes)
    } catch {
      // The right tag and yet not this type: another build forgot to raise its schema. It will be overwritten.
      logger.debug("a record of the cache's second tier does not decode", metadata: ["cache": "\(name)"])
      return nil
    }
  }

  private func askOrigin(
    _ flight: Flight<Value>, _ key: Key, _ load: @escaping Load, _ policy: CachePolicy,
    _ context: Context
  ) async {
    let start = clock.now()
    do {
      let found = try await bounded(flight, load, policy)
      metrics.load(nanoseconds: clock.now() - start, succeeded: true)
      if let found {
        await keep(found, flight, key, policy, context.lease)
      } else {
        await keepNone(flight, key, policy, hasRecord: context.hasRecord)
      }
    } catch {
      metrics.load(nanoseconds: clock.now() - start, succeeded: false)
      count { $0.origin.errors += 1 }
      let now = clock.now()
      shard(key).state.withLock { $0.fail(flight, key, now: now) }
      if flight.isRefresh {
        logger.debug("a refresh failed", metadata: ["cache": "\(name)", "error": "\(error)"])
      }
      if let served = context.served {
        flight.answer(.success(served))
      } else {
        flight.answer(.failure(error is TimeLimitExceeded ? CacheError.loadTimedOut : error))
      }
    }
  }

  private func bounded(
    _ flight: Flight<Value>, _ load: @escaping Load, _ policy: CachePolicy
  ) async throws -> Versioned<Value>? {
    guard loadsUnderWay.add(1, ordering: .relaxed).newValue <= policy.maximumLoads else {
      loadsUnderWay.subtract(1, ordering: .relaxed)
      throw CacheError.tooManyLoads
    }
    return try await withTimeLimit(policy.loadTimeout, clock: clock) { [self] in
      defer { loadsUnderWay.subtract(1, ordering: .relaxed) }
      return try await load(flight.leastVersion)
    }
  }

  private func keep(
    _ found: Versioned<Value>, _ flight: Flight<Value>, _ key: Key, _ policy: CachePolicy, _ lease: CacheLease?
  ) async {
    count { $0.origin.hits += 1 }
    let bytes = lease != nil || cost == nil ? encode(found.value) : nil
    let now = clock.now()
    let entry = CacheShard<Key, Value>.Entry(
      value: found.value, version: found.version, born: now, factor: factor(), retryAt: now)
    let size = cost?(found.value) ?? bytes?.count ?? 1024
    let stored = shard(key).state.withLock {
      $0.store(entry, cost: cost(of: key, size), for: key, from: flight, ends: true, now: now)
    }
    switch stored {
    case .refused(let newer): flight.answer(.success(newer ?? found.value))
    case .admitted:
      flight.answer(.success(found.value))
      // Nobody waits for this. An invalidation that comes before it reaches L2 first, or comes after and removes it.
      // After a pause of the process the fences of L2 may have ended.
      guard let lease, let bytes, bytes.count <= policy.maximumRecordBytes,
        clock.now() - flight.startedAt < policy.fence.nanoseconds
      else { return }
      await secondTier?.put(
        CacheRecord(bytes: bytes, version: found.version), for: secondTierKey(key), lease: lease, policy: policy)
    }
  }

  /// "There is none" stays in L1: it is short-lived, and has no version for L2 to compare.
  private func keepNone(
    _ flight: Flight<Value>, _ key: Key, _ policy: CachePolicy, hasRecord: Bool
  ) async {
    count { $0.origin.negative += 1 }
    let now = clock.now()
    let entry = CacheShard<Key, Value>.Entry(value: nil, version: .min, born: now, factor: factor(), retryAt: now)
    let stored = shard(key).state.withLock {
      $0.store(entry, cost: cost(of: key, 0), for: key, from: flight, ends: true, now: now)
    }
    if case .refused(let newer) = stored { return flight.answer(.success(newer)) }
    flight.answer(.success(nil))
    guard hasRecord, let secondTier else { return }
    // A row that went without a word: L2 must not bring it back when this entry ends.
    secondTier.note(secondTierKey(key), version: nil, fence: policy.fence)
    await secondTier.tell(secondTierKey(key), policy: policy)
  }

  private func encode(_ value: Value) -> [UInt8]? {
    do {
      return try format.encode(value)
    } catch {
      logger.error(
        "a value cannot be encoded for the cache's second tier", metadata: ["cache": "\(name)", "error": "\(error)"])
      return nil
    }
  }

  func factor() -> Double { 1 + (2 * random() - 1) * policy.jitter }

  func cost(of key: Key, _ bytes: Int) -> Int { 200 + key.cacheKey.utf8.count + max(0, min(bytes, 1 << 40)) }
}
