/// What an answer tells of the limit of which the least is left (draft-ietf-httpapi-ratelimit-headers).
struct LimitFields {
  private let policy: LimitPolicy
  private(set) var remaining: Int
  /// Nanoseconds until the whole limit is there again.
  private var reset: Int64

  init(_ policy: LimitPolicy, _ decision: RateLimiter.Decision) {
    self.policy = policy
    (remaining, reset) = (decision.remaining, decision.reset)
  }

  /// Writes `RateLimit-Policy` and `RateLimit`, each with its CR LF.
  func write(into output: inout OctetWriter) {
    output.write(policy.fieldLines)
    output.writeDecimal(remaining)
    output.write(";t=")
    output.writeDecimal(Int(Self.seconds(reset)))
    output.write("\r\n")
  }

  /// Rounded up, so that nobody comes too early; at least 1.
  static func seconds(_ nanoseconds: Int64) -> Int64 {
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return max(1, seconds + (rest > 0 ? 1 : 0))
  }
}
