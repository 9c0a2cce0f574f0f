import Foundation
import GravityContracts
import GravityData
import GravityEvents
import Logging

/// What every part of the service is given.
struct InventoryCore: Sendable {
  let database: any Database
  let configuration: InventoryConfiguration
  let clock: ServiceClock
  let newID: @Sendable () -> UUID
  let events: Outbox
  let logger: Logger

  func now(_ transaction: any Transaction) throws -> Date { try clock.inTransaction(transaction).roundedToMicroseconds }
}
