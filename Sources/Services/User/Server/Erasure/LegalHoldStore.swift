import Foundation
import GravityData
import UserAPI

/// The table `legal_holds`; knows no other.
struct LegalHoldStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  static let tables: [SQL] = [
    .table(
      "legal_holds",
      """
      id \(type: .uuid) PRIMARY KEY, user_id \(type: .uuid) NOT NULL, reason \(type: .text) NOT NULL,
      set_by \(type: .text) NOT NULL, set_at \(type: .timestamptz) NOT NULL, released_by \(type: .text),
      released_at \(type: .timestamptz), release_reason \(type: .text)
      """),
    "CREATE UNIQUE INDEX legal_holds_standing ON legal_holds (user_id) WHERE released_at IS NULL",
    "CREATE INDEX legal_holds_user ON legal_holds (user_id, id)",
  ]

  private static let columns: SQL = "id, reason, set_by, set_at, released_by, released_at, release_reason"

  /// The one that stands.
  func standing(of user: UUID) throws -> LegalHold? {
    try transaction.rows(
      "SELECT \(Self.columns) FROM legal_holds WHERE user_id = \(user) AND released_at IS NULL"
    ).first.map(Self.hold)
  }

  /// The newest first.
  func list(of user: UUID, limit: Int) throws -> [LegalHold] {
    try transaction.rows(
      "SELECT \(Self.columns) FROM legal_holds WHERE user_id = \(user) ORDER BY id DESC LIMIT \(limit)"
    ).map(Self.hold)
  }

  func insert(_ hold: LegalHold, of user: UUID) throws {
    try transaction.execute(
      """
      INSERT INTO legal_holds (id, user_id, reason, set_by, set_at)
      VALUES (\(hold.id), \(user), \(hold.reason), \(hold.setBy), \(hold.setAt))
      """)
  }

  func update(_ hold: LegalHold) throws {
    try transaction.execute(
      """
      UPDATE legal_holds SET released_by = \(hold.releasedBy), released_at = \(hold.releasedAt),
        release_reason = \(hold.releaseReason)
      WHERE id = \(hold.id)
      """)
  }

  private static func hold(_ row: SQLRow) throws -> LegalHold {
    LegalHold(
      id: try row.get("id"), reason: try row.get("reason"), setBy: try row.get("set_by"),
      setAt: try row.get("set_at"), releasedBy: try row.get("released_by"), releasedAt: try row.get("released_at"),
      releaseReason: try row.get("release_reason"))
  }
}
