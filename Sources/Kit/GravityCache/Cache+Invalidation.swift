import Logging
import Synchronization

extension Cache {
  /// The row changed: from the return of this call on, versions below are served by no reader of this process or of
  /// L2, and not stored again.
  ///
  /// With a version, a load is judged by what it brings. Without, everything that was loaded so far counts as old, and
  /// a load that began before will not be stored; a replica that lags cannot be told then, so give the version.
  ///
  /// L2 is told before this returns, unless it is away: then it is told when it comes back.
  ///
  /// - Parameter version: The row's version after the change.
  public func invalidate(_ key: Key, version: Int64?) async {
    fence(key, version: version)
    await secondTier?.tell(secondTierKey(key), policy: policy)
  }

  /// The row is gone: as ``invalidate(_:version:)``, and it is known at once that there is none.
  /// - Parameter version: One above the last that the row had.
  public func remove(_ key: Key, version: Int64) async {
    secondTier?.note(secondTierKey(key), version: version, fence: policy.fence)
    let now = clock.now()
    let entry = CacheShard<Key, Value>.Entry(value: nil, version: .min, born: now, factor: factor(), retryAt: now)
    shard(key).state.withLock {
      $0.remove(key, version: version, leaving: entry, cost: cost(of: key, 0), now: now)
    }
    await secondTier?.tell(secondTierKey(key), policy: policy)
  }

  public func invalidate(key text: String, version: Int64?) {
    guard let key = key(of: text) else { return }
    fence(key, version: version)
    secondTier?.drain(policy: policy)
  }

  public func invalidateInMemory(key text: String, version: Int64?) {
    guard let key = key(of: text) else { return }
    let now = clock.now()
    shard(key).state.withLock { $0.invalidate(key, version: version, now: now) }
  }

  private func key(of text: String) -> Key? {
    let key = Key(cacheKey: text)
    if key == nil { logger.debug("an invalidation whose key is none", metadata: ["cache": "\(name)"]) }
    return key
  }

  public func invalidateAll() {
    for shard in shards { shard.state.withLock { $0.invalidateAll() } }
  }

  private func fence(_ key: Key, version: Int64?) {
    secondTier?.note(secondTierKey(key), version: version, fence: policy.fence)
    let now = clock.now()
    shard(key).state.withLock { $0.invalidate(key, version: version, now: now) }
  }
}
