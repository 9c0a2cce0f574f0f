import GravityData
import struct Foundation.Date

/// What a body is lent: statements on one connection, between BEGIN and COMMIT.
final class PostgresTransaction: Transaction {
  let dialect = SQLDialect.postgresql
  private let connection: PostgresConnection
  private var opening: PostgresConnection.Control
  private let isWrite: Bool
  /// BEGIN travels with the first statement, so an empty transaction costs nothing and any other a round trip less.
  private var isOpen = false
  private var held: Set<String>
  private var time: Date?
  /// What a statement failed with: the server takes no other until the end.
  private(set) var failure: DatabaseError?
  /// A lock that has to be waited for before the transaction begins, see ``lock(_:)``.
  private(set) var missingLock: String?
  /// What is sent after the commit.
  private var notifications: [Notification] = []
  private var sent: Set<Notification> = []
  /// Why it was not sent, although the transaction was committed.
  private(set) var lostNotifications: DatabaseError?

  struct Notification: Hashable {
    var channel: String
    var payload: String
  }

  /// - Parameter locks: taken already, for the session.
  init(_ connection: PostgresConnection, opening: PostgresConnection.Control, locks: [String]) throws(DatabaseError) {
    self.connection = connection
    self.opening = opening
    isWrite = opening == .beginWrite
    held = []
    for name in locks { try takeForSession(name) }
  }

  var now: Date {
    get throws {
      if let time { return time }
      let now = try poisoning { () throws(DatabaseError) in
        try Self.time(run("SELECT now()", tellsTime: true).rows().first?.cells.first)
      }
      time = now
      return now
    }
  }

  private static func time(_ cell: SQLCell?) throws(DatabaseError) -> Date {
    guard case .timestamp(let time)? = cell else { throw DatabaseError(.other, "the server did not tell the time") }
    return time
  }

  func rows(_ sql: SQL) throws -> [SQLRow] {
    try poisoning { () throws(DatabaseError) in try run(sql).rows() }
  }

  func execute(_ sql: SQL) throws -> Int {
    try poisoning { () throws(DatabaseError) in try run(sql).changedRows }
  }

  /// READ COMMITTED under a lock of the transaction's own: what begins after the lock is there sees what its former
  /// holder committed, since a lock is given up only after the commit can be seen.
  func order(by names: [String]) throws {
    try poisoning { () throws(DatabaseError) in
      guard (1...64).contains(names.count) else {
        throw DatabaseError(.statement, "a transaction is ordered by 1 to 64 names")
      }
      try begin(.beginRelaxed, "ordered")
      // All take them in one order, so that nobody waits in a circle. The clock is read after the wait: whoever waited
      // is later than whoever was waited for.
      var statement: SQL = "SELECT "
      for key in Set(names.map(AdvisoryLock.key)).sorted() {
        statement = statement + "pg_advisory_xact_lock(\(key)), "
      }
      let row = try run(statement + "clock_timestamp()", tellsTime: true).rows().first
      time = try Self.time(row?.cells.last)
      held.formUnion(names)
    }
  }

  func relax() throws {
    try poisoning { () throws(DatabaseError) in try begin(.beginRelaxed, "relaxed") }
  }

  private func begin(_ opening: PostgresConnection.Control, _ what: String) throws(DatabaseError) {
    guard isWrite else { throw DatabaseError(.readOnly, "only a write can be \(what)") }
    guard !isOpen, held.isEmpty, self.opening == .beginWrite else {
      throw DatabaseError(.statement, "a transaction is \(what) before anything else")
    }
    self.opening = opening
  }

  /// Waits outside of the transaction.
  ///
  /// A serializable transaction sees what was committed before its first statement. If that were the wait itself, the
  /// body would not see what the lock's former holder did. So the lock is the session's; and when the transaction has
  /// begun already, it is rolled back and the body runs again with the lock held from the start. One that is not
  /// serializable sees in each statement what is committed by then, and just waits.
  func lock(_ name: String) throws {
    try poisoning { () throws(DatabaseError) in
      if held.contains(name) { return }
      if opening == .beginRelaxed {
        _ = try run("SELECT pg_advisory_xact_lock(\(AdvisoryLock.key(name)))")
        held.insert(name)
        return
      }
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
      guard isWrite else { throw DatabaseError(.readOnly, "a read cannot notify") }
      let notification = Notification(channel: channel, payload: payload)
      if sent.insert(notification).inserted { notifications.append(notification) }
    }
  }

  /// - Throws: `commitUnknown` when the connection broke after COMMIT was sent; anything else means rolled back.
  func commit() throws(DatabaseError) {
    defer { unlock() }
    guard isOpen || !notifications.isEmpty else { return }
    guard connection.isAlive() else {
      throw DatabaseError(.unavailable, "the connection broke before the commit")
    }
    let wasOpen = isOpen
    isOpen = false
    let tag: String
    do {
      (tag, lostNotifications) = try connection.commit(isOpen: wasOpen, notifications)
    } catch {
      guard connection.isBroken, isWrite, wasOpen else { throw error }
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
    // Those of a transaction that is not serializable are its own, and have ended with it.
    guard !held.isEmpty, opening != .beginRelaxed else { return }
    held = []
    if !connection.isBroken { abandoningOnError { () throws(DatabaseError) in try connection.control(.unlockAll) } }
  }

  private func abandoningOnError(_ body: () throws(DatabaseError) -> PostgresResult) {
    do { _ = try body() } catch { connection.abandon() }
  }

  /// - Parameter tellsTime: Whether the statement itself does, so that the opening need not.
  private func run(_ sql: SQL, tellsTime: Bool = false) throws(DatabaseError) -> PostgresResult {
    let (text, values) = sql.rendered(in: .postgresql)
    if isOpen { return try connection.run(text, values) }
    // Also when the statement fails: BEGIN came first and has taken effect.
    for value in values { try value.checked() }
    try SQL.checkStatement(text)
    isOpen = true
    // Most that write want to know the time, which then needs no round trip of its own.
    let asksTime = isWrite && !tellsTime && time == nil
    let results = try connection.run(text, values, after: asksTime ? [opening, .now] : [opening])
    if asksTime { time = try Self.time(results[1].rows().first?.cells.first) }
    guard let result = results.last else { throw DatabaseError(.other, "no answer came") }
    return result
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
