import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityTasks
import Logging
import PaymentAPI

/// What every part of the service is given.
struct PaymentCore: Sendable {
  let database: any Database
  let provider: any PaymentProvider
  let configuration: PaymentConfiguration
  let clock: ServiceClock
  let newID: @Sendable () -> UUID
  let events: Outbox
  let tasks = TaskQueue()
  let logger: Logger

  func now(_ transaction: any Transaction) throws -> Date { try clock.inTransaction(transaction).roundedToMicroseconds }

  func read<T: Sendable>(_ body: @escaping @Sendable (any Transaction, Date) throws -> T) async throws -> T {
    try await database.read { try body($0, now($0)) }
  }

  /// Runs `body` while nobody else changes anything of that payment: who come together queue up instead of failing.
  ///
  /// Payments are ordered each by itself: all that is written of one, its attempts, refunds, transfers, events and
  /// tombstone, is written under its lock, and no rule looks at two.
  func write<T: Sendable>(
    of payment: UUID, _ body: @escaping @Sendable (any Transaction, Date) throws -> T
  ) async throws -> T {
    try await database.write { transaction in
      try transaction.order(by: PaymentRow.lockName(payment))
      return try body(transaction, now(transaction))
    }
  }

  /// The same, at most once under a client's key.
  func write<T: Codable & Sendable>(
    of payment: UUID, once key: IdempotencyKey?,
    _ body: @escaping @Sendable (any Transaction, Date) throws -> T
  ) async throws -> Once<T> {
    try await database.write(once: key, orderedBy: PaymentRow.lockName(payment)) { transaction in
      try body(transaction, now(transaction))
    }
  }

  /// Keeps the next question to the provider; it is asked after the commit.
  func begin(
    _ operation: AttemptOperation, of payment: inout PaymentRow, amount: Int64, refund: UUID? = nil,
    isFinalCapture: Bool = false, after delay: TimeInterval = 0, _ transaction: any Transaction, _ now: Date
  ) throws -> AttemptRow {
    let attempt = next(
      operation, of: &payment, amount: amount, refund: refund, isFinalCapture: isFinalCapture, after: delay, now)
    try AttemptStore(transaction).insert(attempt)
    return attempt
  }

  /// The same, not kept yet.
  func next(
    _ operation: AttemptOperation, of payment: inout PaymentRow, amount: Int64, refund: UUID? = nil,
    isFinalCapture: Bool = false, after delay: TimeInterval = 0, _ now: Date
  ) -> AttemptRow {
    let attempt = AttemptRow(
      operation, of: &payment, amount: amount, id: newID(), refund: refund, isFinalCapture: isFinalCapture, at: now,
      dueAt: now.addingTimeInterval(delay > 0 ? delay : configuration.answerTimeout))
    if operation == .authorize { payment.authorizationKey = attempt.key }
    return attempt
  }

  /// Writes `payment` as its next version.
  func save(_ payment: inout PaymentRow, _ transaction: any Transaction, _ now: Date) throws {
    payment.version += 1
    payment.updatedAt = now
    try PaymentStore(transaction).update(payment)
  }

  func postings(_ transaction: any Transaction, _ now: Date) -> Postings {
    Postings(transaction: transaction, newID: newID, now: now)
  }
}
