import Foundation
import GravityData

struct AttemptRow: SQLRecord {
  var failures: Int
  var blockedUntil: Date?

  init(_ row: SQLRow) throws {
    failures = try row.get("failures")
    blockedUntil = try row.get("blocked_until")
  }
}

/// The tables `login_attempts` and `trusted_origins`; knows no other. Keys are digests: neither an address nor an
/// account can be read from them.
struct AttemptStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  func find(_ key: [UInt8], now: Date) throws -> AttemptRow? {
    try transaction.first(
      "SELECT failures, blocked_until FROM login_attempts WHERE key = \(key) AND expires_at > \(now)")
  }

  func put(_ key: [UInt8], failures: Int, blockedUntil: Date?, expiresAt: Date) throws {
    try transaction.execute(
      """
      INSERT INTO login_attempts (key, failures, blocked_until, expires_at)
      VALUES (\(key), \(failures), \(blockedUntil), \(expiresAt))
      ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, blocked_until = excluded.blocked_until,
        expires_at = excluded.expires_at
      """)
  }

  func forget(_ keys: [[UInt8]]) throws {
    try transaction.execute("DELETE FROM login_attempts WHERE key IN \(list: keys)")
  }

  func isTrusted(_ key: [UInt8], now: Date) throws -> Bool {
    try !transaction.rows("SELECT 1 FROM trusted_origins WHERE key = \(key) AND expires_at > \(now)").isEmpty
  }

  /// - Parameter renewal: An entry that lives longer than this is not written again.
  func trust(_ key: [UInt8], until expiresAt: Date, renewal: Date) throws {
    guard try !isTrusted(key, now: renewal) else { return }
    try transaction.execute(
      """
      INSERT INTO trusted_origins (key, expires_at) VALUES (\(key), \(expiresAt))
      ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at
      """)
  }

  func deleteExpired(now: Date, limit: Int) throws -> Int {
    let attempts = try transaction.execute(
      """
      DELETE FROM login_attempts WHERE key IN (
        SELECT key FROM login_attempts WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
      """)
    let origins = try transaction.execute(
      """
      DELETE FROM trusted_origins WHERE key IN (
        SELECT key FROM trusted_origins WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
      """)
    return max(attempts, origins)
  }
}
