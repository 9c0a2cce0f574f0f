import Foundation
import GravityContracts
import GravityData
import GravityEvents
import Logging

/// What every part of the service is given.
struct ProductCore: Sendable {
  let database: any Database
  let clock: ServiceClock
  let newID: @Sendable () -> UUID
  let events: Outbox
  let logger: Logger

  func now(_ transaction: any Transaction) throws -> Date { try clock.inTransaction(transaction).roundedToMicroseconds }

  /// Runs `body` with the time of its transaction.
  ///
  /// What must be unique is looked up before it is written, so a violation means that somebody was between the two:
  /// the next look finds it and says what it is.
  func write<Value: Codable & Sendable>(
    once key: IdempotencyKey? = nil, lock name: String? = nil,
    _ body: @escaping @Sendable (any Transaction, Date) throws -> Value
  ) async throws -> Once<Value> {
    var attempt = 1
    while true {
      do {
        return try await database.write(once: key) { transaction in
          if let name { try transaction.lock(name) }
          return try body(transaction, now(transaction))
        }
      } catch let error as DatabaseError where error.code == .uniqueViolation && attempt < 3 {
        attempt += 1
      }
    }
  }

  func read<Value: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> Value) async throws -> Value {
    try await database.read(body)
  }
}

/// What `If-Match` asks of a resource as it is.
struct Precondition: Sendable {
  let require: @Sendable (EntityTag) throws -> Void
}
