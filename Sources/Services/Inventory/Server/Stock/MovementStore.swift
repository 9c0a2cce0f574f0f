import Foundation
import GravityContracts
import GravityData
import InventoryAPI

/// The table `movements`: only inserted into, never changed.
struct MovementStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL =
    "sku, location, number, reason, delta, reserved_delta, allocated_delta, reference, created_at"

  func insert(_ movements: [StockMovement]) throws {
    try transaction.insert(
      "INSERT INTO movements (\(Self.columns))",
      movements.map { movement in
        """
        (\(movement.sku), \(movement.location), \(movement.number), \(movement.reason.rawValue), \(movement.delta),
          \(movement.reservedDelta), \(movement.allocatedDelta), \(movement.reference), \(movement.createdAt))
        """
      })
  }

  /// Latest first.
  func list(of sku: String, before: StockMovementPlace?, limit: Int) throws -> [StockMovement] {
    let before: SQL =
      before.map { "AND (created_at, location, number) < (\($0.createdAt), \($0.location), \($0.number))" } ?? ""
    return try transaction.rows(
      """
      SELECT \(Self.columns) FROM movements WHERE sku = \(sku) \(before)
      ORDER BY created_at DESC, location DESC, number DESC LIMIT \(limit)
      """
    ).map { row in
      StockMovement(
        sku: try row.get("sku"), location: try row.get("location"), number: try row.get("number"),
        reason: try row.get("reason"), delta: try row.get("delta"), reservedDelta: try row.get("reserved_delta"),
        allocatedDelta: try row.get("allocated_delta"), reference: try row.get("reference"),
        createdAt: try row.get("created_at"))
    }
  }
}

/// A place in the list of an item's movements.
struct StockMovementPlace: Sendable {
  let createdAt: Date
  let location: String
  let number: Int64
}
