import AuthAPI
import Foundation
import GravityContracts
import GravityData

struct PasskeyRow: SQLRecord {
  var id: UUID
  var accountID: UUID
  var credentialID: [UInt8]
  /// A COSE key, as it came.
  var publicKey: [UInt8]
  var signCount: Int64
  var transports: [String]
  var isBackupEligible: Bool
  var isBackedUp: Bool
  var name: String
  var createdAt: Date
  var lastUsedAt: Date?

  init(id: UUID, accountID: UUID, _ registered: RegisteredPasskey, name: String, createdAt: Date) {
    self.id = id
    self.accountID = accountID
    credentialID = registered.credentialID
    publicKey = registered.publicKey
    signCount = registered.signCount
    transports = registered.transports
    isBackupEligible = registered.isBackupEligible
    isBackedUp = registered.isBackedUp
    self.name = name
    self.createdAt = createdAt
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    accountID = try row.get("account_id")
    credentialID = try row.get("credential_id")
    publicKey = try row.get("public_key")
    signCount = try row.get("sign_count")
    transports = try row.get("transports", as: String.self).split(separator: " ").map(String.init)
    isBackupEligible = try row.get("backup_eligible")
    isBackedUp = try row.get("backed_up")
    name = try row.get("name")
    createdAt = try row.get("created_at")
    lastUsedAt = try row.get("last_used_at")
  }

  var passkey: Passkey {
    Passkey(
      id: id, name: name, transports: transports, backedUp: isBackedUp, createdAt: createdAt, lastUsedAt: lastUsedAt)
  }

  var descriptor: PasskeyDescriptor {
    PasskeyDescriptor(id: Data(credentialID).base64URLEncodedString(), transports: transports)
  }
}

/// The tables `passkeys` and `passkey_users`; knows no other.
struct PasskeyStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    id, account_id, credential_id, public_key, sign_count, transports, backup_eligible, backed_up, name, created_at,
    last_used_at
    """

  /// Sign-ins with one passkey wait for each other: each sees the counter that the one before left.
  func lock(_ id: UUID) throws { try transaction.lock("auth passkey \(id.uuidString)") }

  /// - Returns: false when somebody has that credential.
  func insert(_ row: PasskeyRow) throws -> Bool {
    try transaction.execute(
      """
      INSERT INTO passkeys (\(Self.columns))
      VALUES (\(row.id), \(row.accountID), \(row.credentialID), \(row.publicKey), \(row.signCount),
        \(row.transports.joined(separator: " ")), \(row.isBackupEligible), \(row.isBackedUp), \(row.name),
        \(row.createdAt), \(row.lastUsedAt))
      ON CONFLICT (credential_id) DO NOTHING
      """) == 1
  }

  func find(credential id: [UInt8]) throws -> PasskeyRow? {
    try transaction.first("SELECT \(Self.columns) FROM passkeys WHERE credential_id = \(id)")
  }

  func find(_ id: UUID) throws -> PasskeyRow? {
    try transaction.first("SELECT \(Self.columns) FROM passkeys WHERE id = \(id)")
  }

  /// By age.
  func list(of account: UUID) throws -> [PasskeyRow] {
    try transaction.all(
      """
      SELECT \(Self.columns) FROM passkeys WHERE account_id = \(account) ORDER BY id LIMIT \(Passkeys.greatestCount)
      """)
  }

  func count(of account: UUID) throws -> Int {
    try transaction.scalar("SELECT count(*) FROM passkeys WHERE account_id = \(account)") ?? 0
  }

  func used(_ id: UUID, signCount: Int64, isBackedUp: Bool, at time: Date) throws {
    try transaction.execute(
      """
      UPDATE passkeys SET sign_count = \(signCount), backed_up = \(isBackedUp), last_used_at = \(time) WHERE id = \(id)
      """)
  }

  /// - Returns: nil when it is not the account's.
  func rename(_ id: UUID, of account: UUID, to name: String) throws -> PasskeyRow? {
    try transaction.first(
      """
      UPDATE passkeys SET name = \(name) WHERE id = \(id) AND account_id = \(account) RETURNING \(Self.columns)
      """)
  }

  /// - Returns: false when it is not the account's.
  func delete(_ id: UUID, of account: UUID) throws -> Bool {
    try transaction.execute("DELETE FROM passkeys WHERE id = \(id) AND account_id = \(account)") == 1
  }

  /// - Returns: which there were.
  @discardableResult
  func deleteAll(of account: UUID) throws -> [UUID] {
    try transaction.rows("DELETE FROM passkeys WHERE account_id = \(account) RETURNING id").map { try $0.get("id") }
  }

  // MARK: What authenticators know an account by

  func handle(of account: UUID) throws -> [UInt8]? {
    try transaction.rows("SELECT handle FROM passkey_users WHERE account_id = \(account)").first?.get("handle")
  }

  /// The account's, which is `new` where it has none: an authenticator keeps one passkey for each.
  func handle(of account: UUID, orElse new: [UInt8]) throws -> [UInt8] {
    try transaction.execute(
      """
      INSERT INTO passkey_users (account_id, handle) VALUES (\(account), \(new)) ON CONFLICT (account_id) DO NOTHING
      """)
    return try handle(of: account) ?? new
  }

  func forgetHandle(of account: UUID) throws {
    try transaction.execute("DELETE FROM passkey_users WHERE account_id = \(account)")
  }
}
