import AuthAPI
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

  /// Seconds for which those that nobody tries any more are kept.
  static let deadMemory: TimeInterval = 7 * 86_400

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
      WHERE id IN (SELECT id FROM mail_requests WHERE due_at <= \(now) AND expires_at > \(now) AND died_at IS NULL
        ORDER BY due_at LIMIT \(limit))
      RETURNING id, purpose, email, account_id, attempts
      """)
  }

  /// Has it tried again then.
  func postpone(_ id: UUID, until due: Date, _ error: String) throws {
    try transaction.execute(
      "UPDATE mail_requests SET due_at = \(due), error = \(error) WHERE id = \(id) AND died_at IS NULL")
  }

  // MARK: Dead letters

  func bury(_ id: UUID, _ error: String, now: Date) throws {
    try transaction.execute(
      """
      UPDATE mail_requests SET died_at = \(now), error = \(error), expires_at = \(now + Self.deadMemory)
      WHERE id = \(id)
      """)
  }

  /// Those that could not be sent for as long as they made sense.
  /// - Returns: their ids.
  func buryExpired(now: Date, limit: Int) throws -> [UUID] {
    try transaction.rows(
      """
      UPDATE mail_requests SET died_at = \(now), expires_at = \(now + Self.deadMemory) WHERE id IN (
        SELECT id FROM mail_requests WHERE expires_at <= \(now) AND died_at IS NULL ORDER BY expires_at LIMIT \(limit))
      RETURNING id
      """
    ).map { try $0.get(0) }
  }

  func dead(after: UUID?, limit: Int) throws -> [DeadMail] {
    let rest: SQL = after.map { "AND id > \($0)" } ?? ""
    return try transaction.rows(
      """
      SELECT id, purpose, email, attempts, error, died_at FROM mail_requests
      WHERE died_at IS NOT NULL \(rest) ORDER BY id LIMIT \(limit)
      """
    ).map { row in
      DeadMail(
        id: try row.get("id"), kind: try row.get("purpose"), email: try row.get("email"),
        attempts: try row.get("attempts"), error: try row.get("error"), diedAt: try row.get("died_at"))
    }
  }

  func findDead(_ id: UUID) throws -> MailRequestRow? {
    try transaction.first(
      """
      SELECT id, purpose, email, account_id, attempts FROM mail_requests WHERE id = \(id) AND died_at IS NOT NULL
      """)
  }

  func revive(_ id: UUID, now: Date, expiresAt: Date) throws {
    try transaction.execute(
      """
      UPDATE mail_requests SET died_at = NULL, error = NULL, attempts = 0, due_at = \(now), expires_at = \(expiresAt)
      WHERE id = \(id)
      """)
    try transaction.notify(Self.channel, "")
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
        SELECT id FROM mail_requests WHERE expires_at <= \(now) AND died_at IS NOT NULL
        ORDER BY expires_at LIMIT \(limit))
      """)
  }
}
