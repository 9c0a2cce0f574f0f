import Foundation
import GravityData
import InventoryAPI

/// The table `locations`.
struct LocationStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = "code, name, priority, version, created_at, updated_at"

  func find(_ code: String) throws -> StockLocation? {
    try transaction.rows("SELECT \(Self.columns) FROM locations WHERE code = \(code)").first.map(Self.location)
  }

  func list(after: String?, limit: Int) throws -> [StockLocation] {
    let after: SQL = after.map { "WHERE code > \($0)" } ?? ""
    return try transaction.rows("SELECT \(Self.columns) FROM locations \(after) ORDER BY code LIMIT \(limit)")
      .map(Self.location)
  }

  func count() throws -> Int { try transaction.scalar("SELECT count(*) FROM locations") ?? 0 }

  func insert(_ location: StockLocation) throws {
    try transaction.execute(
      """
      INSERT INTO locations (\(Self.columns))
      VALUES (\(location.code), \(location.name), \(location.priority), \(location.version), \(location.createdAt),
        \(location.updatedAt))
      """)
  }

  func update(_ location: StockLocation) throws {
    try transaction.execute(
      """
      UPDATE locations SET name = \(location.name), priority = \(location.priority), version = \(location.version),
        updated_at = \(location.updatedAt)
      WHERE code = \(location.code)
      """)
  }

  /// Whether anything was ever there.
  func isUsed(_ code: String) throws -> Bool {
    try !transaction.rows("SELECT 1 FROM levels WHERE location = \(code) LIMIT 1").isEmpty
  }

  func delete(_ code: String) throws { try transaction.execute("DELETE FROM locations WHERE code = \(code)") }

  private static func location(_ row: SQLRow) throws -> StockLocation {
    StockLocation(
      code: try row.get("code"), name: try row.get("name"), priority: try row.get("priority"),
      version: try row.get("version"), createdAt: try row.get("created_at"), updatedAt: try row.get("updated_at"))
  }
}
