import Foundation
import GravityData

struct MailRequestRow: SQLRecord {
  var id: UUID
  var purpose: AuthMessage.Kind
  var email: String
  /// Whom the message is about, where the address does not tell.
  var account: UUID?
  var attempts: Int

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    let text: String = try row.get("purpose")
    guard let purpose = AuthMessage.Kind(rawValue: text) else { throw SQLMismatch(.text(text), wanted: "purpose") }
    self.purpose = purpose
    email = try row.get("email")
    account = try row.get("account_id")
    attempts = try row.get("attempts")
  }
}

/// The table `mail_requests`; knows no other.
struct MailRequestStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  static let channel = "auth_mail"

  func insert(
    _ id: UUID, _ purpose: AuthMessage.Kind, email: String, account: UUID? = nil, now: Date, expiresAt: Date
  ) throws {
    try transaction.execute(
      """
      INSERT INTO mail_requests (id, purpose, email, account_id, attempts, due_at, expires_at)
      VALUES (\(id), \(purpose.rawValue), \(email), \(account), 0, \(now), \(expiresAt))
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
      RETURNING id, purpose, email, account_id, attempts
      """)
  }

  /// Whether it is still wanted.
  func exists(_ id: UUID) throws -> Bool {
    try !transaction.rows("SELECT 1 FROM mail_requests WHERE id = \(id)").isEmpty
  }

  func deleteAll(of account: UUID, _ purpose: AuthMessage.Kind) throws {
    try transaction.execute(
      "DELETE FROM mail_requests WHERE account_id = \(account) AND purpose = \(purpose.rawValue)")
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
