public import GravityData
public import Logging
public import Metrics

/// A PostgreSQL database (15 or later) through libpq.
///
/// Each connection is a thread of its own on which a transaction's body runs with all of its statements. Writes are
/// SERIALIZABLE and run again when they could not be put in an order; reads are snapshots. Statements are prepared and
/// locks may be the session's, so a pooler in between has to pool by session.
public final class PostgresDatabase: Database {
  /// How a PostgreSQL database is used.
  public struct Configuration: Sendable {
    /// How many connections stay open when nothing happens.
    public var minimumConnections = 1
    /// How many connections there are at most; at least 1. All instances together must fit `max_connections`.
    public var maximumConnections = 10
    /// How many calls may wait for a connection; more are refused with `busy`.
    public var maximumWaiting = 1_000
    /// How long a call waits for a connection: `busy`, or `unavailable` when the server cannot be reached.
    public var waitTimeout = Duration.seconds(5)
    /// How long it may take to connect, without resolving the host's name.
    public var connectTimeout = Duration.seconds(5)
    /// How long one statement may run before the server ends it (`timeout`).
    public var statementTimeout = Duration.seconds(30)
    /// How much longer we wait for the server to say so; then the connection is given up.
    public var answerGrace = Duration.seconds(5)
    /// How long a write is run again after conflicts before it fails with `serialization`; 32 times at most.
    public var retryTimeout = Duration.seconds(10)
    /// After what time without use a connection beyond the minimum is closed.
    public var idleTimeout = Duration.seconds(600)
    /// How many prepared statements each connection keeps.
    public var preparedStatements = 256
    /// Instead of the database in the URL.
    public var database: String?

    public init() {}
  }

  /// Always `.postgresql`.
  public let dialect = SQLDialect.postgresql
  private let pool: PostgresPool
  private let listener: PostgresListener
  private let metrics: DatabaseMetrics

  /// Connects in the background; the first call finds out whether the server can be reached.
  ///
  /// - Parameters:
  ///   - url: `postgres://user:password@host:port/database?sslmode=verify-full`, or libpq's `key=value` form; what it
  ///     leaves open comes from `PGHOST` and its like.
  ///   - metrics: where metrics go; the process's own factory when nil.
  /// - Throws: ``DatabaseError/Code/unavailable`` when the URL cannot be parsed.
  public init(
    url: String, configuration: Configuration = .init(), logger: Logger = Logger(label: "gravity.database"),
    metrics: (any MetricsFactory)? = nil
  ) throws {
    let parameters = try ConnectionParameters(url, database: configuration.database)
    self.metrics = DatabaseMetrics(system: "postgresql", name: parameters.database, factory: metrics)
    pool = PostgresPool(parameters, configuration, logger: logger, metrics: self.metrics)
    listener = PostgresListener(parameters, configuration, logger: logger)
  }

  deinit {
    pool.shutDown()
    listener.shutDown()
  }

  /// One statement in a transaction of its own; one that writes is refused with `readOnly`.
  public func rows(_ sql: SQL) async throws -> [SQLRow] {
    try await metrics.measuring(.rows) {
      let cancellation = Cancellation()
      return try await pool.submit(cancellation) { try $0.rows(sql, cancellation) }
    }
  }

  /// REPEATABLE READ READ ONLY. The caller's cancellation ends a running statement, too.
  public func read<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
    try await metrics.measuring(.read) {
      let cancellation = Cancellation()
      return try await pool.submit(cancellation) { try $0.read(cancellation) { try body($0) } }
    }
  }

  /// SERIALIZABLE. The body runs again after a conflict, and on another connection when the first broke before COMMIT
  /// was sent.
  @discardableResult
  public func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
    try await metrics.measuring(.write) {
      try await pool.submit(Cancellation()) { try $0.write { try body($0) } }
    }
  }

  /// From every process that uses the database. An empty payload also comes first, as soon as the server listens:
  /// what was sent until then may have been missed.
  public func notifications(on channel: String) -> AsyncStream<String> { listener.listen(to: channel) }

  /// Ends when nothing runs any more; streams of notifications end with it.
  public func close() async {
    await pool.close()
    await listener.close()
  }
}
