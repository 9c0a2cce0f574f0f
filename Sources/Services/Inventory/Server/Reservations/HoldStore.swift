import Foundation
import GravityData
import InventoryAPI

/// The table `holds`: what active reservations hold.
struct HoldStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  func insert(of rows: [ReservationRow]) throws {
    try transaction.insert(
      "INSERT INTO holds (reservation_id, sku, location, quantity, expires_at)",
      rows.flatMap { row in
        row.lines.flatMap { line in
          line.sources.map { "(\(row.id), \(line.sku), \($0.location), \($0.quantity), \(row.expiresAt))" as SQL }
        }
      })
  }

  func delete(of ids: [UUID]) throws {
    guard !ids.isEmpty else { return }
    try transaction.execute("DELETE FROM holds WHERE reservation_id IN \(list: ids.padded)")
  }

  func extend(_ id: UUID, until time: Date) throws {
    try transaction.execute("UPDATE holds SET expires_at = \(time) WHERE reservation_id = \(id)")
  }

  /// What is held of a SKU by reservations whose time is over.
  func due(of sku: String, at time: Date) throws -> Int64 {
    try transaction.scalar(
      """
      SELECT CAST(coalesce(sum(quantity), 0) AS bigint) FROM holds WHERE sku = \(sku) AND expires_at <= \(time)
      """) ?? 0
  }

  struct Due: SQLRecord {
    let reservation: UUID
    let expiresAt: Date
    init(_ row: SQLRow) throws {
      reservation = try row.get("reservation_id")
      expiresAt = try row.get("expires_at")
    }
  }

  /// Reservations that hold some of a SKU and whose time is over, the oldest first.
  func due(of sku: String, at time: Date, after last: Due?, limit: Int) throws -> [Due] {
    let after: SQL =
      last.map { "AND (expires_at, reservation_id) > (\($0.expiresAt), \($0.reservation))" } ?? ""
    return try transaction.all(
      """
      SELECT DISTINCT expires_at, reservation_id FROM holds WHERE sku = \(sku) AND expires_at <= \(time) \(after)
      ORDER BY expires_at, reservation_id LIMIT \(limit)
      """)
  }
}
