public import Foundation

/// What a cache's entries are found by: in the process by its hash, outside of it by its text.
public protocol CacheKey: Hashable, Sendable {
  /// The same in every process and every release, different for different keys, at most 256 bytes.
  var cacheKey: String { get }

  /// - Returns: nil when the text is no key of this kind.
  init?(cacheKey: String)
}

extension String: CacheKey {
  public var cacheKey: String { self }
  public init?(cacheKey: String) { self = cacheKey }
}

extension UUID: CacheKey {
  /// Lower case, as in JSON and in the database.
  public var cacheKey: String { uuidString.lowercased() }
  public init?(cacheKey: String) { self.init(uuidString: cacheKey) }
}

extension Int64: CacheKey {
  public var cacheKey: String { String(self) }
  public init?(cacheKey: String) { self.init(cacheKey) }
}

extension Int: CacheKey {
  public var cacheKey: String { String(self) }
  public init?(cacheKey: String) { self.init(cacheKey) }
}
