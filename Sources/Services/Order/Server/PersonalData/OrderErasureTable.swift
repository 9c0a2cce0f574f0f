import Foundation
import GravityContracts
import GravityData
import OrderAPI

/// `orders`, `order_history` and `carts` as an erasure sees them.
struct OrderErasureTable {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// An order whose address is still needed: not decided yet, or confirmed and perhaps not delivered.
  private static func isOpen(since: Date) -> SQL {
    "(status = 'pending' OR (status = 'confirmed' AND placed_at > \(since)))"
  }

  /// - Returns: those that are under way, and all.
  func counts(of user: UUID, since: Date) throws -> (open: Int64, all: Int64) {
    let open: Int64? = try transaction.scalar(
      "SELECT count(*) FROM orders WHERE user_id = \(user) AND erased_at IS NULL AND \(Self.isOpen(since: since))")
    let all: Int64? = try transaction.scalar("SELECT count(*) FROM orders WHERE user_id = \(user)")
    return (open ?? 0, all ?? 0)
  }

  func count(settledOf user: UUID, since: Date) throws -> Int64 {
    try transaction.scalar(
      "SELECT count(*) FROM orders WHERE user_id = \(user) AND erased_at IS NULL AND NOT \(Self.isOpen(since: since))")
      ?? 0
  }

  /// The oldest of those that are settled and not pseudonymised.
  func settled(of user: UUID, since: Date, limit: Int) throws -> [UUID] {
    try transaction.rows(
      """
      SELECT id FROM orders WHERE user_id = \(user) AND erased_at IS NULL AND NOT \(Self.isOpen(since: since))
      ORDER BY id LIMIT \(limit)
      """
    ).map { try $0.get("id") }
  }

  func pseudonymise(_ id: UUID, details: String, at time: Date) throws {
    try transaction.execute("UPDATE orders SET details = \(details), erased_at = \(time) WHERE id = \(id)")
    try transaction.execute("UPDATE order_history SET note = NULL WHERE order_id = \(id) AND note IS NOT NULL")
  }

  func carts(of user: UUID) throws -> Int64 {
    try transaction.scalar("SELECT count(*) FROM carts WHERE user_id = \(user)") ?? 0
  }

  func deleteCarts(of user: UUID) throws -> Int64 {
    Int64(try transaction.execute("DELETE FROM carts WHERE user_id = \(user)"))
  }

  func orders(of user: UUID, after: UUID?, limit: Int) throws -> [OrderRow] {
    let after: SQL = after.map { "AND id > \($0)" } ?? ""
    return try transaction.rows(
      "SELECT id FROM orders WHERE user_id = \(user) \(after) ORDER BY id LIMIT \(limit)"
    ).compactMap { try OrderStore(transaction).find(try $0.get("id")) }
  }

  func carts(of user: UUID, after: UUID?, limit: Int) throws -> [CartRow] {
    let after: SQL = after.map { "AND id > \($0)" } ?? ""
    return try transaction.rows(
      "SELECT id FROM carts WHERE user_id = \(user) \(after) ORDER BY id LIMIT \(limit)"
    ).compactMap { try CartStore(transaction).find(try $0.get("id")) }
  }
}
