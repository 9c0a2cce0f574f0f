public import GravityCache
import Synchronization

/// The smallest ``CacheStore``: what an engine is compared with, and what tests share between instances.
///
/// Forgets what has ended when it is asked for it, and nothing else: for tests, not for a service.
public final class InMemoryCacheStore: CacheStore {
  private struct Slot {
    var record: CacheRecord?
    var put: Int64 = 0
    var end: Int64 = 0
    var fence: Int64?
    var lease = CacheLease.none
    var fenceEnd: Int64 = 0
  }
  private struct State {
    var slots: [String: Slot] = [:]
    var leases: Int64 = 0
    var readers: [Int: AsyncStream<CacheInvalidation>.Continuation] = [:]
    var readerCount = 0
    var isInterrupted = false

    func tell(_ item: CacheInvalidation, always: Bool = false) {
      guard always || !isInterrupted else { return }
      for reader in readers.values { reader.yield(item) }
    }
  }
  private let state = Mutex(State())
  private let now: @Sendable () -> Int64

  /// - Parameter now: Nanoseconds.
  public init(now: @escaping @Sendable () -> Int64) { self.now = now }

  public func get(_ key: String) async throws -> CacheLookup {
    let now = now()
    return state.withLock { state in
      let slot = Self.live(state.slots[key], now)
      return CacheLookup(
        record: slot.record, age: slot.record == nil ? .zero : .nanoseconds(now - slot.put), lease: slot.lease)
    }
  }

  public func put(
    _ record: CacheRecord, for key: String, lease: CacheLease, timeToLive: Duration
  ) async throws -> Bool {
    let now = now()
    return state.withLock { state in
      var slot = Self.live(state.slots[key], now)
      if slot.lease != lease { return false }
      if let fence = slot.fence, record.version < fence { return false }
      if let known = slot.record, record.version < known.version { return false }
      (slot.record, slot.put, slot.end) = (record, now, now + Self.nanoseconds(timeToLive))
      state.slots[key] = slot
      return true
    }
  }

  public func invalidate(_ key: String, version: Int64?, fence: Duration) async throws {
    let now = now()
    state.withLock { state in
      var slot = Self.live(state.slots[key], now)
      let raises = version.map { version in slot.fence.map { $0 < version } ?? true } ?? true
      if let version {
        if let known = slot.record, known.version < version { slot.record = nil }
        slot.fence = max(version, slot.fence ?? version)
      } else {
        slot.record = nil
        state.leases += 1
        slot.lease = CacheLease(token: state.leases)
      }
      slot.fenceEnd = max(slot.fenceEnd, now + Self.nanoseconds(fence))
      state.slots[key] = slot
      if raises { state.tell(.invalidated(key: key, version: version)) }
    }
  }

  public func invalidations() -> AsyncStream<CacheInvalidation> {
    let (stream, reader) = AsyncStream.makeStream(of: CacheInvalidation.self)
    let number = state.withLock { state in
      state.readerCount += 1
      state.readers[state.readerCount] = reader
      reader.yield(.began)
      return state.readerCount
    }
    reader.onTermination = { [weak self] _ in self?.state.withLock { $0.readers[number] = nil } }
    return stream
  }

  /// What a connection that breaks, or comes back, does to the readers; what is invalidated in between they miss.
  public func interruptInvalidations(_ isInterrupted: Bool) {
    state.withLock { state in
      state.tell(isInterrupted ? .interrupted : .began, always: true)
      state.isInterrupted = isInterrupted
    }
  }

  private static func live(_ slot: Slot?, _ now: Int64) -> Slot {
    guard var slot else { return Slot() }
    if slot.end <= now { slot.record = nil }
    if slot.fenceEnd <= now { (slot.fence, slot.lease) = (nil, .none) }
    return slot
  }

  private static func nanoseconds(_ duration: Duration) -> Int64 {
    duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000
  }
}
