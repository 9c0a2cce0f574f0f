/// Why Redis did not do what it was asked.
public struct RedisError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Code: Sendable, Hashable {
    /// Not connected, or the connection broke before the reply came.
    case unavailable
    /// No reply in time. One that comes later is dropped.
    case timedOut
    /// More commands are under way, or more bytes wait to be sent, than may.
    case busy
    /// ``RedisClient/run()`` has ended.
    case closed
    /// A URL or a setting that cannot be used, or an argument out of its bounds.
    case invalid
    /// The server answered with an error, whose first word this is: `NOPERM`, `OOM`, `READONLY`.
    case refused(String)
    /// A reply that is not of the form that the command has.
    case unexpected
  }

  public var code: Code
  public var message: String
  /// What was asked, without its arguments: `GET`, `EVALSHA cache_put`.
  public var command: String?
  /// Whether the server may have done it all the same.
  public var mayHaveTakenEffect: Bool

  public init(_ code: Code, _ message: String, command: String? = nil, mayHaveTakenEffect: Bool = false) {
    self.code = code
    self.message = message
    self.command = command
    self.mayHaveTakenEffect = mayHaveTakenEffect
  }

  public var description: String {
    let what = command.map { "\($0): " } ?? ""
    return switch code {
    case .unavailable: "\(what)Redis is away: \(message)"
    case .timedOut, .busy, .closed, .invalid: what + message
    case .refused: "\(what)Redis refused: \(message)"
    case .unexpected: "\(what)an unexpected reply: \(message)"
    }
  }

  /// An error as the server wrote it: `NOPERM this user has no permissions …`.
  init(reply text: String, command: String?) {
    let word = text.prefix { $0 != " " }
    self.init(.refused(String(word.prefix(64))), String(text.prefix(500)), command: command)
  }

  func naming(_ command: String) -> RedisError {
    var error = self
    error.command = command
    return error
  }
}
