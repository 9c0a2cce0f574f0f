import Foundation
import GravityContracts
import GravityData
import OrderAPI

struct CartRow: SQLRecord, Sendable, Hashable {
  var id: UUID
  var userID: UUID?
  var status: CartStatus
  var currency: Currency
  var lines: [RequestedLine]
  var shippingAddress: OrderAddress?
  var orderID: UUID?
  var version: Int64
  var createdAt: Date
  var expiresAt: Date

  init(id: UUID, userID: UUID?, currency: Currency, createdAt: Date, expiresAt: Date) {
    self.id = id
    self.userID = userID
    status = .open
    self.currency = currency
    lines = []
    version = 1
    self.createdAt = createdAt
    self.expiresAt = expiresAt
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    userID = try row.get("user_id")
    let (status, currency): (String, String) = (try row.get("status"), try row.get("currency"))
    guard let status = CartStatus(rawValue: status), let currency = Currency(currency) else {
      throw UnreadableRow(table: "carts", column: "status", value: status)
    }
    self.status = status
    self.currency = currency
    lines = try StoredJSON.decode(row.get("lines"))
    let address: String? = try row.get("shipping_address")
    shippingAddress = try address.map { try StoredJSON.decode($0) }
    orderID = try row.get("order_id")
    version = try row.get("version")
    createdAt = try row.get("created_at")
    expiresAt = try row.get("expires_at")
  }
}

/// The table `carts`; knows no other.
struct CartStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL =
    "id, user_id, status, currency, lines, shipping_address, order_id, version, created_at, expires_at"

  /// A cart that is not expired, whether or not it was swept.
  func find(_ id: UUID) throws -> CartRow? {
    try transaction.first(
      "SELECT \(Self.columns) FROM carts WHERE id = \(id) AND expires_at > \(try transaction.now)")
  }

  /// The newest one that somebody goes on with.
  func open(of user: UUID, but id: UUID) throws -> CartRow? {
    try transaction.first(
      """
      SELECT \(Self.columns) FROM carts WHERE user_id = \(user) AND id <> \(id)
        AND status = \(CartStatus.open.rawValue) AND expires_at > \(try transaction.now)
      ORDER BY id DESC LIMIT 1
      """)
  }

  func insert(_ row: CartRow) throws {
    try transaction.execute(
      """
      INSERT INTO carts (\(Self.columns))
      VALUES (\(row.id), \(row.userID), \(row.status.rawValue), \(row.currency.code),
        \(try StoredJSON.encode(row.lines)), \(try row.shippingAddress.map { try StoredJSON.encode($0) }),
        \(row.orderID), \(row.version), \(row.createdAt), \(row.expiresAt))
      """)
  }

  func update(_ row: CartRow) throws {
    try transaction.execute(
      """
      UPDATE carts SET user_id = \(row.userID), status = \(row.status.rawValue),
        lines = \(try StoredJSON.encode(row.lines)),
        shipping_address = \(try row.shippingAddress.map { try StoredJSON.encode($0) }),
        order_id = \(row.orderID), version = \(row.version), expires_at = \(row.expiresAt)
      WHERE id = \(row.id)
      """)
  }

  func delete(_ id: UUID) throws { try transaction.execute("DELETE FROM carts WHERE id = \(id)") }

  /// - Returns: how many.
  func deleteExpired(limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM carts WHERE id IN (
        SELECT id FROM carts WHERE expires_at <= \(try transaction.now) ORDER BY expires_at LIMIT \(limit))
      """)
  }
}
