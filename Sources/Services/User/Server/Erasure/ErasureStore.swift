import Foundation
import GravityContracts
import GravityData
import GravityPersonalData

struct ErasureRow: SQLRecord, Sendable {
  var userID: UUID
  var requestedAt: Date
  /// The services that were asked: those that were expected when it began, so that none can be left out later.
  var services: [String]
  var completedAt: Date?
  var certificate: String?

  init(_ row: SQLRow) throws {
    userID = try row.get("user_id")
    requestedAt = try row.get("requested_at")
    services = try row.get("services", as: String.self).split(separator: ",").map(String.init)
    completedAt = try row.get("completed_at")
    certificate = try row.get("certificate")
  }
}

/// The tables `erasures` and `erasure_receipts`; knows no other.
struct ErasureStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  static let tables: [SQL] = [
    .table(
      "erasures",
      """
      user_id \(type: .uuid) PRIMARY KEY, requested_at \(type: .timestamptz) NOT NULL,
      services \(type: .text) NOT NULL, completed_at \(type: .timestamptz), certificate \(type: .text)
      """),
    "CREATE INDEX erasures_open ON erasures (requested_at, user_id) WHERE completed_at IS NULL",
    .table(
      "erasure_receipts",
      """
      user_id \(type: .uuid) NOT NULL, service \(type: .text) NOT NULL, receipt \(type: .text) NOT NULL,
      complete \(type: .boolean) NOT NULL, PRIMARY KEY (user_id, service)
      """),
  ]

  private static let columns: SQL = "user_id, requested_at, services, completed_at, certificate"

  /// - Returns: false when there is one already.
  func insert(_ user: UUID, services: [String], at time: Date) throws -> Bool {
    try transaction.execute(
      """
      INSERT INTO erasures (user_id, requested_at, services)
      VALUES (\(user), \(time), \(services.joined(separator: ",")))
      ON CONFLICT (user_id) DO NOTHING
      """) == 1
  }

  func find(_ user: UUID) throws -> ErasureRow? {
    try transaction.first("SELECT \(Self.columns) FROM erasures WHERE user_id = \(user)")
  }

  /// Under way, the oldest first.
  func open(after: (requestedAt: Date, user: UUID)?, requestedBefore: Date?, limit: Int) throws -> [ErasureRow] {
    var filter: SQL = "WHERE completed_at IS NULL"
    if let after {
      filter =
        filter
        + " AND (requested_at > \(after.requestedAt) OR (requested_at = \(after.requestedAt) AND user_id > \(after.user)))"
    }
    if let requestedBefore { filter = filter + " AND requested_at <= \(requestedBefore)" }
    return try transaction.all(
      "SELECT \(Self.columns) FROM erasures \(filter) ORDER BY requested_at, user_id LIMIT \(limit)")
  }

  /// - Returns: those under way, and those of them that were asked for before `time`.
  func counts(overdueBefore time: Date) throws -> (open: Int, overdue: Int) {
    let rows = try transaction.rows(
      """
      SELECT count(*) AS open, coalesce(sum(CASE WHEN requested_at <= \(time) THEN 1 ELSE 0 END), 0) AS overdue
      FROM erasures WHERE completed_at IS NULL
      """)
    guard let row = rows.first else { return (0, 0) }
    return (try row.get("open"), try row.get("overdue"))
  }

  func complete(_ user: UUID, certificate: String, at time: Date) throws {
    try transaction.execute(
      """
      UPDATE erasures SET certificate = \(certificate), completed_at = \(time)
      WHERE user_id = \(user) AND completed_at IS NULL
      """)
  }

  // MARK: Receipts

  func receipts(of user: UUID) throws -> [ErasureReceipt] {
    try transaction.rows("SELECT receipt FROM erasure_receipts WHERE user_id = \(user) ORDER BY service").map {
      try WireFormat.makeDecoder().decode(ErasureReceipt.self, from: Data(try $0.get("receipt", as: String.self).utf8))
    }
  }

  /// Receipts come in any order: one that says that all is done is not replaced by one that says less.
  func put(_ receipt: ErasureReceipt) throws {
    let text = String(decoding: try WireFormat.makeEncoder().encode(receipt), as: UTF8.self)
    try transaction.execute(
      """
      INSERT INTO erasure_receipts (user_id, service, receipt, complete)
      VALUES (\(receipt.userID), \(receipt.service), \(text), \(receipt.isComplete))
      ON CONFLICT (user_id, service) DO UPDATE SET receipt = excluded.receipt, complete = excluded.complete
      WHERE NOT erasure_receipts.complete
      """)
  }
}
