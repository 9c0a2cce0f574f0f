import Logging
import Synchronization

/// A ``CacheStore`` that may be away: waits a bounded time, stops asking after some failures, and tries again with one
/// question a second.
///
/// An invalidation that the store did not take is kept and told later. Until then its key is not asked for, so a store
/// that comes back with what it had before cannot bring back what was invalidated meanwhile.
final class SecondTier: Sendable {
  enum Answer: Sendable {
    case record(CacheRecord, age: Int64, CacheLease)
    case nothing(CacheLease)
    /// Away, or not to be believed for this key.
    case unavailable
  }

  private struct Pending: Sendable {
    var version: Int64?
    var fence: Duration
    var stamp: UInt64
  }
  private struct State: Sendable {
    var failures = 0
    /// When one question may be tried again; nil while the store is used.
    var closedUntil: Int64?
    var isProbing = false
    var pending: [String: Pending] = [:]
    var stamp: UInt64 = 0
    var isDraining = false
    /// Records that were put before are not believed: too many invalidations could not be told.
    var distrustedBefore = Int64.min
  }
  private enum Pass { case normal, probe }

  /// Failures one after another until the store counts as away.
  static let greatestFailureCount = 5
  static let pause: Int64 = 1_000_000_000
  /// Invalidations that may wait to be told.
  static let greatestPendingCount = 10_000

  private let state = Mutex(State())
  private let store: any CacheStore
  private let name: String
  private let clock: CacheClock
  private let metrics: CacheMetrics
  private let logger: Logger

  init(store: any CacheStore, name: String, clock: CacheClock, metrics: CacheMetrics, logger: Logger) {
    self.store = store
    self.name = name
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
  }

  var isUp: Bool { state.withLock { $0.closedUntil == nil } }
  var pendingCount: Int { state.withLock { $0.pending.count } }

  // MARK: Reading and writing

  /// - Parameter margin: How long the load of a record may have taken before it was put, in nanoseconds.
  func get(_ key: String, policy: CachePolicy) async -> Answer {
    guard state.withLock({ $0.pending[key] == nil }) else { return .unavailable }
    guard let found = await ask(policy, { [store] in try await store.get(key) }) else { return .unavailable }
    guard let record = found.record else { return .nothing(found.lease) }
    let age = max(0, found.age.nanoseconds)
    // The load of the record may have begun a load's time before it was put.
    let distrusted = state.withLock { $0.distrustedBefore }
    if distrusted > .min, clock.now() - age <= distrusted + policy.loadTimeout.nanoseconds {
      return .nothing(found.lease)
    }
    return record.bytes.count > policy.maximumRecordBytes
      ? .nothing(found.lease) : .record(record, age: age, found.lease)
  }

  func put(_ record: CacheRecord, for key: String, lease: CacheLease, policy: CachePolicy) async {
    guard state.withLock({ $0.pending[key] == nil }) else { return }
    let timeToLive = Duration.nanoseconds(Int64(Double(policy.stale.nanoseconds) * (1 + policy.jitter)))
    _ = await ask(policy) { [store] in
      try await store.put(record, for: key, lease: lease, timeToLive: max(timeToLive, .milliseconds(1)))
    }
  }

  // MARK: Invalidating

  /// Notes that the store is to be told; from now on it is not asked for the key. Call this before the fence of L1 is
  /// raised: a load that begins after it must not read the store's old record.
  func note(_ key: String, version: Int64?, fence: Duration) {
    state.withLock { state in
      if state.pending.count >= Self.greatestPendingCount, state.pending[key] == nil {
        state.pending = [:]
        state.distrustedBefore = clock.now()
      }
      state.stamp += 1
      var pending = Pending(version: version, fence: fence, stamp: state.stamp)
      if let known = state.pending[key] {
        // No version is stricter than any: both are told as that.
        pending.version = known.version.flatMap { old in version.map { max(old, $0) } }
      }
      state.pending[key] = pending
    }
  }

  /// Tells the store what was noted for the key; what it does not take stays noted, and is told with the next or when
  /// the store is back.
  func tell(_ key: String, policy: CachePolicy) async {
    guard let pending = state.withLock({ $0.pending[key] }) else { return }
    let isTold =
      await ask(policy) { [store] in
        try await store.invalidate(key, version: pending.version, fence: pending.fence)
      } != nil
    guard isTold else { return }
    state.withLock { state in
      if state.pending[key]?.stamp == pending.stamp { state.pending[key] = nil }
    }
  }

  /// Tells what is noted in the background, until nothing is or the store is away.
  func drain(policy: CachePolicy) {
    let starts = state.withLock { state in
      guard !state.isDraining, !state.pending.isEmpty else { return false }
      state.isDraining = true
      return true
    }
    guard starts else { return }
    Task {
      var seen: UInt64 = 0
      // Each is tried once a round: one that the store will not take must not keep the others, nor this task.
      while let (keys, last) = nextRound(after: seen) {
        for key in keys where mayAsk { await tell(key, policy: policy) }
        seen = last
      }
    }
  }

  /// What was noted since the last round.
  private func nextRound(after seen: UInt64) -> (keys: [String], last: UInt64)? {
    state.withLock { state in
      let keys = state.pending.filter { $0.value.stamp > seen }.map(\.key)
      guard !keys.isEmpty else {
        state.isDraining = false
        return nil
      }
      return (keys, state.stamp)
    }
  }

  private var mayAsk: Bool {
    state.withLock { state in state.closedUntil.map { $0 <= clock.now() && !state.isProbing } ?? true }
  }

  // MARK: Breaker

  /// - Returns: nil when the store is away, fails or is late.
  private func ask<Value: Sendable>(
    _ policy: CachePolicy, _ question: @escaping @Sendable () async throws -> Value
  ) async -> Value? {
    guard let pass = enter() else { return nil }
    do {
      let value = try await withTimeLimit(policy.secondTierTimeout, clock: clock, question)
      succeeded(pass, policy)
      return value
    } catch {
      failed(pass, error)
      return nil
    }
  }

  private func enter() -> Pass? {
    state.withLock { state in
      guard let closedUntil = state.closedUntil else { return .normal }
      guard !state.isProbing, clock.now() >= closedUntil else { return nil }
      state.isProbing = true
      return .probe
    }
  }

  private func succeeded(_ pass: Pass, _ policy: CachePolicy) {
    let isBack = state.withLock { state in
      if pass == .normal {
        // One that began before the store was given up says nothing of now.
        if state.closedUntil == nil { state.failures = 0 }
        return false
      }
      state.failures = 0
      state.closedUntil = nil
      state.isProbing = false
      return true
    }
    guard isBack else { return }
    metrics.secondTier(isUp: true)
    logger.notice("the cache's second tier is back", metadata: ["cache": "\(name)"])
    drain(policy: policy)
  }

  private func failed(_ pass: Pass, _ error: any Error) {
    let isAway = state.withLock { state in
      if pass == .probe {
        state.isProbing = false
        state.closedUntil = clock.now() + Self.pause
        return false
      }
      guard state.closedUntil == nil else { return false }
      state.failures += 1
      guard state.failures >= Self.greatestFailureCount else { return false }
      state.closedUntil = clock.now() + Self.pause
      return true
    }
    guard isAway else { return }
    metrics.secondTier(isUp: false)
    logger.warning(
      "the cache's second tier is away; going on without it",
      metadata: ["cache": "\(name)", "error": "\(error)"])
  }
}
