import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravitySaga
import Logging
import OrderAPI

/// What every part of the service is given.
struct OrderCore: Sendable {
  let database: any Database
  let configuration: OrderConfiguration
  let catalogue: any Catalogue
  let sagas: SagaStore
  let newID: @Sendable () -> UUID
  let events: Outbox
  let logger: Logger

  static func lockName(_ order: UUID) -> String { "order \(order.lowercased)" }

  /// What sagas write of an order is ordered with what people do to it, and with nothing else: no rule looks at two.
  static let order: @Sendable (SagaReference) -> String = { "order \($0.subject)" }

  /// An order that is there, while nobody else changes it.
  func locked(_ id: UUID, _ transaction: any Transaction) throws -> OrderRow {
    try transaction.lock(Self.lockName(id))
    guard let row = try OrderStore(transaction).find(id) else { throw Problem.notFound("order") }
    return row
  }

  func record(_ type: EventType<OrderEvent>, _ row: OrderRow, in transaction: any Transaction) throws {
    try events.append(
      type, subject: row.id.lowercased, OrderEvent(orderID: row.id, userID: row.userID), in: transaction)
  }
}
