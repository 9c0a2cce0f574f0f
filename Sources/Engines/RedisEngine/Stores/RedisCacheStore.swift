public import GravityCache
import NIOCore

/// Redis as the tier that instances share. Each call is one script, by the server's own clock.
///
/// Records and fences have a time to live, so what is forgotten elsewhere leaves by itself.
public final class RedisCacheStore: CacheStore {
  private let client: RedisClient
  private let scripts: CacheScripts
  private let names: RedisNames
  private let channel: String

  /// - Parameters:
  ///   - client: Which has to run.
  ///   - prefix: Stands before each key, so that several platforms can share a server; 1 to 64 printable ASCII
  ///     characters without braces.
  /// - Throws: ``RedisError`` with `invalid`.
  public init(_ client: RedisClient, prefix: String = "gravity") throws(RedisError) {
    self.client = client
    names = try RedisNames(prefix: prefix)
    channel = names("cache:invalidated")
    scripts = CacheScripts(on: client)
  }

  /// Not in braces: each key is by itself, and a cluster may put it anywhere.
  private func key(_ key: String) -> String { names("cache:k:\(key)") }

  public func get(_ key: String) async throws -> CacheLookup {
    let reply = try await scripts.get.run(on: client, keys: [self.key(key)], []).value
    guard let parts = reply.elements, parts.count == 4, let lease = parts[3].integer, let age = parts[2].integer else {
      throw unexpected(scripts.get)
    }
    if parts[0].isNull { return CacheLookup(lease: CacheLease(token: lease)) }
    guard let bytes = parts[0].bytes, let version = parts[1].text.flatMap({ Int64(sortableDigits: $0) }) else {
      throw unexpected(scripts.get)
    }
    return CacheLookup(
      // A clock that was set back makes nothing older than it is.
      record: CacheRecord(bytes: bytes, version: version), age: .microseconds(max(0, age)),
      lease: CacheLease(token: lease))
  }

  public func put(
    _ record: CacheRecord, for key: String, lease: CacheLease, timeToLive: Duration
  ) async throws -> Bool {
    let reply = try await scripts.put.run(
      on: client, keys: [self.key(key)],
      [
        .bytes(record.bytes), .text(record.version.sortableDigits), .integer(lease.token),
        .integer(max(1_000, timeToLive.wholeMicroseconds)),
      ]
    ).value
    guard let isKept = reply.integer else { throw unexpected(scripts.put) }
    return isKept == 1
  }

  public func invalidate(_ key: String, version: Int64?, fence: Duration) async throws {
    _ = try await scripts.invalidate.run(
      on: client, keys: [self.key(key)],
      [
        .text(version?.sortableDigits ?? ""), .integer(fence.wholeMicroseconds), .text(channel),
        .text("\(version.map { String($0) } ?? "-") \(key)"),
      ])
  }

  public func invalidations() -> AsyncStream<CacheInvalidation> {
    let reader = InvalidationReader(client.feed(of: [channel]))
    return AsyncStream { await reader.next() }
  }

  private func unexpected(_ script: RedisScript) -> RedisError {
    RedisError(.unexpected, "not what the script answers", command: script.operation.name)
  }
}

/// Messages of the channel as what they say.
private actor InvalidationReader {
  private let feed: AsyncStream<RedisFeedItem>

  init(_ feed: AsyncStream<RedisFeedItem>) { self.feed = feed }

  func next() async -> CacheInvalidation? {
    for await item in feed {
      switch item {
      case .began: return .began
      case .interrupted: return .interrupted
      case .message(_, let bytes):
        // What somebody else has published there may be about anything.
        return Self.invalidation(bytes) ?? .began
      }
    }
    return nil
  }

  private static func invalidation(_ bytes: [UInt8]) -> CacheInvalidation? {
    guard let text = String(validating: bytes, as: UTF8.self), let blank = text.firstIndex(of: " ") else { return nil }
    let (number, key) = (text[..<blank], String(text[text.index(after: blank)...]))
    if number == "-" { return .invalidated(key: key, version: nil) }
    return Int64(number).map { .invalidated(key: key, version: $0) }
  }
}
