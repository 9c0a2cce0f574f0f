/// The arithmetic of one bucket. What an engine's script does is held against this.
public struct Bucket: Sendable, Hashable {
  /// When it is whole again, in microseconds of the store's clock. A bucket that nobody took from has none: any moment
  /// that is past.
  public var arrival: Int64

  public init(arrival: Int64 = .min) { self.arrival = arrival }

  /// - Parameter now: Microseconds of the same clock.
  public mutating func take(_ wanted: Int, of limit: SharedLimit, at now: Int64) -> LimitGrant {
    let start = max(arrival, now)
    let free = max(0, limit.window - (start - now)) / limit.interval
    let taken = min(Int64(max(0, wanted)), free)
    let ahead = start + taken * limit.interval - now
    if taken > 0 { arrival = now + ahead }
    let remaining = max(0, limit.window - ahead) / limit.interval
    return LimitGrant(
      taken: Int(taken), remaining: Int(remaining),
      retryAfter: remaining > 0 ? 0 : ahead + limit.interval - limit.window, reset: ahead)
  }
}
