/// Why Consul did not do what was asked.
public struct ConsulError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Code: Sendable, Equatable {
    /// No answer: refused, frozen, too slow, or the connection broke.
    case unreachable
    /// The token is missing, unknown or may not do it (403).
    case denied
    /// An answer that says no, or one that has no leader to ask.
    case refused
    /// An answer that is not what Consul's API describes, or too large.
    case malformed
  }
  public var code: Code
  /// What was asked, where, and what came of it.
  public var description: String

  init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
