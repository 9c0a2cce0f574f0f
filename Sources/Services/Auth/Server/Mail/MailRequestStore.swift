import Foundation
import GravityData

struct MailRequestRow: SQLRecord {
  var id: UUID
  var purpose: AuthMessage.Kind
  var email: String
  var attempts: Int

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    let text: String = try row.get("purpose")
    guard let purpose = AuthMessage.Kind(rawValue: text) else { throw SQLMismatch(.text(text), wanted: "purpose") }
    self.purpose = purpose
    email = try row.get("email")
    attempts = try row.get("attempts")
  }
}

/// The table `mail_requests`; knows no other.
struct MailRequestStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  static let channel = "auth_mail"

  func insert(_ id: UUID, _ purpose: AuthMessage.Kind, email: String, now: Date, expiresAt: Date) throws {
    try transaction.execute(
      """
      INSERT INTO mail_requests (id, purpose, email, attempts, due_at, expires_at)
      VALUES (\(id), \(purpose.rawValue), \(email), 0, \(now), \(expiresAt))
      """)
    try transaction.notify(Self.channel, "")
  }

  /// Takes those that are due and puts them off until `lease` ends, when they are due again unless they were deleted.
  func claim(now: Date, lease: Date, limit: Int) throws -> [MailRequestRow] {
    try transaction.lock("auth mail")
    return try transaction.all(
      """
      UPDATE mail_requests SET attempts = attempts + 1, due_at = \(lease)
      WHERE id IN (SELECT id FROM mail_requests WHERE due_at <= \(now) AND expires_at > \(now)
        ORDER BY due_at LIMIT \(limit))
      RETURNING id, purpose, email, attempts
      """)
  }

  func delete(_ id: UUID) throws { try transaction.execute("DELETE FROM mail_requests WHERE id = \(id)") }

  func deleteExpired(now: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM mail_requests WHERE id IN (
        SELECT id FROM mail_requests WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
      """)
  }
}
