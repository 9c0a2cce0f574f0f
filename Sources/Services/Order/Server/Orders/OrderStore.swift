import Foundation
import GravityContracts
import GravityData
import OrderAPI

/// The tables `orders` and `order_history`; knows no others.
struct OrderStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    id, number, user_id, status, payment_status, fulfillment_status, cancel_reason, details, payment_id, next_action,
    cancellation_id, version, placed_at, updated_at
    """

  func find(_ id: UUID) throws -> OrderRow? { try transaction.first(Self.selection(of: id)) }

  /// By itself, the cheapest way to read one.
  static func find(_ id: UUID, in database: any Database) async throws -> OrderRow? {
    try await database.first(selection(of: id))
  }

  private static func selection(of id: UUID) -> SQL { "SELECT \(columns) FROM orders WHERE id = \(id)" }

  func find(payment: UUID) throws -> OrderRow? {
    try transaction.first("SELECT \(Self.columns) FROM orders WHERE payment_id = \(payment)")
  }

  /// Newest first.
  func list(user: UUID?, number: String?, status: OrderStatus?, before: UUID?, limit: Int) throws -> [OrderRow] {
    var filter: SQL = "WHERE 1 = 1 "
    if let user { filter = filter + "AND user_id = \(user) " }
    if let number { filter = filter + "AND number = \(number) " }
    if let status { filter = filter + "AND status = \(status.rawValue) " }
    if let before { filter = filter + "AND id < \(before) " }
    return try transaction.all(
      "SELECT \(Self.columns) FROM orders \(filter) ORDER BY id DESC LIMIT \(limit)")
  }

  /// Oldest first; ids are made of the time.
  func placed(from: Date?, to: Date?, limit: Int) throws -> [OrderRow] {
    var filter: SQL = "WHERE 1 = 1 "
    if let from { filter = filter + "AND placed_at >= \(from) " }
    if let to { filter = filter + "AND placed_at < \(to) " }
    return try transaction.all("SELECT \(Self.columns) FROM orders \(filter) ORDER BY id LIMIT \(limit)")
  }

  /// - Returns: false when there is one of that number; then nothing is written.
  /// - Parameter total: of its details.
  func insert(_ row: OrderRow, total: Money, reason: String) throws -> Bool {
    let inserted = try transaction.execute(
      """
      INSERT INTO orders (id, number, user_id, status, payment_status, fulfillment_status, cancel_reason, currency,
        total, details, payment_id, next_action, cancellation_id, version, placed_at, updated_at)
      VALUES (\(row.id), \(row.number), \(row.userID), \(row.status.rawValue), \(row.paymentStatus.rawValue),
        \(row.fulfillmentStatus.rawValue), \(row.cancelReason), \(total.currency.code), \(total.amount),
        \(row.detailsText), \(row.paymentID), \(row.nextAction), \(row.cancellationID),
        \(row.version), \(row.placedAt), \(row.updatedAt))
      ON CONFLICT (number) DO NOTHING
      """)
    guard inserted == 1 else { return false }
    try note(row, reason: reason, note: nil)
    return true
  }

  /// Writes what may change under the next version, and takes it down in the history.
  func update(_ old: OrderRow, at time: Date, reason: String, note text: String? = nil) throws -> OrderRow {
    var row = old
    row.version += 1
    row.updatedAt = time
    try transaction.execute(
      """
      UPDATE orders SET status = \(row.status.rawValue), payment_status = \(row.paymentStatus.rawValue),
        fulfillment_status = \(row.fulfillmentStatus.rawValue), cancel_reason = \(row.cancelReason),
        next_action = \(row.nextAction), cancellation_id = \(row.cancellationID), version = \(row.version),
        updated_at = \(time)
      WHERE id = \(row.id)
      """)
    try note(row, reason: reason, note: text)
    return row
  }

  private func note(_ row: OrderRow, reason: String, note: String?) throws {
    try transaction.execute(
      """
      INSERT INTO order_history (order_id, version, status, payment_status, fulfillment_status, reason, note, at)
      VALUES (\(row.id), \(row.version), \(row.status.rawValue), \(row.paymentStatus.rawValue),
        \(row.fulfillmentStatus.rawValue), \(reason), \(note), \(row.updatedAt))
      """)
  }

  func history(_ id: UUID) throws -> [OrderHistory.Entry] {
    try transaction.rows(
      """
      SELECT status, payment_status, fulfillment_status, reason, note, at FROM order_history WHERE order_id = \(id)
      ORDER BY version
      """
    ).map { row in
      let (status, payment, fulfillment): (String, String, String) = (
        try row.get("status"), try row.get("payment_status"), try row.get("fulfillment_status")
      )
      guard let status = OrderStatus(rawValue: status), let payment = OrderPaymentStatus(rawValue: payment),
        let fulfillment = FulfillmentStatus(rawValue: fulfillment)
      else { throw UnreadableRow(table: "order_history", column: "status", value: status) }
      return OrderHistory.Entry(
        at: try row.get("at"), status: status, paymentStatus: payment, fulfillmentStatus: fulfillment,
        reason: try row.get("reason"), note: try row.get("note"))
    }
  }
}
