public import Logging
public import ServiceLifecycle
import Synchronization

/// Takes what the store tells of invalidations to the caches of this instance, so that what another instance
/// invalidated leaves this one's memory without waiting for an event.
///
/// It stands beside the events that tell the same, not in their place: a store may forget, and events do not. Whenever
/// something may have been missed, the caches' memories are emptied.
public final class StoreInvalidationFeed: Service {
  private let caches: [String: any InvalidatedByName]
  private let store: any CacheStore
  private let logger: Logger
  private let isFed = Atomic(false)

  /// - Parameter caches: Those that have this store; each name once.
  public init(_ caches: [any InvalidatedByName], store: any CacheStore, logger: Logger) {
    self.caches = Dictionary(caches.map { ($0.name, $0) }) { first, _ in first }
    self.store = store
    self.logger = logger
  }

  /// Whether what other instances invalidate is heard of.
  public var isReliable: Bool { isFed.load(ordering: .acquiring) }

  public func run() async throws {
    await cancelWhenGracefulShutdown {
      for await item in self.store.invalidations() { self.take(item) }
      self.isFed.store(false, ordering: .releasing)
    }
  }

  private func take(_ item: CacheInvalidation) {
    switch item {
    case .began:
      for cache in caches.values { cache.invalidateAll() }
      isFed.store(true, ordering: .releasing)
    case .interrupted:
      isFed.store(false, ordering: .releasing)
      // Nobody knows what changes from now on, nor what was on its way.
      for cache in caches.values { cache.invalidateAll() }
      logger.warning("invalidations of the cache's second tier are not heard of")
    case .invalidated(let key, let version):
      // The store's keys are the cache's name and the entry's key; a name has no colon.
      guard let colon = key.firstIndex(of: ":"), let cache = caches[String(key[..<colon])] else { return }
      cache.invalidateInMemory(key: String(key[key.index(after: colon)...]), version: version)
    }
  }
}
