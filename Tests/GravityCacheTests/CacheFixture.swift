import CacheStoreConformance
import Logging
import Patience
import Synchronization
import Testing

@testable import GravityCache

struct Failure: Error, Equatable { var text = "away" }

/// Time that stands still until it is told to go on.
final class HeldClock: Sendable {
  private struct Sleeper {
    var end: Int64
    var continuation: CheckedContinuation<Void, any Error>
  }
  private struct State {
    var now: Int64 = 1_000_000_000_000
    var sleepers: [Int: Sleeper] = [:]
    var number = 0
  }
  private let state = Mutex(State())

  var now: Int64 { state.withLock { $0.now } }
  var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  var clock: CacheClock { CacheClock(now: { self.now }, sleep: { try await self.sleep($0) }) }

  func advance(_ seconds: Double) {
    let due = state.withLock { state in
      state.now += Int64(seconds * 1e9)
      let due = state.sleepers.filter { $0.value.end <= state.now }
      for number in due.keys { state.sleepers[number] = nil }
      return due.values.map(\.continuation)
    }
    for continuation in due { continuation.resume() }
  }

  private func sleep(_ duration: Duration) async throws {
    let number = state.withLock { state in
      state.number += 1
      return state.number
    }
    let length = duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isCancelled = state.withLock { state in
          if Task.isCancelled { return true }
          state.sleepers[number] = Sleeper(end: state.now + length, continuation: continuation)
          return false
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
      }
    } onCancel: {
      state.withLock { $0.sleepers.removeValue(forKey: number) }?.continuation.resume(throwing: CancellationError())
    }
  }
}

/// The database: rows, how often they were read, and reads that are held after they read and before they answer.
final class Origin: Sendable {
  private struct State {
    var rows: [String: Versioned<String>] = [:]
    var reads: [String: Int] = [:]
    var holds = false
    var held: [CheckedContinuation<Void, Never>?] = []
    var failure: Failure?
    var leastVersions: [Int64?] = []
  }
  private let state = Mutex(State())

  var readCount: Int { state.withLock { $0.reads.values.reduce(0, +) } }
  var heldCount: Int { state.withLock { $0.held.count } }
  var leastVersions: [Int64?] { state.withLock { $0.leastVersions } }

  func set(_ key: String, _ value: String, version: Int64) {
    state.withLock { $0.rows[key] = Versioned(value, version: version) }
  }
  func delete(_ key: String) { state.withLock { $0.rows[key] = nil } }
  func fail(_ failure: Failure?) { state.withLock { $0.failure = failure } }

  /// From now on each read waits for ``release(_:)``, numbered from 0.
  func hold() { state.withLock { $0.holds = true } }
  func stopHolding() { state.withLock { $0.holds = false } }

  func release(_ number: Int) {
    let continuation = state.withLock { state in
      defer { state.held[number] = nil }
      return state.held[number]
    }
    continuation?.resume()
  }

  func read(_ key: String, _ least: Int64? = nil) async throws -> Versioned<String>? {
    let (row, holds, failure) = state.withLock { state in
      state.reads[key, default: 0] += 1
      state.leastVersions.append(least)
      return (state.rows[key], state.holds, state.failure)
    }
    if holds { await withCheckedContinuation { continuation in state.withLock { $0.held.append(continuation) } } }
    if let failure { throw failure }
    return row
  }
}

/// A cache with everything held: no jitter, one shard, 10 s fresh and 60 s stale.
struct Bench: Sendable {
  let time: HeldClock
  let origin: Origin
  let cache: Cache<String, String>

  static var policy: CachePolicy {
    var policy = CachePolicy(maximumBytes: 1 << 20, fresh: .seconds(10), stale: .seconds(60), negative: .seconds(5))
    policy.jitter = 0
    return policy
  }

  init(
    _ policy: CachePolicy = Bench.policy, store: (any CacheStore)? = nil, time: HeldClock = HeldClock(),
    origin: Origin = Origin(), schema: Int = 1,
    logger: Logger = Logger(label: "t", factory: { _ in SwiftLogNoOpLogHandler() }),
    random: @escaping @Sendable () -> Double = { 0.5 }
  ) throws {
    (self.time, self.origin) = (time, origin)
    cache = try Cache(
      name: "profile", schema: schema, policy: policy, store: store, logger: logger, clock: time.clock, shards: 1,
      random: random)
  }

  func waiterCount(_ key: String = "a") -> Int { cache.shard(key).state.withLock { $0.waiterCount(key) } }

  func read(_ key: String = "a") async throws -> String? {
    try await cache.value(for: key) { [origin] in try await origin.read(key) }
  }

  /// Begins a read whose load is held, and returns when it is.
  func begin(_ key: String = "a") async throws -> Task<String?, any Error> {
    let count = origin.heldCount
    let reading = Task { try await read(key) }
    try await eventually("the load begins") { origin.heldCount == count + 1 }
    return reading
  }
}
