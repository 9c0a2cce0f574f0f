/// What went wrong, in terms that every engine shares.
public struct DatabaseError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable, Hashable {
    case uniqueViolation
    case foreignKeyViolation
    case checkViolation
    case notNullViolation
    /// Concurrent transactions could not be put in an order, also not after the bounded retries. Ask again.
    case serialization
    /// No connection or no turn to write was free within the wait time-out, or too many wait already. Ask again.
    case busy
    /// A statement ran longer than the statement time-out; the transaction is rolled back.
    case timeout
    /// The database cannot be reached, or went away before the commit was asked for. Nothing took effect.
    case unavailable
    /// The connection broke while a commit was under way: it may or may not have taken effect.
    case commitUnknown
    /// The disk is full or the database may not be written.
    case readOnly
    /// `close()` was called.
    case closed
    /// The statement is wrong: syntax, an unknown column, a type that does not fit.
    case statement
    /// A value that SQL cannot hold: NUL in a text, a float that is no number.
    case value
    case other
  }

  public var code: Code
  /// For the log; never for a client.
  public var message: String
  /// The constraint, table or column that was violated, where the engine tells.
  public var constraint: String?
  /// PostgreSQL's SQLSTATE or SQLite's extended result code.
  public var engineCode: String?

  public init(_ code: Code, _ message: String, constraint: String? = nil, engineCode: String? = nil) {
    self.code = code
    self.message = message
    self.constraint = constraint
    self.engineCode = engineCode
  }

  /// Whether the same call may succeed a little later.
  public var isTransient: Bool {
    switch code {
    case .serialization, .busy, .timeout, .unavailable: true
    default: false
    }
  }

  public var description: String {
    "\(code)\(engineCode.map { " \($0)" } ?? ""): \(message)\(constraint.map { " [\($0)]" } ?? "")"
  }
}
