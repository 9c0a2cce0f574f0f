import Dispatch
import Foundation
import GravityData
import Logging

/// What a call does on the connection that its turn gave it.
final class PostgresSession {
  private let connection: PostgresConnection
  private let pool: PostgresPool
  /// How often the call may wait for another connection, because this one broke and surely nothing took effect.
  private(set) var runsAgain = 0
  private var unfinished: PostgresTransaction?

  init(_ connection: PostgresConnection, _ pool: PostgresPool) {
    self.connection = connection
    self.pool = pool
  }

  func rows(_ sql: SQL, _ cancellation: Cancellation) throws -> [SQLRow] {
    let (text, values) = sql.rendered(in: .postgresql)
    do {
      return try connection.cancellable(by: cancellation) { try connection.run(text, values).rows() }
    } catch let error as DatabaseError {
      noteLoss(error)
      throw error
    }
  }

  func read<T>(_ cancellation: Cancellation, _ body: (PostgresTransaction) throws -> T) throws -> T {
    var locks: [String] = []
    for _ in 0..<Self.attempts {
      let transaction = try PostgresTransaction(connection, opening: .beginRead, locks: locks)
      do {
        let result = try connection.cancellable(by: cancellation) {
          let result = try body(transaction)
          if let failure = transaction.failure { throw failure }
          return result
        }
        // The caller need not wait for the end of a transaction that has changed nothing.
        unfinished = transaction
        return result
      } catch {
        transaction.rollback()
        if let name = transaction.missingLock {
          locks.append(name)
        } else {
          noteLoss(transaction.failure ?? error as? DatabaseError)
          guard transaction.failure?.code == .serialization, !connection.isBroken else { throw error }
        }
      }
    }
    throw DatabaseError(.serialization, "the transaction asked for more and more locks")
  }

  /// Runs `body` until it could be put in an order with all others, within bounds.
  func write<T>(_ body: (PostgresTransaction) throws -> T) throws -> T {
    var locks: [String] = []
    var backoff = Backoff(first: .milliseconds(1), greatest: .milliseconds(100))
    let end = DispatchTime.now().uptimeNanoseconds &+ pool.configuration.retryTimeout.nanoseconds
    var attempt = 0
    while true {
      let hasTurn = attempt >= 3 && pool.retryTurn.wait(timeout: .now() + .seconds(1)) == .success
      let outcome = attemptWrite(body, locks)
      if hasTurn { pool.retryTurn.signal() }
      attempt += 1
      switch outcome {
      case .done(let result): return result
      case .failed(let error): throw error
      case .wantsLock(let name): locks.append(name)
      case .conflicted(let error):
        guard attempt < Self.attempts, DispatchTime.now().uptimeNanoseconds < end else { throw error }
        pool.metrics.retried()
        Thread.sleep(forTimeInterval: backoff.next() / .seconds(1))
      }
      guard locks.count < Self.attempts else {
        throw DatabaseError(.serialization, "the transaction asked for more and more locks")
      }
    }
  }

  /// What the caller did not have to wait for.
  func finish() {
    guard let transaction = unfinished else { return }
    unfinished = nil
    if connection.isBroken { return }
    do { try transaction.commit() } catch { connection.abandon() }
  }

  private enum Attempt<T> {
    case done(T)
    case failed(any Error)
    case conflicted(DatabaseError)
    case wantsLock(String)
  }

  private func attemptWrite<T>(_ body: (PostgresTransaction) throws -> T, _ locks: [String]) -> Attempt<T> {
    var transaction: PostgresTransaction?
    do {
      let opened = try PostgresTransaction(connection, opening: .beginWrite, locks: locks)
      transaction = opened
      let result = try body(opened)
      if let failure = opened.failure { throw failure }
      do {
        try opened.commit()
      } catch {
        if error.code == .serialization { return .conflicted(error) }
        noteLoss(error)
        return .failed(error)
      }
      if let error = opened.lostNotifications {
        // Whoever listens looks by itself, if later.
        pool.logger.error("a commit's notifications were not taken", metadata: ["error": "\(error)"])
      }
      return .done(result)
    } catch {
      transaction?.rollback()
      if let name = transaction?.missingLock { return .wantsLock(name) }
      let failure = transaction?.failure ?? (transaction == nil ? error as? DatabaseError : nil)
      noteLoss(failure)
      // On a broken connection the call waits for another; see `runsAgain`.
      if let failure, failure.code == .serialization, !connection.isBroken { return .conflicted(failure) }
      return .failed(error)
    }
  }

  /// Before COMMIT was sent a broken connection means that nothing happened. A server that did not answer in time is
  /// another matter: the caller has waited long enough.
  private func noteLoss(_ error: DatabaseError?) {
    guard let error, connection.isBroken else { return }
    if error.wantsPreparingAgain {
      // Every connection of the pool may have an old plan for the same statement.
      runsAgain = pool.configuration.maximumConnections + 1
    } else if error.code == .unavailable {
      // Once: a statement that brings the server down must not do so again and again.
      runsAgain = 1
    }
  }

  private static let attempts = 32
}
