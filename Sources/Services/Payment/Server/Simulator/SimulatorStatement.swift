import Foundation
import GravityContracts
import GravityData
import PaymentAPI

/// The simulated provider's books, for whoever holds the service's own against them.
struct SimulatorStatement: Sendable {
  let database: any Database
  let clock: ServiceClock

  func list(_ request: SimulatorChargeSearch) async throws -> Page<SimulatorCharge> {
    let limit = try PageLimit.checked(request.limit)
    let after = try request.cursor.map { try $0.id }
    let charges = try await database.read { [clock] transaction in
      let now = try clock.inTransaction(transaction)
      return try SimulatorBooks(transaction).charges(after: after, payment: request.paymentID, limit: limit + 1)
        .map { $0.settled(at: now) }
    }
    let page = charges.prefix(limit)
    let next = charges.count > limit ? page.last.map { Cursor([$0.id.lowercased]) } : nil
    return Page(items: page.map(\.statement), nextCursor: next)
  }
}
