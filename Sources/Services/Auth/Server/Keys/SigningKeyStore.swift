import Foundation
import GravityData
import GravityIdentity

struct SigningKeyRow: SQLRecord {
  enum Status: String, Sendable { case next, active, retired }

  var id: String
  var status: Status
  var publicKey: JSONWebKey
  /// In an ``Envelope``.
  var privateKey: [UInt8]
  var createdAt: Date
  var activatedAt: Date?
  var retiredAt: Date?

  init(id: String, status: Status, publicKey: JSONWebKey, privateKey: [UInt8], createdAt: Date) {
    self.id = id
    self.status = status
    self.publicKey = publicKey
    self.privateKey = privateKey
    self.createdAt = createdAt
    activatedAt = status == .active ? createdAt : nil
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    let text: String = try row.get("status")
    guard let status = Status(rawValue: text) else { throw SQLMismatch(.text(text), wanted: "status") }
    self.status = status
    publicKey = try row.get("public_key", as: SQLJSON<JSONWebKey>.self).value
    privateKey = try row.get("private_key")
    createdAt = try row.get("created_at")
    activatedAt = try row.get("activated_at")
    retiredAt = try row.get("retired_at")
  }
}

/// The table `signing_keys`; knows no other.
struct SigningKeyStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = "id, status, public_key, private_key, created_at, activated_at, retired_at"

  func lock() throws { try transaction.lock("auth signing keys") }

  /// Oldest first.
  func all() throws -> [SigningKeyRow] {
    try transaction.all("SELECT \(Self.columns) FROM signing_keys ORDER BY created_at, id")
  }

  func insert(_ row: SigningKeyRow) throws {
    try transaction.execute(
      """
      INSERT INTO signing_keys (\(Self.columns))
      VALUES (\(row.id), \(row.status.rawValue), \(try SQLJSON(row.publicKey)), \(row.privateKey), \(row.createdAt),
        \(row.activatedAt), \(row.retiredAt))
      """)
  }

  func update(_ row: SigningKeyRow) throws {
    try transaction.execute(
      """
      UPDATE signing_keys SET status = \(row.status.rawValue), activated_at = \(row.activatedAt),
        retired_at = \(row.retiredAt), private_key = \(row.privateKey)
      WHERE id = \(row.id)
      """)
  }

  func delete(_ id: String) throws { try transaction.execute("DELETE FROM signing_keys WHERE id = \(id)") }
}
