import Foundation
public import GravityCache
public import GravityContracts
public import GravityEvents
public import Logging
public import ServiceLifecycle
import Synchronization

/// Takes invalidations from the broker's feed to a cache of this instance.
///
/// Each instance has a feed for itself. While it is interrupted nobody knows what changed, so ``isReliable`` is false
/// and readers go past the cache; when it goes on the cache begins anew.
public final class InvalidationFeed: Service {
  /// What an event says of a cache.
  public struct Rule: Sendable {
    let type: String
    let apply: @Sendable (CloudEvent) throws -> (key: String, version: Int64?)

    /// - Parameter entry: The entry's key, and the version that it has now where the event tells.
    public static func on<Payload>(
      _ type: EventType<Payload>, _ entry: @escaping @Sendable (Payload) -> (key: String, version: Int64?)
    ) -> Rule {
      Rule(type: type.name) { event in
        entry(try WireFormat.makeDecoder().decode(Payload.self, from: Data(event.data)))
      }
    }
  }

  private let cache: any InvalidatedByName
  private let rules: [String: Rule]
  private let broker: any EventBroker
  private let logger: Logger
  private let isFed = Atomic(false)

  public init(_ cache: any InvalidatedByName, rules: [Rule], broker: any EventBroker, logger: Logger) {
    self.cache = cache
    self.rules = Dictionary(rules.map { ($0.type, $0) }) { first, _ in first }
    self.broker = broker
    self.logger = logger
  }

  /// Whether what changes elsewhere is heard of.
  public var isReliable: Bool { isFed.load(ordering: .acquiring) }

  public func run() async throws {
    await cancelWhenGracefulShutdown {
      for await item in self.broker.feed(of: self.rules.keys.sorted()) { self.take(item) }
      self.isFed.store(false, ordering: .releasing)
    }
  }

  private func take(_ item: EventFeedItem) {
    switch item {
    case .began:
      cache.invalidateAll()
      isFed.store(true, ordering: .releasing)
    case .interrupted: isFed.store(false, ordering: .releasing)
    case .message(let message):
      guard let rule = rules[message.type] else { return }
      do {
        let entry = try rule.apply(try CloudEvent(json: message.body))
        cache.invalidate(key: entry.key, version: entry.version)
      } catch {
        // Which entry it is about is not known, so it may be any.
        logger.error(
          "an invalidation cannot be read, so the cache begins anew",
          metadata: ["cache": "\(cache.name)", "event.id": "\(message.id)", "error.message": "\(error)"])
        cache.invalidateAll()
      }
    }
  }
}
