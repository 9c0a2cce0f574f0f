/// How a gateway that was given the store of the blacklist uses it.
public struct BlacklistSettings: Sendable {
  /// What becomes of a protected request when neither the feed of revocations nor the store can say whether its token
  /// was revoked.
  public enum Policy: String, Sendable {
    /// 503 with `Retry-After`: nothing protected is served, and no revoked token gets in.
    case deny
    /// It is let through: a token that was revoked meanwhile gets in, until it expires or one of the two is back.
    case allow
  }
  /// What becomes of requests about which nobody can say anything.
  public var whenUnknown = Policy.deny
  /// How long a request waits for the store's answer.
  public var patience: Duration = .milliseconds(250)
  /// Questions that one event loop has under way at a time; requests with the same token share one.
  public var concurrentQuestions = 256
  /// Requests of one event loop that wait for an answer; to more the store counts as away.
  public var waitingRequests = 4_096
  /// What is standard.
  public init() {}
}
