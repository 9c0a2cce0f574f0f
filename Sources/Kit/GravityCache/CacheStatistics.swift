/// What a cache has done since it was made, and what it holds.
public struct CacheStatistics: Sendable, Hashable, Codable {
  /// The process's memory: a count for each call.
  public var l1 = Tier()
  /// The shared store: a count for each flight that asked it, or would have.
  public var l2 = Tier()
  /// The loader.
  public var origin = Tier()
  public var entries = 0
  public var bytes = 0
  public var evictions = 0
  /// Values that were loaded and not stored because they were invalidated meanwhile, or by a lagging replica.
  public var fenced = 0

  /// One tier's answers.
  public struct Tier: Sendable, Hashable, Codable {
    public var hits = 0
    /// Served past their fresh limit.
    public var stale = 0
    /// Known not to exist.
    public var negative = 0
    public var misses = 0
    /// Failures; at L2 also questions that were not put because it is away.
    public var errors = 0

    public init() {}

    public var requests: Int { hits + stale + negative + misses + errors }
    /// The part of requests that this tier answered; nil without requests.
    public var hitRate: Double? {
      requests == 0 ? nil : Double(hits + stale + negative) / Double(requests)
    }
  }

  public init() {}
}
