import GRDB
import GravityData
import Synchronization

/// Lets as many reads run as there are connections for, each on a snapshot of its own.
final class SQLiteReaders: Sendable {
  private struct State {
    var running = 0
    var closing: CheckedContinuation<Void, Never>?
  }
  private let pool: DatabasePool
  private let connections: SQLiteConnections
  private let metrics: DatabaseMetrics
  private let line: WaitingLine<Result<SQLiteConnection, GravityData.DatabaseError>>
  private let limit: Int
  private let state = Mutex(State())

  init(
    pool: DatabasePool, connections: SQLiteConnections, configuration: SQLiteDatabase.Configuration,
    metrics: DatabaseMetrics
  ) {
    self.pool = pool
    self.connections = connections
    self.metrics = metrics
    limit = max(1, configuration.readers)
    line = WaitingLine(limit: configuration.maximumWaiting, timeout: configuration.waitTimeout)
  }

  func read<T: Sendable>(_ body: @escaping @Sendable (SQLiteTransaction) throws -> T) async throws -> T {
    let cancellation = Cancellation()
    return try await line.submit(cancellation, wake: { self.wake() }) { connection in
      let connection = try connection.get()
      let transaction = SQLiteTransaction(connection, .read)
      defer { connection.locks.release(transaction.identity) }
      do {
        let result = try connection.cancellable(by: cancellation) { try body(transaction) }
        if let failure = transaction.failure { throw failure }
        return result
      } catch {
        if cancellation.isCancelled { throw CancellationError() }
        throw error
      }
    }
  }

  func close() async {
    line.close(GravityData.DatabaseError(.closed, "the database is closed"))
    await withCheckedContinuation { continuation in
      let isIdle = state.withLock { state in
        if state.running > 0 { state.closing = continuation }
        return state.running == 0
      }
      if isIdle { continuation.resume() }
    }
  }

  private func wake() {
    let running: Int? = state.withLock { state in
      if state.running == limit { return nil }
      state.running += 1
      return state.running
    }
    guard let running else { return }
    metrics.connections(idle: limit - running, used: running, waiting: line.count)
    // Taken before the snapshot is: a call that came after a commit must not be served from a snapshot before it.
    guard let call = line.take(atMost: 1).first else { return finish() }
    pool.asyncRead { result in
      call.run(self.connection(result))(nil)
      self.finish()
    }
  }

  private func connection(_ result: Result<GRDB.Database, any Error>) -> Result<
    SQLiteConnection, GravityData.DatabaseError
  > {
    result.map { connections[$0] }.mapError { error in
      (error as? GRDB.DatabaseError).map { GravityData.DatabaseError($0) }
        ?? GravityData.DatabaseError(.other, "\(error)")
    }
  }

  private func finish() {
    let closing = state.withLock { state in
      state.running -= 1
      guard state.running == 0 else { return nil as CheckedContinuation<Void, Never>? }
      defer { state.closing = nil }
      return state.closing
    }
    closing?.resume()
    if line.count > 0 { wake() }
  }
}
