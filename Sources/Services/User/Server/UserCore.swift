import Foundation
import GravityContracts
import GravityData
import GravityEvents
import Logging

/// What every part of the service is given.
struct UserCore: Sendable {
  let database: any Database
  let configuration: UserConfiguration
  let clock: ServiceClock
  let newID: @Sendable () -> UUID
  let events: Outbox
  let logger: Logger

  func now(_ transaction: any Transaction) throws -> Date { try clock.inTransaction(transaction).roundedToMicroseconds }

  /// Runs `body` with the time of its transaction.
  func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction, Date) throws -> T) async throws -> T {
    try await database.write { try body($0, now($0)) }
  }

  /// Runs `body` while nobody else changes anything of that user: who come together queue up instead of failing.
  func write<T: Sendable>(
    of user: UUID, _ body: @escaping @Sendable (any Transaction, Date) throws -> T
  ) async throws -> T {
    try await database.write { transaction in
      try transaction.lock(UserRow.lockName(user))
      return try body(transaction, now(transaction))
    }
  }

  func read<T: Sendable>(_ body: @escaping @Sendable (any Transaction, Date) throws -> T) async throws -> T {
    try await database.read { try body($0, now($0)) }
  }
}
