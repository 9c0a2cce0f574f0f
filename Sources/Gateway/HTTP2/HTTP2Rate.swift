/// How often something may happen in a window of time.
struct HTTP2Rate {
  private let maximum: Int
  private let window: Int64
  private var count = 0
  private var since = Int64.min

  /// - Parameter window: Nanoseconds.
  init(_ maximum: Int, per window: Int64) { (self.maximum, self.window) = (maximum, window) }

  /// - Parameter now: Nanoseconds of the monotonic clock.
  /// - Returns: Whether it may happen once more.
  mutating func allows(now: Int64) -> Bool {
    if since == .min || now - since >= window { (count, since) = (0, now) }
    count += 1
    return count <= maximum
  }
}
