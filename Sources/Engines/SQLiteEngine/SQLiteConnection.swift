import Dispatch
import class GRDB.Database
import GRDBSQLite
import GravityData
import Logging
import struct Foundation.Date

/// One connection: its prepared statements and what bounds a statement's time.
///
/// Unchecked: GRDB runs one closure at a time on a connection, and everything here is used by that closure only.
final class SQLiteConnection: @unchecked Sendable {
  let handle: OpaquePointer
  private let owner: SQLiteConnections
  private var statements: LeastRecentlyUsed<String, SQLiteStatement>
  private let statementTimeout: UInt64
  /// When the running statement has to end, in nanoseconds of the uptime clock.
  private var deadline = UInt64.max
  private var cancellation: Cancellation?
  private(set) var isLate = false

  init(_ db: GRDB.Database, owner: SQLiteConnections) {
    handle = db.sqliteConnection!
    self.owner = owner
    statements = LeastRecentlyUsed(capacity: owner.configuration.preparedStatements)
    statementTimeout = owner.configuration.statementTimeout.nanoseconds
    let context = Unmanaged.passUnretained(self).toOpaque()
    // Some 10 000 steps take less than a millisecond, and asking the time costs 30 ns.
    sqlite3_progress_handler(
      handle, 10_000, { Unmanaged<SQLiteConnection>.fromOpaque($0!).takeUnretainedValue().mustStop() ? 1 : 0 },
      context)
  }

  var locks: LockRegistry { owner.locks }
  var logger: Logger { owner.logger }
  /// Whole microseconds, as a PostgreSQL server's clock.
  func now() -> Date { Date(sqlMicroseconds: owner.now().sqlMicroseconds) }

  /// False once SQLite has rolled the transaction back by itself: disk full, I/O error, an interrupted write.
  var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

  func run(_ text: String, _ values: [SQLValue] = []) throws(DatabaseError) -> [SQLRow] {
    try timed { () throws(DatabaseError) in try statement(text).rows(values) }
  }

  /// - Returns: how many rows this statement itself changed.
  func execute(_ text: String, _ values: [SQLValue]) throws(DatabaseError) -> Int {
    // A statement that changes nothing leaves `sqlite3_changes` as the one before it set it.
    let before = sqlite3_total_changes(handle)
    try timed { () throws(DatabaseError) in try statement(text).run(values) }
    return sqlite3_total_changes(handle) == before ? 0 : Int(sqlite3_changes(handle))
  }

  /// For what the engine itself says: BEGIN, COMMIT, SAVEPOINT. It has no time-out, since it must not be torn.
  func control(_ text: String) throws(DatabaseError) {
    if let known = statements.value(for: text) { return try known.run([]) }
    let prepared = try SQLiteStatement(text, on: self)
    keep(prepared, for: text)
    try prepared.run([])
  }

  /// Runs `body` so that `cancellation` ends its statements.
  func cancellable<T>(by cancellation: Cancellation, _ body: () throws -> T) rethrows -> T {
    self.cancellation = cancellation
    defer { self.cancellation = nil }
    return try body()
  }

  /// GRDB sets NORMAL when it opens a pool, after all of its hooks; NORMAL can lose acknowledged commits to a power cut.
  func makeDurable() throws(DatabaseError) {
    try control("PRAGMA synchronous = FULL")
    // What a burst of writes made of the log is given back to the file system.
    _ = try statement("PRAGMA journal_size_limit = 67108864").rows([])
    let level = try statement("PRAGMA synchronous").rows([]).first?.cells.first
    let mode = try statement("PRAGMA journal_mode").rows([]).first?.cells.first
    guard level == .integer(2), mode == .text("wal") else {
      throw DatabaseError(.unavailable, "the file system does not take a durable log: \(String(describing: mode))")
    }
  }

  /// What is deleted or replaced is overwritten, also in pages that become free: nobody is to read from the file what
  /// was erased, or a secret that was used up. Some systems build SQLite so, others do not. What stands in the log goes
  /// with the next commits that are written over it, and when the last connection is closed.
  func overwriteWhatIsDeleted() throws(DatabaseError) {
    let isOn = try statement("PRAGMA secure_delete = ON").rows([]).first?.cells.first
    guard isOn == .integer(1) else {
      throw DatabaseError(.unavailable, "SQLite does not overwrite what is deleted: \(String(describing: isOn))")
    }
  }

  func finalizeStatements() { statements.removeAll() }

  private func statement(_ text: String) throws(DatabaseError) -> SQLiteStatement {
    if let known = statements.value(for: text) { return known }
    try SQL.checkStatement(text)
    let prepared = try SQLiteStatement(text, on: self)
    keep(prepared, for: text)
    return prepared
  }

  private func keep(_ statement: SQLiteStatement, for text: String) { _ = statements.insert(statement, for: text) }

  private func timed<T>(_ body: () throws(DatabaseError) -> T) throws(DatabaseError) -> T {
    isLate = false
    deadline = DispatchTime.now().uptimeNanoseconds &+ statementTimeout
    defer { deadline = .max }
    return try body()
  }

  private func mustStop() -> Bool {
    if deadline == .max { return false }
    if let cancellation, cancellation.isCancelled { return true }
    isLate = DispatchTime.now().uptimeNanoseconds > deadline
    return isLate
  }
}
