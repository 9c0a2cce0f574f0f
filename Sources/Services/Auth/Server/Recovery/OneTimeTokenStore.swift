import Crypto
import Foundation
import GravityContracts
import GravityData

/// The table `one_time_tokens`; knows no other. Only digests are kept.
struct OneTimeTokenStore {
  enum Purpose: String, Sendable {
    case verification, recovery
    /// A recovery's token that another one replaced: good for nothing, and counted still.
    case replacedRecovery = "recovery_replaced"
    case emailChange = "email_change"
    /// Of a message without a token: good for nothing, and counted.
    case alreadyRegistered = "already_registered"
  }

  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// Says the same of a token that was used, expired, or never was.
  static let refusal = Problem(
    400, "invalid_token", "The token is not good any more", detail: "It works once. Ask for a new one.")

  static func hash(_ token: String) -> [UInt8] { Array(SHA256.hash(data: Data(token.utf8))) }

  /// - Parameters:
  ///   - email: The address that the token proves, where that is not the account's own.
  ///   - mail: The request for the message that carries it.
  func insert(
    _ hash: [UInt8], _ purpose: Purpose, account: UUID, email: String? = nil, mail: UUID, expiresAt: Date
  ) throws {
    try transaction.execute(
      """
      INSERT INTO one_time_tokens (hash, purpose, account_id, email, mail_id, expires_at)
      VALUES (\(hash), \(purpose.rawValue), \(account), \(email), \(mail), \(expiresAt))
      """)
  }

  func find(_ hash: [UInt8], for purpose: Purpose, now: Date) throws -> UUID? {
    try transaction.scalar(
      """
      SELECT account_id FROM one_time_tokens
      WHERE hash = \(hash) AND purpose = \(purpose.rawValue) AND expires_at > \(now)
      """)
  }

  /// Uses the token up.
  /// - Returns: whose it was; nil when it is not good.
  func take(_ hash: [UInt8], for purpose: Purpose, now: Date) throws -> UUID? {
    try transaction.scalar(
      """
      DELETE FROM one_time_tokens
      WHERE hash = \(hash) AND purpose = \(purpose.rawValue) AND expires_at > \(now) RETURNING account_id
      """)
  }

  /// Uses up the token of a change of address.
  /// - Returns: whose it was and which address it proves; nil when it is not good.
  func takeEmailChange(_ hash: [UInt8], now: Date) throws -> (account: UUID, email: String)? {
    try transaction.rows(
      """
      DELETE FROM one_time_tokens
      WHERE hash = \(hash) AND purpose = \(Purpose.emailChange.rawValue) AND expires_at > \(now)
        AND email IS NOT NULL
      RETURNING account_id, email
      """
    ).first.map { (try $0.get("account_id"), try $0.get("email")) }
  }

  /// Ends the recovery tokens of an account, which go on counting until they expire.
  func replaceRecovery(of account: UUID) throws {
    try transaction.execute(
      """
      UPDATE one_time_tokens SET purpose = \(Purpose.replacedRecovery.rawValue)
      WHERE account_id = \(account) AND purpose = \(Purpose.recovery.rawValue)
      """)
  }

  /// Of messages besides `mail`, each counted once however often it was tried.
  func liveCount(of account: UUID, for purpose: Purpose, besides mail: UUID, now: Date) throws -> Int {
    let purposes = purpose == .recovery ? [purpose, .replacedRecovery] : [purpose]
    return try transaction.scalar(
      """
      SELECT count(DISTINCT mail_id) FROM one_time_tokens
      WHERE account_id = \(account) AND purpose IN \(list: purposes.map(\.rawValue)) AND expires_at > \(now)
        AND mail_id <> \(mail)
      """) ?? 0
  }

  /// - Parameter purpose: nil for all.
  func deleteAll(of account: UUID, for purpose: Purpose? = nil) throws {
    let only: SQL = purpose.map { "AND purpose = \($0.rawValue)" } ?? ""
    try transaction.execute("DELETE FROM one_time_tokens WHERE account_id = \(account) \(only)")
  }

  func deleteExpired(now: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM one_time_tokens WHERE hash IN (
        SELECT hash FROM one_time_tokens WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
      """)
  }
}
