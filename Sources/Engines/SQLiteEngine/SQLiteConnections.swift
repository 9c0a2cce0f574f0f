import GRDB
import Logging
import Synchronization
import struct Foundation.Date

/// What we keep beside each of GRDB's connections.
final class SQLiteConnections: Sendable {
  let configuration: SQLiteDatabase.Configuration
  let now: @Sendable () -> Date
  let locks: LockRegistry
  let logger: Logger
  /// GRDB keeps its connections as long as the pool lives, so an identity stands for one connection.
  private let connections = Mutex<[ObjectIdentifier: SQLiteConnection]>([:])

  init(
    configuration: SQLiteDatabase.Configuration, now: @escaping @Sendable () -> Date, locks: LockRegistry,
    logger: Logger
  ) {
    self.configuration = configuration
    self.now = now
    self.locks = locks
    self.logger = logger
  }

  /// Only on the connection's own queue.
  subscript(db: GRDB.Database) -> SQLiteConnection {
    let key = ObjectIdentifier(db)
    if let connection = connections.withLock({ $0[key] }) { return connection }
    let connection = SQLiteConnection(db, owner: self)
    connections.withLock { $0[key] = connection }
    return connection
  }

  /// Only when no statement runs any more: statements that are not finalized would keep the file open.
  func finalizeStatements() {
    for connection in connections.withLock({ Array($0.values) }) { connection.finalizeStatements() }
  }
}
