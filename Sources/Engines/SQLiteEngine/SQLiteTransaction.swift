import GravityData
import struct Foundation.Date

/// What a body is lent: a savepoint of the group's transaction, or a reader's snapshot.
final class SQLiteTransaction: GravityData.Transaction {
  enum Access { case read, write }

  let dialect = SQLDialect.sqlite
  private(set) lazy var now = connection.now()
  private let connection: SQLiteConnection
  private let access: Access
  let identity: LockRegistry.Holder
  /// What a statement failed with. The transaction is lost from then on, as PostgreSQL has it.
  private(set) var failure: DatabaseError?
  private(set) var notifications: [Notification] = []
  private var hasBegun = false

  struct Notification: Hashable {
    var channel: String
    var payload: String
  }

  init(_ connection: SQLiteConnection, _ access: Access) {
    self.connection = connection
    self.access = access
    identity = connection.locks.newHolder()
  }

  func rows(_ sql: SQL) throws -> [SQLRow] {
    try poisoning { () throws(DatabaseError) in
      hasBegun = true
      let (text, values) = sql.rendered(in: .sqlite)
      return try connection.run(text, values)
    }
  }

  func execute(_ sql: SQL) throws -> Int {
    try poisoning { () throws(DatabaseError) in
      hasBegun = true
      let (text, values) = sql.rendered(in: .sqlite)
      return try connection.execute(text, values)
    }
  }

  /// With one writer every transaction is ordered with all others.
  func order(by names: [String]) throws {
    try poisoning { () throws(DatabaseError) in
      guard (1...64).contains(names.count) else {
        throw DatabaseError(.statement, "a transaction is ordered by 1 to 64 names")
      }
      try begin("ordered")
    }
    for name in names { connection.locks.hold(name, by: identity) }
  }

  func relax() throws {
    try poisoning { () throws(DatabaseError) in try begin("relaxed") }
  }

  /// Refuses what PostgreSQL refuses.
  private func begin(_ what: String) throws(DatabaseError) {
    guard access == .write else { throw DatabaseError(.readOnly, "only a write can be \(what)") }
    guard !hasBegun else { throw DatabaseError(.statement, "a transaction is \(what) before anything else") }
    hasBegun = true
  }

  func lock(_ name: String) throws {
    try checkAlive()
    hasBegun = true
    connection.locks.hold(name, by: identity)
  }

  func tryLock(_ name: String) throws -> Bool {
    try checkAlive()
    hasBegun = true
    return connection.locks.tryHold(name, by: identity)
  }

  func notify(_ channel: String, _ payload: String) throws {
    try poisoning { () throws(DatabaseError) in
      try NotificationHub.check(channel: channel, payload: payload)
      guard access == .write else { throw DatabaseError(.readOnly, "a read cannot notify") }
      let notification = Notification(channel: channel, payload: payload)
      // PostgreSQL sends the same only once for a transaction.
      if !notifications.contains(notification) { notifications.append(notification) }
    }
  }

  private func checkAlive() throws(DatabaseError) {
    guard let failure else { return }
    throw DatabaseError(.statement, "the transaction has failed before: \(failure)", engineCode: "25P02")
  }

  private func poisoning<T>(_ body: () throws(DatabaseError) -> T) throws(DatabaseError) -> T {
    try checkAlive()
    do {
      return try body()
    } catch {
      failure = error
      throw error
    }
  }
}
