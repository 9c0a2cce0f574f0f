import Dispatch
import Foundation
import GravityData

/// A thread and its connection. `Sendable`, since what is its thread's own never leaves ``run()``.
final class PostgresWorker: Sendable {
  let signal = DispatchSemaphore(value: 0)
  private let pool: PostgresPool

  init(_ pool: PostgresPool) { self.pool = pool }

  func start() {
    let thread = Thread { self.run() }
    thread.name = "postgres"
    thread.start()
  }

  private func run() {
    defer { pool.ended(self) }
    var backoff = Backoff(first: .milliseconds(20), greatest: .seconds(2))
    while !pool.isClosed {
      let connection: PostgresConnection
      do {
        connection = try PostgresConnection(pool.parameters, pool.configuration)
      } catch {
        guard pool.connectFailed(error, self) else { return }
        // Ends early when the pool closes.
        _ = signal.wait(timeout: .now() + .nanoseconds(Int(backoff.next().nanoseconds)))
        continue
      }
      backoff.succeeded()
      pool.reachability.connected()
      defer { pool.reachability.disconnected() }
      guard serve(connection) else { return }
    }
  }

  /// - Returns: false when the worker is not needed any more; true when it needs another connection.
  private func serve(_ connection: PostgresConnection) -> Bool {
    while pool.awaitWork(self) == .call {
      // Before the call is taken, so that it waits for another connection when the server was started again.
      guard connection.isAlive() else { return true }
      for call in pool.line.take(atMost: 1) {
        let session = PostgresSession(connection, pool)
        let answer = call.run(session)
        if pool.line.putBack(call, atMost: session.runsAgain) {
          pool.wake()
        } else {
          answer(nil)
        }
        session.finish()
      }
      if connection.isBroken { return true }
    }
    return false
  }
}
