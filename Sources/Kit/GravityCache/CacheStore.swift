/// The second tier: what the instances of a service share, such as Redis.
///
/// A store may forget anything at any time; it may never give back a record that was invalidated while the fence
/// stands. Each call is atomic for its key. Errors and slow answers are survived: a cache goes on without its store.
/// `CacheStoreConformance` holds what a store must do.
public protocol CacheStore: Sendable {
  /// What is there, how old it is by the store's own clock, and the lease that a ``put(_:for:lease:timeToLive:)`` of
  /// a value loaded from now on must show.
  func get(_ key: String) async throws -> CacheLookup

  /// Keeps the record, unless that would put back something old:
  /// - a record with a greater version is there; one with the same version is replaced, and its age starts again;
  /// - a fence stands for a greater version;
  /// - the key was invalidated without a version since the lease was given.
  ///
  /// - Parameter timeToLive: After this the record is gone; whole milliseconds, at least 1.
  /// - Returns: whether it was kept.
  func put(
    _ record: CacheRecord, for key: String, lease: CacheLease, timeToLive: Duration
  ) async throws -> Bool

  /// Drops the record if its version is below `version`, or any if that is nil, and refuses what the fence forbids.
  ///
  /// A fence is only ever raised: a lower version than the one it stands for changes nothing but its end, if that is
  /// later.
  ///
  /// - Parameter fence: How long the fence stands, and leases given before are refused.
  func invalidate(_ key: String, version: Int64?, fence: Duration) async throws

  /// What is invalidated from now on, by whichever instance, this one included, for this reader for itself.
  ///
  /// An invalidation is told once the store holds it, so that whoever hears of it and asks finds nothing old. One that
  /// raised no fence may be left out: it was told before. Ends when its reader goes away; a slow reader misses some (of
  /// 4 096) and is told so by another ``CacheInvalidation/began``.
  func invalidations() -> AsyncStream<CacheInvalidation>
}

/// What a ``CacheStore`` tells of invalidations.
public enum CacheInvalidation: Sendable, Hashable {
  /// As ``CacheStore/invalidate(_:version:fence:)`` was called.
  case invalidated(key: String, version: Int64?)
  /// The feed begins, or goes on after an interruption: something may have been missed before this.
  case began
  /// Nothing is heard until ``began``.
  case interrupted
}

/// What a ``CacheStore`` keeps; it does not look inside the bytes.
public struct CacheRecord: Sendable, Hashable {
  public var bytes: [UInt8]
  public var version: Int64

  public init(bytes: [UInt8], version: Int64) {
    self.bytes = bytes
    self.version = version
  }
}

/// Says which unversioned invalidation of a key was the last when it was given. Compared for equality only.
public struct CacheLease: Sendable, Hashable {
  public var token: Int64

  public init(token: Int64) { self.token = token }

  /// No invalidation without a version is remembered.
  public static let none = CacheLease(token: 0)
}

/// A ``CacheStore``'s answer.
public struct CacheLookup: Sendable, Hashable {
  public var record: CacheRecord?
  /// Since the record was put, by the store's clock; zero without a record.
  public var age: Duration
  public var lease: CacheLease

  public init(record: CacheRecord? = nil, age: Duration = .zero, lease: CacheLease) {
    self.record = record
    self.age = age
    self.lease = lease
  }
}
