import GravityData
import struct Foundation.Date

/// What a body is lent: statements on one connection, between BEGIN and COMMIT.
final class PostgresTransaction: Transaction {
  let dialect = SQLDialect.postgresql
  private let connection: PostgresConnection
  private let opening: PostgresConnection.Control
  /// BEGIN travels with the first statement, so an empty transaction costs nothing and any other a round trip less.
  private var isOpen = false
  private var held: Set<String>
  private var time: Date?
  /// What a statement failed with: the server takes no other until the end.
  private(set) var failure: DatabaseError?
  /// A lock that has to be waited for before the transaction begins, see ``lock(_:)``.
  private(set) var missingLock: String?

  /// - Parameter locks: taken already, for the session.
  init(_ connection: PostgresConnection, opening: PostgresConnection.Control, locks: [String]) throws(DatabaseError) {
    self.connection = connection
    self.opening = opening
    held = []
    for name in locks { try takeForSession(name) }
  }

  var now: Date {
    get throws {
      if let time { return time }
      let rows = try rows("SELECT now()")
      let now: Date = try rows[0].get(0)
      time = now
      return now
    }
  }

  func rows(_ sql: SQL) throws -> [SQLRow] {
    try poisoning { () throws(DatabaseError) in try run(sql).rows() }
  }

  func execute(_ sql: SQL) throws -> Int {
    try poisoning { () throws(DatabaseError) in try run(sql).changedRows }
  }

  /// Waits outside of the transaction.
  ///
  /// A serializable transaction sees what was committed before its first statement. If that were the wait itself, the
  /// body would not see what the lock's former holder did. So the lock is the session's; and when the transaction has
  /// begun already, it is rolled back and the body runs again with the lock held from the start.
  func lock(_ name: String) throws {
    try poisoning { () throws(DatabaseError) in
      if held.contains(name) { return }
      if isOpen {
        missingLock = name
        throw DatabaseError(.serialization, "the lock \(name) has to be taken before the transaction begins")
      }
      try takeForSession(name)
    }
  }

  func tryLock(_ name: String) throws -> Bool {
    try poisoning { () throws(DatabaseError) in
      try run("SELECT pg_try_advisory_xact_lock(\(AdvisoryLock.key(name)))").rows().first?.cells.first == .boolean(true)
    }
  }

  func notify(_ channel: String, _ payload: String) throws {
    try poisoning { () throws(DatabaseError) in
      try NotificationHub.check(channel: channel, payload: payload)
      guard opening == .beginWrite else { throw DatabaseError(.readOnly, "a read cannot notify") }
      _ = try run("SELECT pg_notify(\(channel), \(payload))")
    }
  }

  /// - Throws: `commitUnknown` when the connection broke after COMMIT was sent; anything else means rolled back.
  func commit() throws(DatabaseError) {
    defer { unlock() }
    guard isOpen else { return }
    guard connection.isAlive() else {
      throw DatabaseError(.unavailable, "the connection broke before the commit")
    }
    isOpen = false
    let tag: String
    do {
      tag = try connection.control(.commit).commandTag
    } catch {
      guard connection.isBroken, opening == .beginWrite else { throw error }
      throw DatabaseError(.commitUnknown, error.message, engineCode: error.engineCode)
    }
    guard tag == "COMMIT" else { throw DatabaseError(.other, "the server answered \(tag) to COMMIT") }
  }

  /// A connection that cannot roll back is given up, which rolls back as well.
  func rollback() {
    if isOpen, !connection.isBroken {
      abandoningOnError { () throws(DatabaseError) in try connection.control(.rollback) }
    }
    isOpen = false
    unlock()
  }

  private func takeForSession(_ name: String) throws(DatabaseError) {
    _ = try connection.run("SELECT pg_advisory_lock($1)", [.bigint(AdvisoryLock.key(name))])
    held.insert(name)
  }

  private func unlock() {
    guard !held.isEmpty else { return }
    held = []
    if !connection.isBroken { abandoningOnError { () throws(DatabaseError) in try connection.control(.unlockAll) } }
  }

  private func abandoningOnError(_ body: () throws(DatabaseError) -> PostgresResult) {
    do { _ = try body() } catch { connection.abandon() }
  }

  private func run(_ sql: SQL) throws(DatabaseError) -> PostgresResult {
    let (text, values) = sql.rendered(in: .postgresql)
    if isOpen { return try connection.run(text, values) }
    // Also when the statement fails: BEGIN came first and has taken effect.
    for value in values { try value.checked() }
    try SQL.checkStatement(text)
    isOpen = true
    return try connection.run(text, values, after: opening)
  }

  private func poisoning<T>(_ body: () throws(DatabaseError) -> T) throws(DatabaseError) -> T {
    if let failure {
      throw DatabaseError(.statement, "the transaction has failed before: \(failure)", engineCode: "25P02")
    }
    do {
      return try body()
    } catch {
      failure = error
      throw error
    }
  }
}

/// Advisory locks are numbers; names become numbers by FNV-1a of 64 bits.
enum AdvisoryLock {
  static func key(_ name: String) -> Int64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return Int64(bitPattern: hash)
  }
}
