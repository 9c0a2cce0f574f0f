import Foundation
import GravityData

struct TOTPRow: SQLRecord {
  var accountID: UUID
  /// In an ``Envelope``.
  var secret: [UInt8]
  var createdAt: Date
  var confirmedAt: Date?
  /// nil once it is confirmed.
  var expiresAt: Date?
  /// Of the last code that was taken.
  var lastStep: Int64?

  init(accountID: UUID, secret: [UInt8], createdAt: Date, expiresAt: Date) {
    self.accountID = accountID
    self.secret = secret
    self.createdAt = createdAt
    self.expiresAt = expiresAt
  }

  init(_ row: SQLRow) throws {
    accountID = try row.get("account_id")
    secret = try row.get("secret")
    createdAt = try row.get("created_at")
    confirmedAt = try row.get("confirmed_at")
    expiresAt = try row.get("expires_at")
    lastStep = try row.get("last_step")
  }
}

/// The tables `totp_factors` and `recovery_codes`; knows no other.
struct SecondFactorStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = "account_id, secret, created_at, confirmed_at, expires_at, last_step"

  /// Whoever tries codes of one account waits for each other.
  func lock(_ account: UUID) throws { try transaction.lock("auth second factor \(account.uuidString)") }

  /// Whether a login of the account needs it.
  func isEnrolled(_ account: UUID) throws -> Bool {
    try !transaction.rows(
      "SELECT 1 FROM totp_factors WHERE account_id = \(account) AND confirmed_at IS NOT NULL"
    ).isEmpty
  }

  func find(_ account: UUID) throws -> TOTPRow? {
    try transaction.first("SELECT \(Self.columns) FROM totp_factors WHERE account_id = \(account)")
  }

  /// In the place of one that was not confirmed.
  /// - Returns: false when the account has one that was.
  func put(_ row: TOTPRow) throws -> Bool {
    try transaction.execute(
      """
      INSERT INTO totp_factors (\(Self.columns))
      VALUES (\(row.accountID), \(row.secret), \(row.createdAt), \(row.confirmedAt), \(row.expiresAt), \(row.lastStep))
      ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at,
        expires_at = excluded.expires_at, last_step = excluded.last_step
      WHERE totp_factors.confirmed_at IS NULL
      """) == 1
  }

  func confirm(_ account: UUID, at time: Date) throws {
    try transaction.execute(
      "UPDATE totp_factors SET confirmed_at = \(time), expires_at = NULL WHERE account_id = \(account)")
  }

  /// Uses the code of a step up, and with it those of every earlier step (RFC 6238 §5.2).
  /// - Returns: false when that step, or a later one, was used before.
  func use(step: Int64, of account: UUID) throws -> Bool {
    try transaction.execute(
      """
      UPDATE totp_factors SET last_step = \(step)
      WHERE account_id = \(account) AND (last_step IS NULL OR last_step < \(step))
      """) == 1
  }

  /// The factor and its recovery codes.
  /// - Returns: whether there was one that was confirmed.
  func deleteAll(of account: UUID) throws -> Bool {
    try transaction.execute("DELETE FROM recovery_codes WHERE account_id = \(account)")
    return try !transaction.rows(
      "DELETE FROM totp_factors WHERE account_id = \(account) RETURNING confirmed_at"
    ).filter { try $0.get("confirmed_at", as: Date?.self) != nil }.isEmpty
  }

  /// One that waits for its first code.
  func deleteUnconfirmed(of account: UUID) throws {
    try transaction.execute("DELETE FROM totp_factors WHERE account_id = \(account) AND confirmed_at IS NULL")
  }

  /// Those that were not confirmed in time.
  func deleteExpired(now: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM totp_factors WHERE account_id IN (
        SELECT account_id FROM totp_factors WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
      """)
  }

  // MARK: Recovery codes

  func replaceRecoveryCodes(of account: UUID, with hashes: [[UInt8]]) throws {
    try transaction.execute("DELETE FROM recovery_codes WHERE account_id = \(account)")
    for hash in hashes {
      try transaction.execute("INSERT INTO recovery_codes (account_id, hash) VALUES (\(account), \(hash))")
    }
  }

  /// Uses a code up.
  /// - Returns: whether it was good.
  func takeRecoveryCode(_ hash: [UInt8], of account: UUID) throws -> Bool {
    try transaction.execute("DELETE FROM recovery_codes WHERE account_id = \(account) AND hash = \(hash)") == 1
  }

  func recoveryCodesLeft(of account: UUID) throws -> Int {
    try transaction.scalar("SELECT count(*) FROM recovery_codes WHERE account_id = \(account)") ?? 0
  }
}
