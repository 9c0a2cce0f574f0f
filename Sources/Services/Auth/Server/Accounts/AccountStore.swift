import AuthAPI
import Foundation
import GravityContracts
import GravityData

struct AccountRow: SQLRecord, Hashable {
  var id: UUID
  /// nil once deleted.
  var email: String?
  var name: String
  var status: Account.Status
  var passwordHash: String?
  /// Whether the address was proved.
  var emailVerified: Bool
  /// ``Principal/epoch``.
  var epoch: Int64
  var version: Int64
  var createdAt: Date
  var updatedAt: Date

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    email = try row.get("email")
    name = try row.get("name")
    let text: String = try row.get("status")
    guard let status = Account.Status(rawValue: text) else { throw SQLMismatch(.text(text), wanted: "status") }
    self.status = status
    passwordHash = try row.get("password_hash")
    emailVerified = try row.get("email_verified")
    epoch = try row.get("epoch")
    version = try row.get("version")
    createdAt = try row.get("created_at")
    updatedAt = try row.get("updated_at")
  }

  init(id: UUID, email: EmailAddress, name: String, status: Account.Status, passwordHash: String?, at time: Date) {
    self.id = id
    self.email = email.text
    self.name = name
    self.status = status
    self.passwordHash = passwordHash
    emailVerified = false
    epoch = 0
    version = 1
    createdAt = time
    updatedAt = time
  }

  func account(roles: [String]) -> Account {
    Account(
      id: id, email: email, isEmailVerified: emailVerified, name: name, status: status, roles: roles, version: version,
      createdAt: createdAt, updatedAt: updatedAt)
  }
}

/// The tables `accounts` and `account_roles`; knows no other.
struct AccountStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    accounts.id, accounts.email, accounts.name, accounts.status, accounts.password_hash,
    accounts.email_verified, accounts.epoch, accounts.version, accounts.created_at, accounts.updated_at
    """

  /// - Returns: false when the address is taken.
  func insert(_ row: AccountRow) throws -> Bool {
    try transaction.execute(
      """
      INSERT INTO accounts
        (id, email, name, status, password_hash, email_verified, epoch, version, created_at, updated_at)
      VALUES (\(row.id), \(row.email), \(row.name), \(row.status.rawValue), \(row.passwordHash),
        \(row.emailVerified), \(row.epoch), \(row.version), \(row.createdAt), \(row.updatedAt))
      ON CONFLICT (email) DO NOTHING
      """) == 1
  }

  func find(_ id: UUID) throws -> AccountRow? {
    try transaction.first("SELECT \(Self.columns) FROM accounts WHERE id = \(id)")
  }

  func find(email: String) throws -> AccountRow? {
    try transaction.first("SELECT \(Self.columns) FROM accounts WHERE email = \(email)")
  }

  /// Those of `ids` that were deleted, at most some thousands.
  func deleted(of ids: Set<UUID>) throws -> Set<UUID> {
    guard !ids.isEmpty else { return [] }
    return Set(
      try transaction.rows(
        "SELECT id FROM accounts WHERE status = \(Account.Status.deleted.rawValue) AND id IN \(list: Array(ids))"
      ).map { try $0.get("id", as: UUID.self) })
  }

  /// Which accounts a list has.
  struct Filter: Sendable {
    var status: Account.Status?
    var email: String?
    /// How an address begins, in small letters.
    var prefix: String?
    var role: String?
    var isNewestFirst = false
  }

  /// By age, which is the order of ids.
  func list(_ filter: Filter, after: UUID?, limit: Int) throws -> [AccountRow] {
    var conditions: [SQL] = []
    if let after { conditions.append(filter.isNewestFirst ? "id < \(after)" : "id > \(after)") }
    if let status = filter.status { conditions.append("status = \(status.rawValue)") }
    if let email = filter.email { conditions.append("email = \(email)") }
    // Both engines compare bytes, and no text has a greater one than U+10FFFF.
    if let prefix = filter.prefix { conditions.append("email >= \(prefix) AND email < \(prefix + "\u{10FFFF}")") }
    if let role = filter.role {
      conditions.append("id IN (SELECT account_id FROM account_roles WHERE role = \(role))")
    }
    let text: SQL = conditions.reduce(into: "WHERE TRUE") { $0 = $0 + " AND \($1)" }
    let direction: SQL = filter.isNewestFirst ? " DESC" : ""
    return try transaction.all("SELECT \(Self.columns) FROM accounts \(text) ORDER BY id\(direction) LIMIT \(limit)")
  }

  /// Writes what may change. Counts the version up.
  func update(_ row: AccountRow, at time: Date) throws -> AccountRow {
    var row = row
    row.version += 1
    row.updatedAt = time
    try transaction.execute(
      """
      UPDATE accounts SET email = \(row.email), name = \(row.name), status = \(row.status.rawValue),
        password_hash = \(row.passwordHash), email_verified = \(row.emailVerified), epoch = \(row.epoch), version = \(row.version),
        updated_at = \(row.updatedAt)
      WHERE id = \(row.id)
      """)
    return row
  }

  /// The same password under a better hash: no change that anybody sees.
  func rehash(_ id: UUID, from old: String, to new: String) throws {
    try transaction.execute(
      "UPDATE accounts SET password_hash = \(new) WHERE id = \(id) AND password_hash = \(old)")
  }

  // MARK: Roles of accounts

  func roles(of id: UUID) throws -> [String] {
    try transaction.rows("SELECT role FROM account_roles WHERE account_id = \(id) ORDER BY role").map { try $0.get(0) }
  }

  /// Whether nobody ever gave the account more than registering does.
  func isOrdinary(_ id: UUID) throws -> Bool {
    Set([BuiltInRole.user, BuiltInRole.guest]).isSuperset(of: try roles(of: id))
  }

  func roles(of ids: [UUID]) throws -> [UUID: [String]] {
    var found: [UUID: [String]] = [:]
    for row in try transaction.rows(
      "SELECT account_id, role FROM account_roles WHERE account_id IN \(list: ids) ORDER BY role")
    {
      found[try row.get("account_id"), default: []].append(try row.get("role"))
    }
    return found
  }

  func setRoles(_ roles: [String], of id: UUID) throws {
    try transaction.execute("DELETE FROM account_roles WHERE account_id = \(id)")
    for role in roles {
      try transaction.execute("INSERT INTO account_roles (account_id, role) VALUES (\(id), \(role))")
    }
  }

  /// How many active accounts hold `role`, `id` not counted.
  func activeHolders(of role: String, besides id: UUID?) throws -> Int {
    let besides: SQL = id.map { "AND accounts.id <> \($0)" } ?? ""
    return try transaction.scalar(
      """
      SELECT count(*) FROM accounts JOIN account_roles ON account_roles.account_id = accounts.id
      WHERE account_roles.role = \(role) AND accounts.status = \(Account.Status.active.rawValue) \(besides)
      """) ?? 0
  }

  /// Whether nobody could administer the platform without this account.
  func isLastAdministrator(_ row: AccountRow) throws -> Bool {
    guard row.status == .active, try roles(of: row.id).contains(BuiltInRole.administrator) else { return false }
    return try activeHolders(of: BuiltInRole.administrator, besides: row.id) == 0
  }

  /// How many accounts that were not deleted hold `role`, counted no further than `limit`.
  func holders(of role: String, atMost limit: Int) throws -> Int {
    try transaction.scalar(
      """
      SELECT count(*) FROM (
        SELECT accounts.id FROM account_roles JOIN accounts ON accounts.id = account_roles.account_id
        WHERE account_roles.role = \(role) AND accounts.status <> \(Account.Status.deleted.rawValue)
        LIMIT \(limit)) AS holders
      """) ?? 0
  }

  /// Counts up the epoch of everybody who holds `role`.
  /// - Returns: who that is, with the new epoch.
  func advanceEpochs(ofHoldersOf role: String) throws -> [(account: UUID, epoch: Int64)] {
    try transaction.rows(
      """
      UPDATE accounts SET epoch = epoch + 1
      WHERE id IN (SELECT account_id FROM account_roles WHERE role = \(role)) RETURNING id, epoch
      """
    ).map { (try $0.get("id"), try $0.get("epoch")) }
  }

  func take(role: String) throws {
    try transaction.execute("DELETE FROM account_roles WHERE role = \(role)")
  }
}
