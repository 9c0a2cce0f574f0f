import GravityData

/// A session: a wire with prepared statements and time-outs. It belongs to the thread that made it.
final class PostgresConnection {
  private struct StatementKey: Hashable {
    let text: String
    let types: [UInt32]
  }

  /// What the engine itself says, prepared once when the session begins.
  enum Control: String, CaseIterable {
    case beginWrite = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
    case beginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    case commit = "COMMIT"
    case rollback = "ROLLBACK"
    case unlockAll = "SELECT pg_advisory_unlock_all()"

    fileprivate var name: String { "control \(self)" }
  }

  private let wire: PostgresWire
  /// The names of prepared statements.
  private var statements: LeastRecentlyUsed<StatementKey, String>
  private var evicted: [String] = []
  private var serial = 0
  private let timeout: UInt64
  private var cancellation: Cancellation?

  /// - Throws: `unavailable` or `busy`.
  init(_ parameters: ConnectionParameters, _ configuration: PostgresDatabase.Configuration) throws(DatabaseError) {
    wire = try PostgresWire(parameters, timeout: configuration.connectTimeout)
    statements = LeastRecentlyUsed(capacity: configuration.preparedStatements)
    timeout = (configuration.statementTimeout + configuration.answerGrace).nanoseconds
    let milliseconds = configuration.statementTimeout.nanoseconds / 1_000_000
    var requests: [PostgresWire.Request] = [
      // A statement by itself only reads; a body that hangs in its own code does not hold locks for ever.
      .query(
        text: """
          SELECT set_config('statement_timeout', $1, false), set_config('TimeZone', 'UTC', false),
            set_config('idle_in_transaction_session_timeout', '60000', false),
            set_config('default_transaction_read_only', 'on', false)
          """, values: [.text("\(milliseconds)")])
    ]
    requests += Control.allCases.map { .prepare(name: $0.name, text: $0.rawValue, types: []) }
    let outcome = try wire.exchange(requests, timeout: configuration.connectTimeout.nanoseconds)
    if let error = outcome.error { throw error }
  }

  var isBroken: Bool { wire.isBroken }
  func isAlive() -> Bool { wire.isAlive() }
  func abandon() { wire.abandon() }

  /// Runs a statement, preparing it when it is new: one round trip in either case.
  ///
  /// - Parameter opening: what begins the transaction, when this is its first statement.
  func run(_ text: String, _ values: [SQLValue], after opening: Control? = nil) throws(DatabaseError) -> PostgresResult
  {
    for value in values { try value.checked() }
    if let cancellation, cancellation.isCancelled { throw DatabaseError(.timeout, "the caller was cancelled") }
    guard values.count <= Int(UInt16.max) else { throw DatabaseError(.statement, "more than 65 535 values") }
    var requests: [PostgresWire.Request] = []
    if let opening { requests.append(.execute(name: opening.name, values: [])) }
    let key = StatementKey(text: text, types: values.map(\.postgresType))
    let known = statements.value(for: key)
    if known == nil { try SQL.checkStatement(text) }
    let name = known ?? nextName()
    if known == nil {
      requests += evicted.map { .query(text: "DEALLOCATE \($0)", values: []) }
      evicted = []
      requests.append(.prepare(name: name, text: text, types: key.types))
    }
    let prepared = requests.count
    requests.append(.execute(name: name, values: values))
    let outcome = try wire.exchange(requests, timeout: timeout)
    if known == nil, outcome.results.count >= prepared, let old = statements.insert(name, for: key) {
      evicted.append(old)
    }
    if let error = outcome.error {
      // A fresh session is cheaper than to find out what of this one is left.
      if error.wantsPreparingAgain { abandon() }
      throw error
    }
    guard let result = outcome.results.last, outcome.results.count == requests.count else {
      abandon()
      throw DatabaseError(.unavailable, "the server answered something else than asked")
    }
    return result
  }

  /// - Throws: what the server said; the connection is broken when it cannot go on.
  @discardableResult
  func control(_ control: Control) throws(DatabaseError) -> PostgresResult {
    let outcome = try wire.exchange([.execute(name: control.name, values: [])], timeout: timeout)
    if let error = outcome.error { throw error }
    guard let result = outcome.results.last else {
      throw DatabaseError(.unavailable, "the server answered something else than asked")
    }
    return result
  }

  /// Runs `body`; the caller's cancellation makes the server stop.
  ///
  /// The connection is given up then: the request to cancel travels on another one and might hit whatever runs next.
  func cancellable<T>(by cancellation: Cancellation, _ body: () throws -> T) throws -> T {
    let canceller = wire.canceller
    self.cancellation = cancellation
    defer { self.cancellation = nil }
    do {
      let result = try cancellation.interrupting(
        with: { canceller?.cancel(while: { !cancellation.hasEnded }) }, body)
      if cancellation.isCancelled { abandon() }
      return result
    } catch {
      guard cancellation.isCancelled else { throw error }
      abandon()
      throw CancellationError()
    }
  }

  private func nextName() -> String {
    serial += 1
    return "s\(serial)"
  }
}
