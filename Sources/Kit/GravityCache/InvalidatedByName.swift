/// What an invalidation feed addresses: a cache by its resource's name, its entries by their keys' text.
public protocol InvalidatedByName: Sendable {
  /// The resource: `profile`.
  var name: String { get }

  /// The row changed, or is gone: versions below are not served any more when this returns. Does not wait for L2,
  /// which is told in the background and not asked for this key until then.
  ///
  /// - Parameters:
  ///   - key: ``CacheKey/cacheKey``; a text that is no key is ignored.
  ///   - version: The row's version after the change. Without it whatever was loaded so far counts as old.
  func invalidate(key: String, version: Int64?)

  /// As ``invalidate(key:version:)``, for an invalidation that L2 itself has told: L2 holds it already, and is not told.
  func invalidateInMemory(key: String, version: Int64?)

  /// Invalidations may have been missed: L1 is emptied, and what is being loaded will not be stored.
  func invalidateAll()
}
