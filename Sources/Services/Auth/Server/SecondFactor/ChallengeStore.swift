import Crypto
import Foundation
import GravityData

/// A login that waits for its second factor. Only its token's digest is kept.
struct ChallengeRow: SQLRecord {
  enum Purpose: String, Sendable {
    /// Of `/api/v1/auth/login`.
    case login
    /// Of the sign-in page.
    case page
  }

  var accountID: UUID
  /// The account's, when its first factor was right.
  var epoch: Int64
  /// How the first factor was shown.
  var methods: [String]
  var failures: Int
  var expiresAt: Date

  init(_ row: SQLRow) throws {
    accountID = try row.get("account_id")
    epoch = try row.get("epoch")
    methods = UserAuthentication.methods(
      try row.get("methods", as: String?.self) ?? UserAuthentication.password)
    failures = try row.get("failures")
    expiresAt = try row.get("expires_at")
  }
}

/// The table `second_factor_challenges`; knows no other.
struct ChallengeStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  static func hash(_ token: String) -> [UInt8] { Array(SHA256.hash(data: Data(token.utf8))) }

  func insert(
    _ hash: [UInt8], _ purpose: ChallengeRow.Purpose, for account: AccountRow, after methods: [String], expiresAt: Date
  ) throws {
    try transaction.execute(
      """
      INSERT INTO second_factor_challenges (hash, account_id, epoch, purpose, methods, failures, expires_at)
      VALUES (\(hash), \(account.id), \(account.epoch), \(purpose.rawValue), \(UserAuthentication.text(methods)), 0,
        \(expiresAt))
      """)
  }

  func find(_ hash: [UInt8], _ purpose: ChallengeRow.Purpose, now: Date) throws -> ChallengeRow? {
    try transaction.first(
      """
      SELECT account_id, epoch, methods, failures, expires_at FROM second_factor_challenges
      WHERE hash = \(hash) AND purpose = \(purpose.rawValue) AND expires_at > \(now)
      """)
  }

  func countFailure(_ hash: [UInt8]) throws {
    try transaction.execute("UPDATE second_factor_challenges SET failures = failures + 1 WHERE hash = \(hash)")
  }

  func delete(_ hash: [UInt8]) throws {
    try transaction.execute("DELETE FROM second_factor_challenges WHERE hash = \(hash)")
  }

  func deleteAll(of account: UUID) throws {
    try transaction.execute("DELETE FROM second_factor_challenges WHERE account_id = \(account)")
  }

  func deleteExpired(now: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM second_factor_challenges WHERE hash IN (
        SELECT hash FROM second_factor_challenges WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
      """)
  }
}
