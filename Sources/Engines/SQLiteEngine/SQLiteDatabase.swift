public import Foundation
import GRDB
public import GravityData
public import Logging
public import Metrics
import Synchronization

/// A database file in WAL mode: one writer whose waiting writes share a commit, several readers.
///
/// A commit is on disk when ``write(_:)`` returns (`synchronous=FULL`). Other processes may open the same file.
public final class SQLiteDatabase: GravityData.Database {
  /// How an SQLite database is used; every bound has a default that suits a service.
  public struct Configuration: Sendable {
    /// How many reads run at once; at least 1.
    public var readers = 5
    /// How many writes, and how many reads, may wait for their turn; more are refused with `busy`.
    public var maximumWaiting = 1_000
    /// How long a call waits for its turn, and a transaction for another process's, before it is refused with `busy`.
    public var waitTimeout = Duration.seconds(5)
    /// How long one statement may run before it fails with `timeout`.
    public var statementTimeout = Duration.seconds(30)
    /// How many waiting writes share a transaction at most.
    public var groupSize = 128
    /// How many prepared statements each connection keeps.
    public var preparedStatements = 256

    public init() {}
  }

  /// Always `.sqlite`.
  public let dialect = SQLDialect.sqlite
  private let pool: DatabasePool
  private let connections: SQLiteConnections
  private let writes: GroupCommit
  private let reads: SQLiteReaders
  private let hub = NotificationHub()
  private let metrics: DatabaseMetrics
  private let isClosed = Mutex(false)

  /// Opens the file, which is made with mode 0600 when there is none; its folder must exist.
  ///
  /// - Parameters:
  ///   - path: of the file; SQLite keeps two more beside it, ending in `-wal` and `-shm`.
  ///   - now: the clock that stands for the database's; a test holds it. Rounded to microseconds.
  ///   - metrics: where metrics go; the process's own factory when nil.
  /// - Throws: ``DatabaseError/Code/unavailable`` when the file cannot be opened, ``DatabaseError/Code/readOnly`` when it
  ///   cannot be written.
  public init(
    path: String, configuration: Configuration = .init(), now: (@Sendable () -> Date)? = nil,
    logger: Logger = Logger(label: "gravity.database"), metrics: (any MetricsFactory)? = nil
  ) throws {
    try DatabaseFile.prepare(path)
    let connections = SQLiteConnections(
      configuration: configuration, now: now ?? { Date() }, locks: LockRegistry(), logger: logger)
    let name = URL(filePath: path).deletingPathExtension().lastPathComponent
    do {
      pool = try DatabasePool(path: path, configuration: configuration.grdb(name))
      try pool.writeWithoutTransaction { db in
        try connections[db].makeDurable()
        try connections[db].overwriteWhatIsDeleted()
      }
    } catch let error as GRDB.DatabaseError {
      throw GravityData.DatabaseError(error)
    }
    self.connections = connections
    self.metrics = DatabaseMetrics(system: "sqlite", name: name, factory: metrics)
    writes = GroupCommit(pool: pool, connections: connections, hub: hub, configuration: configuration)
    reads = SQLiteReaders(pool: pool, connections: connections, configuration: configuration, metrics: self.metrics)
  }

  /// One statement on a snapshot of its own; one that writes is refused with `readOnly`.
  public func rows(_ sql: GravityData.SQL) async throws -> [SQLRow] {
    try await metrics.measuring(.rows) { try await reads.read { try $0.rows(sql) } }
  }

  /// The caller's cancellation ends a running statement, too.
  public func read<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
    try await metrics.measuring(.read) { try await reads.read { try body($0) } }
  }

  /// Waiting writes share one transaction and one flush to disk; each is a savepoint of its own.
  @discardableResult
  public func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
    try await metrics.measuring(.write) { try await writes.write { try body($0) } }
  }

  /// Delivered in this process only: SQLite has no way to tell another.
  public func notifications(on channel: String) -> AsyncStream<String> { hub.listen(to: channel) }

  /// Ends when nothing runs any more; streams of notifications end with it.
  public func close() async {
    guard
      !isClosed.withLock({ closed in
        defer { closed = true }; return closed
      })
    else { return }
    await writes.close()
    await reads.close()
    hub.close()
    // The barrier waits for the readers' own last statements, too.
    try? await pool.barrierWriteWithoutTransaction { [connections] _ in connections.finalizeStatements() }
    // So that all there is stands in the file itself, which can be copied alone, and what was deleted in neither: the
    // connection that is closed last may be a reader's, and those leave the log as it is. Where this fails, the log is
    // read at the next start.
    _ = try? await pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
    try? pool.close()
  }
}

extension SQLiteDatabase.Configuration {
  fileprivate func grdb(_ name: String) -> GRDB.Configuration {
    var configuration = GRDB.Configuration()
    configuration.label = "sqlite.\(name)"
    configuration.busyMode = .timeout(Double(waitTimeout.nanoseconds) / 1e9)
    configuration.maximumReaderCount = max(1, readers)
    configuration.persistentReadOnlyConnections = true
    return configuration
  }
}

/// The database's file, before SQLite has opened it.
private enum DatabaseFile {
  /// Says in plain words what SQLite would call "unable to open database file".
  static func prepare(_ path: String) throws(GravityData.DatabaseError) {
    let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
      throw .init(.unavailable, "the folder \(folder) does not exist")
    }
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      if isFolder.boolValue { throw .init(.unavailable, "\(path) is a folder") }
    } else {
      // SQLite gives the files beside it the same mode.
      let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      guard file >= 0 else {
        throw .init(.readOnly, "cannot make \(path): \(String(cString: strerror(errno)))")
      }
      close(file)
    }
    guard access(path, R_OK) == 0 else { throw .init(.unavailable, "\(path) may not be read by this user") }
    guard access(path, W_OK) == 0, access(folder, W_OK) == 0 else {
      throw .init(.readOnly, "\(path) or its folder may not be written by this user")
    }
  }
}
