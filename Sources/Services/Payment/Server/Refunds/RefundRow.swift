import Foundation
import GravityContracts
import GravityData
import PaymentAPI

struct RefundRow: SQLRecord, Hashable {
  var id: UUID
  var paymentID: UUID
  var amount: Int64
  var currency: Currency
  var status: RefundStatus
  var reason: String?
  var failureCode: String?
  /// The ledger's pending transfer of it.
  var holdID: UUID
  /// Of what was asked for.
  var fingerprint: [UInt8]
  var version: Int64
  var createdAt: Date
  var updatedAt: Date

  init(
    id: UUID, of payment: PaymentRow, amount: Int64, reason: String?, holdID: UUID, fingerprint: [UInt8], at time: Date
  ) {
    self.id = id
    paymentID = payment.id
    self.amount = amount
    currency = payment.currency
    status = .pending
    self.reason = reason
    self.holdID = holdID
    self.fingerprint = fingerprint
    version = 1
    createdAt = time
    updatedAt = time
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    paymentID = try row.get("payment_id")
    amount = try row.get("amount")
    currency = try row.currency()
    status = try row.get("status")
    reason = try row.get("reason")
    failureCode = try row.get("failure_code")
    holdID = try row.get("hold_id")
    fingerprint = try row.get("fingerprint")
    version = try row.get("version")
    createdAt = try row.get("created_at")
    updatedAt = try row.get("updated_at")
  }

  mutating func finish(_ status: RefundStatus, failure: String? = nil, at time: Date) {
    self.status = status
    failureCode = failure
    version += 1
    updatedAt = time
  }

  var refund: Refund {
    Refund(
      id: id, paymentID: paymentID, amount: Money(amount, currency)!, status: status, reason: reason,
      failureCode: failureCode, version: version, createdAt: createdAt, updatedAt: updatedAt)
  }
}

/// The table `refunds`; knows no other.
struct RefundStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    id, payment_id, amount, currency, status, reason, failure_code, hold_id, fingerprint, version, created_at,
    updated_at
    """

  func find(_ id: UUID) throws -> RefundRow? {
    try transaction.first("SELECT \(Self.columns) FROM refunds WHERE id = \(id)")
  }

  /// By age.
  func list(of payment: UUID) throws -> [RefundRow] {
    try transaction.all(
      "SELECT \(Self.columns) FROM refunds WHERE payment_id = \(payment) ORDER BY created_at, id")
  }

  func count(of payment: UUID) throws -> Int {
    try transaction.scalar("SELECT count(*) FROM refunds WHERE payment_id = \(payment)") ?? 0
  }

  func insert(_ row: RefundRow) throws {
    try transaction.execute(
      """
      INSERT INTO refunds (\(Self.columns))
      VALUES (\(row.id), \(row.paymentID), \(row.amount), \(row.currency.code), \(row.status), \(row.reason),
        \(row.failureCode), \(row.holdID), \(row.fingerprint), \(row.version), \(row.createdAt), \(row.updatedAt))
      """)
  }

  /// Writes what may change; the version is the caller's to count.
  func update(_ row: RefundRow) throws {
    try transaction.execute(
      """
      UPDATE refunds SET status = \(row.status), failure_code = \(row.failureCode), version = \(row.version),
        updated_at = \(row.updatedAt)
      WHERE id = \(row.id)
      """)
  }
}
