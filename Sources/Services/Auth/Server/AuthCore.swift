import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityIdentity
import Logging

/// What every part of the service is given.
struct AuthCore: Sendable {
  let database: any Database
  let configuration: AuthConfiguration
  let providers: FederatedProviders
  let passkeys: PasskeySupport
  let masterKey: MasterKey
  let clock: ServiceClock
  let newID: @Sendable () -> UUID
  let randomBytes: @Sendable (Int) -> [UInt8]
  let events: Outbox
  let logger: Logger

  /// The moment by which rows expire.
  func now(_ transaction: any Transaction) throws -> Date { try clock.inTransaction(transaction).roundedToMicroseconds }

  /// Runs `body` with the time of its transaction.
  func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction, Date) throws -> T) async throws -> T {
    try await database.write { try body($0, now($0)) }
  }

  func read<T: Sendable>(_ body: @escaping @Sendable (any Transaction, Date) throws -> T) async throws -> T {
    try await database.read { try body($0, now($0)) }
  }
}
