import AuthAPI
import Foundation
import GravityData

struct APIKeyRow: SQLRecord {
  var id: UUID
  var accountID: UUID
  var name: String
  var hash: [UInt8]
  var scopes: [String]
  var createdAt: Date
  var expiresAt: Date?
  var lastUsedAt: Date?

  init(
    id: UUID, accountID: UUID, name: String, hash: [UInt8], scopes: [String], createdAt: Date, expiresAt: Date?
  ) {
    self.id = id
    self.accountID = accountID
    self.name = name
    self.hash = hash
    self.scopes = scopes
    self.createdAt = createdAt
    self.expiresAt = expiresAt
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    accountID = try row.get("account_id")
    name = try row.get("name")
    hash = try row.get("hash")
    scopes = try row.get("scopes", as: SQLJSON<[String]>.self).value
    createdAt = try row.get("created_at")
    expiresAt = try row.get("expires_at")
    lastUsedAt = try row.get("last_used_at")
  }

  var key: APIKey {
    APIKey(
      id: id, name: name, scopes: scopes, createdAt: createdAt, expiresAt: expiresAt, lastUsedAt: lastUsedAt)
  }
}

/// The table `api_keys`; knows no other. A key that is revoked is gone: what it did is told by events.
struct APIKeyStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = "id, account_id, name, hash, scopes, created_at, expires_at, last_used_at"

  func insert(_ row: APIKeyRow) throws {
    try transaction.execute(
      """
      INSERT INTO api_keys (\(Self.columns))
      VALUES (\(row.id), \(row.accountID), \(row.name), \(row.hash), \(try SQLJSON(row.scopes)), \(row.createdAt),
        \(row.expiresAt), \(row.lastUsedAt))
      """)
  }

  func find(_ id: UUID) throws -> APIKeyRow? {
    try transaction.first("SELECT \(Self.columns) FROM api_keys WHERE id = \(id)")
  }

  /// Newest first.
  func list(of account: UUID, before id: UUID?, limit: Int) throws -> [APIKeyRow] {
    let before: SQL = id.map { "AND id < \($0)" } ?? ""
    return try transaction.all(
      """
      SELECT \(Self.columns) FROM api_keys WHERE account_id = \(account) \(before) ORDER BY id DESC LIMIT \(limit)
      """)
  }

  func count(of account: UUID) throws -> Int {
    try transaction.scalar("SELECT count(*) FROM api_keys WHERE account_id = \(account)") ?? 0
  }

  func touch(_ id: UUID, at time: Date) throws {
    try transaction.execute("UPDATE api_keys SET last_used_at = \(time) WHERE id = \(id)")
  }

  /// - Returns: false when it is not the account's.
  func delete(_ id: UUID, of account: UUID) throws -> Bool {
    try transaction.execute("DELETE FROM api_keys WHERE id = \(id) AND account_id = \(account)") == 1
  }

  /// - Returns: which ones there were.
  @discardableResult
  func deleteAll(of account: UUID) throws -> [UUID] {
    try transaction.rows("DELETE FROM api_keys WHERE account_id = \(account) RETURNING id").map { try $0.get(0) }
  }

  func deleteExpired(now: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM api_keys WHERE id IN (
        SELECT id FROM api_keys WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit))
      """)
  }
}
