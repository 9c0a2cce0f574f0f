import Foundation
import GravityData

struct LinkedIdentityRow: SQLRecord {
  var id: UUID
  var accountID: UUID
  var issuer: String
  var subject: String
  var email: String?
  var linkedAt: Date
  var lastUsedAt: Date?

  init(id: UUID, accountID: UUID, _ identity: ProviderIdentity, email: String?, linkedAt: Date) {
    self.id = id
    self.accountID = accountID
    issuer = identity.issuer
    subject = identity.subject
    self.email = email
    self.linkedAt = linkedAt
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    accountID = try row.get("account_id")
    issuer = try row.get("issuer")
    subject = try row.get("subject")
    email = try row.get("email")
    linkedAt = try row.get("linked_at")
    lastUsedAt = try row.get("last_used_at")
  }
}

/// The table `linked_identities`; knows no other.
struct LinkedIdentityStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = "id, account_id, issuer, subject, email, linked_at, last_used_at"

  /// What is decided about one account's ways in is decided one after the other.
  func lock(_ account: UUID) throws { try transaction.lock("auth identities \(account.uuidString)") }

  func find(issuer: String, subject: String) throws -> LinkedIdentityRow? {
    try transaction.first(
      "SELECT \(Self.columns) FROM linked_identities WHERE issuer = \(issuer) AND subject = \(subject)")
  }

  func find(_ id: UUID, of account: UUID) throws -> LinkedIdentityRow? {
    try transaction.first(
      "SELECT \(Self.columns) FROM linked_identities WHERE id = \(id) AND account_id = \(account)")
  }

  /// By age.
  func list(of account: UUID) throws -> [LinkedIdentityRow] {
    try transaction.all(
      "SELECT \(Self.columns) FROM linked_identities WHERE account_id = \(account) ORDER BY id LIMIT 100")
  }

  /// - Returns: false when the person, or a person of that provider, is linked already.
  func insert(_ row: LinkedIdentityRow) throws -> Bool {
    try transaction.execute(
      """
      INSERT INTO linked_identities (\(Self.columns))
      VALUES (\(row.id), \(row.accountID), \(row.issuer), \(row.subject), \(row.email), \(row.linkedAt),
        \(row.lastUsedAt))
      ON CONFLICT DO NOTHING
      """) == 1
  }

  func used(_ id: UUID, email: String?, at time: Date) throws {
    try transaction.execute(
      "UPDATE linked_identities SET last_used_at = \(time), email = \(email) WHERE id = \(id)")
  }

  func delete(_ id: UUID) throws { try transaction.execute("DELETE FROM linked_identities WHERE id = \(id)") }

  func deleteAll(of account: UUID) throws {
    try transaction.execute("DELETE FROM linked_identities WHERE account_id = \(account)")
  }
}
