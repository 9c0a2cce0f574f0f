import class GRDB.DatabasePool
import GravityData
import Synchronization

/// Lets writes that wait for the one writer share a transaction, and so a flush to disk.
///
/// Each write is a savepoint of its own: one that throws leaves nothing and does not disturb its neighbours. Nobody is
/// answered before the commit that carries their write is on disk.
final class GroupCommit: Sendable {
  typealias Line = WaitingLine<Group>

  private let pool: DatabasePool
  private let connections: SQLiteConnections
  private let hub: NotificationHub
  private let line: Line
  private let groupSize: Int
  /// Whether the writer has been asked to look at the line.
  private let isAwake = Mutex(false)

  init(
    pool: DatabasePool, connections: SQLiteConnections, hub: NotificationHub,
    configuration: SQLiteDatabase.Configuration
  ) {
    self.pool = pool
    self.connections = connections
    self.hub = hub
    groupSize = max(1, configuration.groupSize)
    line = Line(limit: configuration.maximumWaiting, timeout: configuration.waitTimeout)
  }

  func write<T: Sendable>(_ body: @escaping @Sendable (SQLiteTransaction) throws -> T) async throws -> T {
    try await line.submit(Cancellation(), wake: { self.wake() }) { group in try group.savepoint(body) }
  }

  /// Refuses what waits, and ends when what runs has ended.
  func close() async {
    line.close(DatabaseError(.closed, "the database is closed"))
    await withCheckedContinuation { continuation in
      pool.asyncWriteWithoutTransaction { _ in continuation.resume() }
    }
  }

  private func wake() {
    let isFirst = isAwake.withLock { isAwake in
      defer { isAwake = true }
      return !isAwake
    }
    guard isFirst else { return }
    pool.asyncWriteWithoutTransaction { db in
      self.commit(self.line.take(atMost: self.groupSize), on: self.connections[db])
      self.isAwake.withLock { $0 = false }
      // Whoever came after the group was taken, and found the writer awake.
      if self.line.count > 0 { self.wake() }
    }
  }

  private func commit(_ calls: [Line.Call], on connection: SQLiteConnection) {
    var remaining = calls
    // Each round answers at least one.
    while !remaining.isEmpty { remaining = commitOnce(remaining, on: connection) }
  }

  /// - Returns: those whose work was rolled back through another's fault; they run again.
  private func commitOnce(_ calls: [Line.Call], on connection: SQLiteConnection) -> [Line.Call] {
    let group = Group(connection)
    defer { group.releaseLocks() }
    do {
      try connection.control("BEGIN IMMEDIATE")
    } catch {
      for call in calls { call.refuse(error) }
      return []
    }
    var answers: [Line.Answer] = []
    for (index, call) in calls.enumerated() {
      answers.append(call.run(group))
      if !connection.isInTransaction {
        answers[index](nil)
        return Array(calls[..<index] + calls[(index + 1)...])
      }
    }
    do {
      try connection.control("COMMIT")
    } catch {
      if connection.isInTransaction { try? connection.control("ROLLBACK") }
      // A deferred constraint of one of them: let each answer for itself.
      if error.isConstraint, calls.count > 1 {
        group.releaseLocks()
        for call in calls { _ = commitOnce([call], on: connection) }
      } else {
        let failure = error.ofCommit
        for answer in answers { answer(failure) }
      }
      return []
    }
    // Before anyone is answered, so that a caller who asks again at once finds its lock free.
    group.releaseLocks()
    for notification in group.notifications { hub.deliver(notification.payload, on: notification.channel) }
    for answer in answers { answer(nil) }
    return []
  }

  /// One transaction and what its savepoints leave to do after the commit.
  final class Group {
    private let connection: SQLiteConnection
    private var holders: [LockRegistry.Holder] = []
    private(set) var notifications: [SQLiteTransaction.Notification] = []

    init(_ connection: SQLiteConnection) { self.connection = connection }

    func savepoint<T>(_ body: (SQLiteTransaction) throws -> T) throws -> T {
      try connection.control("SAVEPOINT one")
      let transaction = SQLiteTransaction(connection, .write)
      do {
        let result = try body(transaction)
        if let failure = transaction.failure { throw failure }
        try connection.control("RELEASE one")
        holders.append(transaction.identity)
        notifications += transaction.notifications
        return result
      } catch {
        connection.locks.release(transaction.identity)
        // Gone already when SQLite rolled the whole transaction back.
        if connection.isInTransaction {
          try? connection.control("ROLLBACK TO one")
          try? connection.control("RELEASE one")
        }
        throw error
      }
    }

    func releaseLocks() {
      for holder in holders { connection.locks.release(holder) }
      holders = []
    }
  }
}

extension GravityData.DatabaseError {
  fileprivate var isConstraint: Bool {
    switch code {
    case .foreignKeyViolation, .uniqueViolation, .checkViolation, .notNullViolation: true
    default: false
    }
  }

  /// After a failed flush nobody knows whether the log's last page will be found whole.
  fileprivate var ofCommit: Self {
    guard code == .unavailable else { return self }
    var error = self
    error.code = .commitUnknown
    return error
  }
}
