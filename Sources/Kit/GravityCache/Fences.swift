/// What was invalidated lately, so that nothing older is stored again.
///
/// Loads and unversioned invalidations are ordered by a count of the shard's own, not by time: a load that began
/// before cannot be mistaken for one that began after.
///
/// Bounded: when there are too many, those that still stand move into a table of 256 places by hash. A place holds the
/// strictest of its fences, so keys that share one may be refused without need, and nothing is let through that should
/// not be.
struct Fences<Key: Hashable & Sendable>: Sendable {
  struct Fence: Sendable {
    /// Values below are refused; `Int64.min` when the version is not known.
    var version: Int64
    /// Loads that began before are refused, whatever their version; 0 when it is for the version to decide.
    var barrier: UInt64
    var end: Int64

    mutating func merge(_ other: Fence) {
      version = max(version, other.version)
      barrier = max(barrier, other.barrier)
      end = max(end, other.end)
    }
  }

  private var fences: [Key: Fence] = [:]
  private var shared: [Fence?] = []
  var limit: Int

  init(limit: Int) { self.limit = max(1, limit) }

  var count: Int { fences.count }
  var isSharing: Bool { !shared.isEmpty }

  /// - Parameters:
  ///   - version: nil refuses what began before `order`, whatever its version.
  ///   - order: The shard's count at the invalidation.
  mutating func raise(_ key: Key, version: Int64?, order: UInt64, until end: Int64, now: Int64) {
    var fence = Fence(version: version ?? .min, barrier: version == nil ? order : 0, end: end)
    // One that ended is not merged: its version would live on without need.
    if let known = fences[key], known.end > now { fence.merge(known) }
    fences[key] = fence
    if fences.count > limit { makeRoom(now: now) }
  }

  /// Whether what a load found may be stored.
  /// - Parameters:
  ///   - version: nil for "there is none".
  ///   - began: The shard's count when the load began.
  func allows(_ key: Key, version: Int64?, began: UInt64, now: Int64) -> Bool {
    if let fence = fences[key], !Self.allows(fence, version, began, now) { return false }
    if !shared.isEmpty, let fence = shared[Self.place(key)], !Self.allows(fence, version, began, now) { return false }
    return true
  }

  /// The version below which a value of this key is known to be old.
  func leastVersion(_ key: Key, now: Int64) -> Int64? {
    guard let fence = fences[key], fence.end > now, fence.version > .min else { return nil }
    return fence.version
  }

  private static func allows(_ fence: Fence, _ version: Int64?, _ began: UInt64, _ now: Int64) -> Bool {
    guard fence.end > now else { return true }
    if began < fence.barrier { return false }
    // A replica that has not seen the row yet finds nothing: no better than an old version while the fence stands.
    guard let version else { return fence.version == .min }
    return version >= fence.version
  }

  private mutating func makeRoom(now: Int64) {
    fences = fences.filter { $0.value.end > now }
    guard fences.count > limit else { return }
    if shared.isEmpty { shared = Array(repeating: nil, count: 256) }
    for (key, fence) in fences {
      let place = Self.place(key)
      if var known = shared[place], known.end > now {
        known.merge(fence)
        shared[place] = known
      } else {
        shared[place] = fence
      }
    }
    fences = [:]
  }

  private static func place(_ key: Key) -> Int { Int(truncatingIfNeeded: UInt(bitPattern: key.hashValue) >> 16 & 255) }
}
