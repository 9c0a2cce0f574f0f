/// How much a cache keeps and for how long. May be changed while it is used: ``Cache/update(_:)``.
public struct CachePolicy: Sendable, Hashable {
  /// What L1 may hold, by the cost function; 0 keeps nothing. An entry over a tenth of a shard's part is not kept.
  public var maximumBytes = 16 << 20
  /// Up to this age a value is served as it is.
  public var fresh: Duration = .seconds(60)
  /// Up to this age a value is served while it is refreshed, and when that fails. Not below ``fresh``.
  public var stale: Duration = .seconds(300)
  /// How long "there is none" is believed; 0 does not keep it.
  public var negative: Duration = .seconds(10)
  /// Each entry's limits are multiplied by a random factor of 1 ± this, so that what was stored together does not
  /// expire together: 0 to 0.5.
  public var jitter = 0.1
  /// How long a load may take, up to 60 s.
  public var loadTimeout: Duration = .seconds(5)
  /// How long L2 may take for an answer before it counts as away, up to 5 s.
  public var secondTierTimeout: Duration = .milliseconds(50)
  /// How long after an invalidation older versions are refused: more than the load time-out, and than a replica lags.
  public var fence: Duration = .seconds(30)
  /// How long after a refresh that failed, or brought an older version, the next is tried.
  public var refreshRetry: Duration = .seconds(1)
  /// How many invalidations are remembered one by one; beyond, several share a place and refuse more than they must.
  public var maximumFences = 16_384
  /// How many loads may be under way at once.
  public var maximumLoads = 1_024
  /// What is larger does not go to L2, and is not believed from there.
  public var maximumRecordBytes = 1 << 20

  public init() {}

  public init(
    maximumBytes: Int = 16 << 20, fresh: Duration, stale: Duration, negative: Duration = .seconds(10)
  ) {
    self.maximumBytes = maximumBytes
    self.fresh = fresh
    self.stale = stale
    self.negative = negative
  }

  /// - Throws: ``CacheError/invalidPolicy(_:)`` naming the first value that is out of its bounds.
  public func validate() throws(CacheError) {
    let complaint: String? =
      switch self {
      case _ where maximumBytes < 0: "maximumBytes is negative"
      case _ where fresh <= .zero: "fresh is not positive"
      case _ where stale < fresh: "stale is below fresh"
      case _ where stale > .seconds(30 * 86_400): "stale is over 30 days"
      case _ where negative < .zero || negative > .seconds(86_400): "negative is not within 0 and a day"
      case _ where !(0...0.5).contains(jitter): "jitter is not within 0 and 0.5"
      case _ where loadTimeout <= .zero || loadTimeout > .seconds(60): "loadTimeout is not within 0 and 60 s"
      case _ where secondTierTimeout <= .zero || secondTierTimeout > .seconds(5):
        "secondTierTimeout is not within 0 and 5 s"
      case _ where fence < loadTimeout + secondTierTimeout * 2: "fence is below loadTimeout and secondTierTimeout twice"
      case _ where fence > .seconds(3600): "fence is over an hour"
      case _ where refreshRetry < .zero: "refreshRetry is negative"
      case _ where maximumFences < 1 || maximumLoads < 1 || maximumRecordBytes < 1: "a maximum is below 1"
      default: nil
      }
    if let complaint { throw .invalidPolicy(complaint) }
  }
}
