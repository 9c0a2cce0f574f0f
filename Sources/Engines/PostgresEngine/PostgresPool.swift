import Dispatch
import Foundation
import GravityData
import Logging
import Synchronization

/// Threads that each own a connection and take the next call from one line.
///
/// A call hops once: from its caller to the thread that runs all of its statements. Connections are opened when calls
/// wait and nobody is idle, and closed after they were idle for long.
final class PostgresPool: Sendable {
  typealias Line = WaitingLine<PostgresSession>

  struct State {
    var idle: [PostgresWorker] = []
    var workers: [ObjectIdentifier: PostgresWorker] = [:]
    var isClosed = false
    var closing: CheckedContinuation<Void, Never>?
    /// No connection more is tried before: the server had no room for one.
    var growsAfter: UInt64 = 0
  }

  let parameters: ConnectionParameters
  let configuration: PostgresDatabase.Configuration
  let logger: Logger
  let metrics: DatabaseMetrics
  let reachability = Reachability()
  /// Whoever lost against others several times tries again alone, else many could keep each other from finishing.
  let retryTurn = DispatchSemaphore(value: 1)
  let line: Line
  private let state = Mutex(State())

  init(
    _ parameters: ConnectionParameters, _ configuration: PostgresDatabase.Configuration, logger: Logger,
    metrics: DatabaseMetrics
  ) {
    self.parameters = parameters
    self.configuration = configuration
    self.logger = logger
    self.metrics = metrics
    let reachability = reachability
    line = Line(limit: configuration.maximumWaiting, timeout: configuration.waitTimeout) {
      reachability.failure ?? DatabaseError(.busy, "no connection is free, and too many calls wait, or too long")
    }
    for _ in 0..<max(0, min(configuration.minimumConnections, configuration.maximumConnections)) { spawn() }
  }

  func submit<T: Sendable>(
    _ cancellation: Cancellation, _ body: @escaping @Sendable (PostgresSession) throws -> T
  ) async throws -> T {
    // Once the server has been away for longer than anybody waits, nobody has to wait to hear it.
    if let failure = reachability.failure(lasting: configuration.waitTimeout) {
      wake()
      throw failure
    }
    return try await line.submit(cancellation, wake: { self.wake() }, body)
  }

  func close() async {
    shutDown()
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if !state.workers.isEmpty { state.closing = continuation }
        return state.workers.isEmpty
      }
      if isOver { continuation.resume() }
    }
  }

  /// Begins to close, without waiting.
  func shutDown() {
    line.close(DatabaseError(.closed, "the database is closed"))
    let workers = state.withLock { state in
      state.isClosed = true
      state.idle = []
      return Array(state.workers.values)
    }
    for worker in workers { worker.signal.signal() }
  }

  // MARK: - What workers ask

  enum Work { case call, end }

  /// Blocks until there is something to do.
  func awaitWork(_ worker: PostgresWorker) -> Work {
    let idleTimeout = DispatchTimeInterval.nanoseconds(Int(clamping: configuration.idleTimeout.nanoseconds))
    while true {
      let work: Work? = state.withLock { state in
        if state.isClosed { return .end }
        if line.count > 0 { return .call }
        state.idle.append(worker)
        record(state)
        return nil
      }
      if let work { return work }
      if worker.signal.wait(timeout: .now() + idleTimeout) == .timedOut, retire(worker) { return .end }
    }
  }

  /// - Returns: whether the worker shall try again.
  func connectFailed(_ error: DatabaseError, _ worker: PostgresWorker) -> Bool {
    let isFirst = reachability.failed(error)
    if isFirst {
      logger.warning("PostgreSQL cannot be reached", metadata: ["error": "\(error)"])
    }
    let pause = UInt64.random(in: 300_000_000...700_000_000)
    return state.withLock { state in
      if state.isClosed { return false }
      state.growsAfter = DispatchTime.now().uptimeNanoseconds &+ pause
      // One goes on trying for all, so that the next caller finds the server back; and so does whoever was made for a
      // call that still waits, since nobody else may come to think of it.
      return line.count > 0 || state.workers.count <= max(1, configuration.minimumConnections)
    }
  }

  var isClosed: Bool { state.withLock { $0.isClosed } }

  func ended(_ worker: PostgresWorker) {
    let closing = state.withLock { state in
      state.workers[ObjectIdentifier(worker)] = nil
      guard state.workers.isEmpty else { return nil as CheckedContinuation<Void, Never>? }
      defer { state.closing = nil }
      return state.closing
    }
    closing?.resume()
    // A call may have come when this one was on its way out.
    if line.count > 0 { wake() }
  }

  /// Sees to it that somebody takes what waits.
  func wake() {
    let idle: PostgresWorker? = state.withLock { state in
      guard !state.isClosed else { return nil }
      defer { record(state) }
      if let worker = state.idle.popLast() { return worker }
      let mayGrow = state.workers.isEmpty || DispatchTime.now().uptimeNanoseconds >= state.growsAfter
      guard state.workers.count < max(1, configuration.maximumConnections), mayGrow else { return nil }
      let worker = PostgresWorker(self)
      state.workers[ObjectIdentifier(worker)] = worker
      worker.start()
      return nil
    }
    idle?.signal.signal()
  }

  private func spawn() {
    state.withLock { state in
      let worker = PostgresWorker(self)
      state.workers[ObjectIdentifier(worker)] = worker
      worker.start()
    }
  }

  private func retire(_ worker: PostgresWorker) -> Bool {
    let isIdle: Bool? = state.withLock { state in
      guard let index = state.idle.firstIndex(where: { $0 === worker }) else { return nil }
      state.idle.remove(at: index)
      return state.workers.count > configuration.minimumConnections
    }
    // Somebody took it from the list just now, and its signal is on the way.
    if isIdle == nil { worker.signal.wait() }
    return isIdle == true
  }

  private func record(_ state: borrowing State) {
    metrics.connections(
      idle: state.idle.count, used: state.workers.count - state.idle.count, waiting: line.count)
  }
}

/// Whether the server could be reached lately.
final class Reachability: Sendable {
  private struct State {
    var connections = 0
    var failure: (error: DatabaseError, since: UInt64)?
  }
  private let state = Mutex(State())

  /// Why no connection stands, if one was tried and none does.
  var failure: DatabaseError? { state.withLock { $0.connections == 0 ? $0.failure?.error : nil } }

  func failure(lasting duration: Duration) -> DatabaseError? {
    let now = DispatchTime.now().uptimeNanoseconds
    return state.withLock { state in
      guard state.connections == 0, let failure = state.failure else { return nil }
      return now &- failure.since > duration.nanoseconds ? failure.error : nil
    }
  }

  func connected() {
    state.withLock { state in
      state.connections += 1
      state.failure = nil
    }
  }

  func disconnected() { state.withLock { $0.connections -= 1 } }

  /// - Returns: whether it is the first failure since a connection stood.
  func failed(_ error: DatabaseError) -> Bool {
    state.withLock { state in
      let since = state.failure?.since ?? DispatchTime.now().uptimeNanoseconds
      let isFirst = state.failure == nil
      // A caller asks for the server, not for how libpq waited for it.
      var error = error
      if error.code == .timeout { error.code = .unavailable }
      state.failure = (error, since)
      return isFirst
    }
  }
}
