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
    case beginRelaxed = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
    case beginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    case now = "SELECT now()"
    case commit = "COMMIT"
    case rollback = "ROLLBACK"
    case unlockAll = "SELECT pg_advisory_unlock_all()"

    fileprivate var name: String { "control \(self)" }
  }

  private static let notify = (name: "control notify", text: "SELECT pg_notify($1, $2)")

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
    let text = SQLValue.text("").postgresType
    requests.append(.prepare(name: Self.notify.name, text: Self.notify.text, types: [text, text]))
    let outcome = try wire.exchange(requests, timeout: configuration.connectTimeout.nanoseconds)
    if let error = outcome.error { throw error }
  }

  var isBroken: Bool { wire.isBroken }
  func isAlive() -> Bool { wire.isAlive() }
  func abandon() { wire.abandon() }

  /// Runs a statement, preparing it when it is new: one round trip in either case.
  ///
  func run(_ text: String, _ values: [SQLValue]) throws(DatabaseError) -> PostgresResult {
    guard let result = try run(text, values, after: []).last else { throw DatabaseError(.other, "no answer came") }
    return result
  }

  /// - Parameter opening: what comes before it, when it is the first of a transaction.
  /// - Returns: what the server answered to each of those and to the statement.
  func run(
    _ text: String, _ values: [SQLValue], after opening: [Control]
  ) throws(DatabaseError) -> [PostgresResult] {
    for value in values { try value.checked() }
    if let cancellation, cancellation.isCancelled { throw DatabaseError(.timeout, "the caller was cancelled") }
    guard values.count <= Int(UInt16.max) else { throw DatabaseError(.statement, "more than 65 535 values") }
    var requests: [PostgresWire.Request] = opening.map { .execute(name: $0.name, values: []) }
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
    return outcome.results.prefix(opening.count) + [result]
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

  /// Commits and then notifies, in one round trip.
  ///
  /// Afterwards and not inside: a commit that notifies holds a lock of the whole server until it is on disk, so that no
  /// two of them would ever share a flush. The server has both before it begins with the first, so whoever dies in
  /// between is the server, and with it every feed.
  ///
  /// - Parameter isOpen: Whether there is anything to commit.
  /// - Throws: what the commit failed with; nobody is notified then.
  /// - Returns: what the server said to COMMIT, and why the notifications were not taken, if so.
  func commit(
    isOpen: Bool, _ notifications: [PostgresTransaction.Notification]
  ) throws(DatabaseError) -> (tag: String, lost: DatabaseError?) {
    var requests: [PostgresWire.Request] = isOpen ? [.execute(name: Control.commit.name, values: [])] : []
    requests += notifications.map {
      .execute(name: Self.notify.name, values: [.text($0.channel), .text($0.payload)])
    }
    let outcome = try wire.exchange(requests, timeout: timeout)
    let isCommitted = !isOpen || !outcome.results.isEmpty
    if let error = outcome.error, !isCommitted || !isOpen { throw error }
    return (isOpen ? outcome.results[0].commandTag : "COMMIT", outcome.error)
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
