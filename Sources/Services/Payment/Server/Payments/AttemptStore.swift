import Foundation
import GravityContracts
import GravityData

/// The table `payment_attempts`; knows no other.
struct AttemptStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    id, payment_id, number, operation, amount, currency, provider, provider_key, payment_method, refund_id,
    final_capture, state, provider_reference, failure_code, failure_message, failures, due_at, created_at, finished_at
    """

  func find(_ id: UUID) throws -> AttemptRow? {
    try transaction.first("SELECT \(Self.columns) FROM payment_attempts WHERE id = \(id)")
  }

  func find(key: String) throws -> AttemptRow? {
    try transaction.first("SELECT \(Self.columns) FROM payment_attempts WHERE provider_key = \(key)")
  }

  func list(of payment: UUID) throws -> [AttemptRow] {
    try transaction.all("SELECT \(Self.columns) FROM payment_attempts WHERE payment_id = \(payment) ORDER BY number")
  }

  func insert(_ row: AttemptRow) throws {
    try transaction.execute(
      """
      INSERT INTO payment_attempts (\(Self.columns))
      VALUES (\(row.id), \(row.paymentID), \(row.number), \(row.operation), \(row.amount), \(row.currency.code),
        \(row.provider), \(row.key), \(row.paymentMethod), \(row.refundID), \(row.isFinalCapture), \(row.state),
        \(row.reference), \(row.failure?.code), \(row.failure?.message), \(row.failures), \(row.dueAt),
        \(row.createdAt), \(row.finishedAt))
      """)
  }

  /// Writes what may change.
  func update(_ row: AttemptRow) throws {
    try transaction.execute(
      """
      UPDATE payment_attempts SET state = \(row.state), provider_reference = \(row.reference),
        failure_code = \(row.failure?.code), failure_message = \(row.failure?.message), failures = \(row.failures),
        due_at = \(row.dueAt), finished_at = \(row.finishedAt)
      WHERE id = \(row.id)
      """)
  }

  /// Attempts whose answer was lost, most overdue first.
  func due(at time: Date, limit: Int) throws -> [UUID] {
    try transaction.rows(
      """
      SELECT id FROM payment_attempts WHERE state IN ('sent', 'unknown') AND due_at <= \(time)
      ORDER BY due_at LIMIT \(limit)
      """
    ).map { try $0.get("id") }
  }
}
