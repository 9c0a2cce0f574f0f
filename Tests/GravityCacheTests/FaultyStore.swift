import CacheStoreConformance
import GravityCache
import Patience
import Synchronization
import Testing

/// A store that can be made to fail, to freeze or to hold its calls before they take effect.
final class FaultyStore: CacheStore {
  enum Mode: Sendable { case works, fails, holds }
  enum Call: Sendable, Hashable { case get, put, invalidate }
  private struct State {
    var modes: [Call: Mode] = [:]
    var counts: [Call: Int] = [:]
    var held: [(Call, CheckedContinuation<Void, Never>)] = []
  }
  let inner: InMemoryCacheStore
  private let state = Mutex(State())

  init(_ time: HeldClock) { inner = InMemoryCacheStore(now: { time.now }) }

  func set(_ mode: Mode, _ calls: Call...) {
    state.withLock { state in
      for call in calls.isEmpty ? [.get, .put, .invalidate] : calls { state.modes[call] = mode }
    }
  }
  func count(_ call: Call) -> Int { state.withLock { $0.counts[call] ?? 0 } }
  var count: Int { state.withLock { $0.counts.values.reduce(0, +) } }
  func heldCount(_ call: Call) -> Int { state.withLock { $0.held.count { $0.0 == call } } }
  var heldCount: Int { state.withLock { $0.held.count } }

  /// Lets go what is held; it takes effect now.
  func release() {
    let held = state.withLock { state in
      defer { state.held = [] }
      return state.held
    }
    for (_, continuation) in held { continuation.resume() }
  }

  /// A frozen server does not notice that its client gave up, so neither does this.
  private func enter(_ call: Call) async throws {
    let mode = state.withLock { state in
      state.counts[call, default: 0] += 1
      return state.modes[call] ?? .works
    }
    switch mode {
    case .works: return
    case .fails: throw Failure()
    case .holds:
      await withCheckedContinuation { continuation in state.withLock { $0.held.append((call, continuation)) } }
    }
  }

  func get(_ key: String) async throws -> CacheLookup {
    try await enter(.get)
    return try await inner.get(key)
  }
  func put(_ record: CacheRecord, for key: String, lease: CacheLease, timeToLive: Duration) async throws -> Bool {
    try await enter(.put)
    return try await inner.put(record, for: key, lease: lease, timeToLive: timeToLive)
  }
  func invalidate(_ key: String, version: Int64?, fence: Duration) async throws {
    try await enter(.invalidate)
    try await inner.invalidate(key, version: version, fence: fence)
  }
  func invalidations() -> AsyncStream<CacheInvalidation> { inner.invalidations() }
}

/// Two instances of a service over one database and one store, with clocks that agree.
struct Pair: Sendable {
  let time = HeldClock()
  let origin = Origin()
  let store: FaultyStore
  let one: Bench
  let two: Bench

  init(_ policy: CachePolicy = Bench.policy, schemas: (Int, Int) = (1, 1)) throws {
    store = FaultyStore(time)
    one = try Bench(policy, store: store, time: time, origin: origin, schema: schemas.0)
    two = try Bench(policy, store: store, time: time, origin: origin, schema: schemas.1)
  }

  func isInStore(_ key: String = "a", version: Int64) async throws -> Bool {
    try await store.inner.get("profile:\(key)").record?.version == version
  }

  /// Reads on the first instance and waits until the store has it.
  func fill(_ key: String = "a", version: Int64) async throws {
    _ = try await one.read(key)
    try await eventually("the store has it") { try await isInStore(key, version: version) }
  }
}
