public import Foundation

/// A service's own database.
///
/// One SQL text serves every engine; what they differ in stands behind ``SQLType``, ``Transaction/lock(_:)`` and
/// ``Transaction/notify(_:_:)``. `DatabaseConformance` holds what an engine must do.
public protocol Database: Sendable {
  /// Which of the engines' dialects statements are rendered in.
  var dialect: SQLDialect { get }

  /// Runs one statement by itself, the cheapest way to read: one round trip, no transaction around it.
  ///
  /// - Throws: ``DatabaseError``; `CancellationError` when the caller is cancelled before it ran or while it runs.
  func rows(_ sql: SQL) async throws -> [SQLRow]

  /// Runs `body` on one consistent snapshot; it may be a replica's. A statement that writes is refused.
  func read<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T

  /// Runs `body` in one serializable transaction: durable when this returns, rolled back when it throws. A body that
  /// needs less says so, see ``Transaction/order(by:)`` and ``Transaction/relax()``.
  ///
  /// `body` is synchronous on purpose. It runs on the connection's own thread, so a transaction costs one hop, and it
  /// cannot wait for anything but its own statements while it holds locks.
  ///
  /// A caller that is cancelled before `body` began gets `CancellationError` and nothing has happened; once it began,
  /// it runs to its end and the caller is told how it ended.
  ///
  /// - Important: `body` runs again when the engine asks for a retry, so it has no effect but on the database.
  /// - Throws: what `body` threw, or ``DatabaseError``. Of those, only ``DatabaseError/Code/commitUnknown`` leaves
  ///   open whether the transaction took effect.
  @discardableResult
  func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T

  /// What ``Transaction/notify(_:_:)`` sent on `channel` after the commit, from now on.
  ///
  /// Ends never by itself. When the feed breaks ``DatabaseNotification/broken`` comes, and after the interruption an
  /// empty payload stands for whatever was missed. A server's feed begins with an empty payload, too.
  func notifications(on channel: String) -> AsyncStream<String>

  /// Ends when nothing runs any more; later calls throw ``DatabaseError/Code/closed``.
  func close() async
}

/// What a feed of notifications says of itself.
public enum DatabaseNotification {
  /// Nothing comes until the next payload, which is empty.
  public static let broken = "\u{1A}"
}

/// Statements inside one transaction. Not `Sendable`: it cannot leave the body that it was lent to.
public protocol Transaction {
  var dialect: SQLDialect { get }

  /// The database's clock, in microseconds, the same all through the transaction. Leases, deadlines and expiry are
  /// measured by it.
  var now: Date { get throws }

  /// Runs a statement; the rows are those of SELECT or RETURNING.
  func rows(_ sql: SQL) throws -> [SQLRow]

  /// - Returns: how many rows changed.
  @discardableResult func execute(_ sql: SQL) throws -> Int

  /// Orders this transaction with those that name the same, and with no others: waits for the lock of that name, holds
  /// it until the end, and sees from then on what was committed by then.
  ///
  /// Only for a body that reads and writes nothing but what belongs to what the name stands for, mostly one aggregate;
  /// of anything else two such transactions may each miss what the other does. In exchange it never has to run again
  /// for a neighbour on the same page of an index. To be called first in a write; once.
  ///
  /// - Parameter names: 1 to 64, in any order.
  func order(by names: [String]) throws

  /// Gives up being ordered with others: each statement sees what was committed when it began.
  ///
  /// Only for a body whose statements are complete in themselves: they take rows by `FOR UPDATE SKIP LOCKED` and change
  /// them on a condition. To be called first in a write; SQLite has one writer and nothing to give up.
  func relax() throws

  /// Waits for the lock of that name and holds it until the transaction ends. Where there is one writer, it is held
  /// already.
  func lock(_ name: String) throws

  /// Takes the lock of that name until the transaction ends.
  /// - Returns: false at once when another transaction, or a write that still waits for its turn, holds it.
  func tryLock(_ name: String) throws -> Bool

  /// Tells every listener of `channel`, in every process, once this transaction is committed.
  /// - Parameter payload: at most 7 999 bytes, no NUL.
  func notify(_ channel: String, _ payload: String) throws
}

extension Transaction {
  /// ``order(by:)`` of one name.
  public func order(by name: String) throws { try order(by: [name]) }

  public func all<Record: SQLRecord>(_ sql: SQL, as type: Record.Type = Record.self) throws -> [Record] {
    try rows(sql).map(Record.init)
  }
  public func first<Record: SQLRecord>(_ sql: SQL, as type: Record.Type = Record.self) throws -> Record? {
    try rows(sql).first.map(Record.init)
  }
  /// The first column of the first row.
  public func scalar<Value: SQLDecodable>(_ sql: SQL, as type: Value.Type = Value.self) throws -> Value? {
    try rows(sql).first.map { try $0.get(0) }
  }
}

extension Database {
  public func all<Record: SQLRecord>(_ sql: SQL, as type: Record.Type = Record.self) async throws -> [Record] {
    try await rows(sql).map(Record.init)
  }
  public func first<Record: SQLRecord>(_ sql: SQL, as type: Record.Type = Record.self) async throws -> Record? {
    try await rows(sql).first.map(Record.init)
  }
}

/// The dialects that statements are rendered in.
public enum SQLDialect: Sendable, Hashable, CaseIterable { case sqlite, postgresql }
