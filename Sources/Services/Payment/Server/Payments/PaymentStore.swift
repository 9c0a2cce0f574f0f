import Foundation
import GravityContracts
import GravityData
import PaymentAPI

/// The tables `payments` and `payment_tombstones`; knows no other.
struct PaymentStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    id, order_id, customer_id, amount, currency, capture_method, payment_method, provider, stage, attempt_id, attempts,
    authorization_key, provider_reference, hold_id, authorized, captured, released, refunded, refunding, expires_at,
    cancel_requested, cancellation_reason, action_type, action_url, error_code, decline_code, error_message, metadata,
    fingerprint, version, created_at, updated_at
    """

  func find(_ id: UUID) throws -> PaymentRow? {
    try transaction.first("SELECT \(Self.columns) FROM payments WHERE id = \(id)")
  }

  /// - Returns: false when there is one of that id.
  func insertIfAbsent(_ row: PaymentRow) throws -> Bool {
    try transaction.execute(
      """
      INSERT INTO payments (\(Self.columns))
      VALUES (\(row.id), \(row.orderID), \(row.customerID), \(row.amount), \(row.currency.code), \(row.captureMethod),
        \(row.paymentMethod), \(row.provider), \(row.stage), \(row.attemptID), \(row.attempts),
        \(row.authorizationKey), \(row.reference), \(row.holdID), \(row.authorized), \(row.captured), \(row.released),
        \(row.refunded), \(row.refunding), \(row.expiresAt), \(row.isCancelRequested), \(row.cancellationReason),
        \(row.action?.type), \(row.action?.url), \(row.failure?.code), \(row.failure?.declineCode),
        \(row.failure?.message), \(try SQLJSON(row.metadata)), \(row.fingerprint), \(row.version), \(row.createdAt),
        \(row.updatedAt))
      ON CONFLICT (id) DO NOTHING
      """) == 1
  }

  /// Writes what may change; the version is the caller's to count.
  func update(_ row: PaymentRow) throws {
    try transaction.execute(
      """
      UPDATE payments SET payment_method = \(row.paymentMethod), stage = \(row.stage), attempt_id = \(row.attemptID),
        attempts = \(row.attempts), authorization_key = \(row.authorizationKey),
        provider_reference = \(row.reference), hold_id = \(row.holdID), authorized = \(row.authorized),
        captured = \(row.captured), released = \(row.released), refunded = \(row.refunded),
        refunding = \(row.refunding), expires_at = \(row.expiresAt), cancel_requested = \(row.isCancelRequested),
        cancellation_reason = \(row.cancellationReason), action_type = \(row.action?.type),
        action_url = \(row.action?.url), error_code = \(row.failure?.code),
        decline_code = \(row.failure?.declineCode), error_message = \(row.failure?.message),
        version = \(row.version), updated_at = \(row.updatedAt)
      WHERE id = \(row.id)
      """)
  }

  /// The newest first, by their ids.
  func list(before: UUID?, order: UUID?, customer: UUID?, limit: Int) throws -> [PaymentRow] {
    var filter: SQL = "WHERE TRUE"
    if let before { filter = filter + " AND id < \(before)" }
    if let order { filter = filter + " AND order_id = \(order)" }
    if let customer { filter = filter + " AND customer_id = \(customer)" }
    return try transaction.all("SELECT \(Self.columns) FROM payments \(filter) ORDER BY id DESC LIMIT \(limit)")
  }

  /// Payments whose authorization the provider is about to give up, most overdue first.
  func expired(at time: Date, limit: Int) throws -> [PaymentRow] {
    try transaction.all(
      """
      SELECT \(Self.columns) FROM payments
      WHERE expires_at IS NOT NULL AND expires_at <= \(time) AND stage IN ('authorized', 'partly_captured')
      ORDER BY expires_at LIMIT \(limit)
      """)
  }

  /// What the payments themselves say has moved, by currency.
  func totals() throws -> [PaymentTotals] {
    try transaction.all(
      """
      SELECT currency, CAST(sum(authorized - captured - released) AS bigint) AS held,
        CAST(sum(captured) AS bigint) AS captured, CAST(sum(refunded) AS bigint) AS refunded,
        CAST(sum(refunding) AS bigint) AS refunding
      FROM payments GROUP BY currency
      """)
  }

  // MARK: Tombstones

  func isBarred(_ id: UUID) throws -> Bool {
    try !transaction.rows("SELECT 1 FROM payment_tombstones WHERE id = \(id)").isEmpty
  }

  func bar(_ id: UUID, at time: Date) throws {
    try transaction.execute(
      "INSERT INTO payment_tombstones (id, created_at) VALUES (\(id), \(time)) ON CONFLICT (id) DO NOTHING")
  }
}

struct PaymentTotals: SQLRecord {
  var currency: String
  var held: Int64
  var captured: Int64
  var refunded: Int64
  var refunding: Int64

  init(_ row: SQLRow) throws {
    currency = try row.get("currency")
    held = try row.get("held")
    captured = try row.get("captured")
    refunded = try row.get("refunded")
    refunding = try row.get("refunding")
  }
}
