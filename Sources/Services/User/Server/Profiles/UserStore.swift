import Foundation
import GravityData
import UserAPI

/// The table `users`; knows no other.
struct UserStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    users.id, users.account_version, users.account_name, users.email, users.display_name, users.given_name,
    users.family_name, users.phone, users.bio, users.locale, users.timezone, users.theme, users.suspended,
    users.account_deleted, users.deletion_due_at, users.erasure_requested_at, users.erased_at,
    users.directory_requests, users.directory_due_at, users.preference_version, users.version, users.created_at,
    users.updated_at, users.avatar_url
    """

  func find(_ id: UUID) throws -> UserRow? {
    try transaction.first("SELECT \(Self.columns) FROM users WHERE id = \(id)")
  }

  func find(_ ids: [UUID]) throws -> [UUID: UserRow] {
    let rows: [UserRow] = try transaction.all("SELECT \(Self.columns) FROM users WHERE id IN \(list: ids)")
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.id, $0) })
  }

  /// The row, made if there is none.
  func findOrInsert(_ id: UUID, at time: Date) throws -> UserRow {
    if let row = try find(id) { return row }
    let row = UserRow(id: id, at: time)
    try transaction.execute(
      """
      INSERT INTO users (id, account_version, account_name, status, suspended, account_deleted, directory_requests,
        preference_version, version, created_at, updated_at)
      VALUES (\(id), \(row.accountVersion), \(row.accountName), \(row.status.rawValue), \(row.isSuspended),
        \(row.isAccountDeleted), \(row.directoryRequests), \(row.preferenceVersion), \(row.version),
        \(row.createdAt), \(row.updatedAt))
      ON CONFLICT (id) DO NOTHING
      """)
    return try find(id) ?? row
  }

  /// Writes what may change; the version is the caller's to count.
  func update(_ row: UserRow) throws {
    try transaction.execute(
      """
      UPDATE users SET account_version = \(row.accountVersion), account_name = \(row.accountName),
        email = \(row.email), display_name = \(row.displayName), given_name = \(row.givenName),
        family_name = \(row.familyName), phone = \(row.phone), bio = \(row.bio),
        avatar_url = \(row.avatarURL), locale = \(row.locale),
        timezone = \(row.timezone), theme = \(row.theme?.rawValue), status = \(row.status.rawValue),
        suspended = \(row.isSuspended), account_deleted = \(row.isAccountDeleted),
        deletion_due_at = \(row.deletionDueAt), erasure_requested_at = \(row.erasureRequestedAt),
        erased_at = \(row.erasedAt), directory_requests = \(row.directoryRequests),
        directory_due_at = \(row.directoryDueAt), preference_version = \(row.preferenceVersion),
        version = \(row.version), updated_at = \(row.updatedAt)
      WHERE id = \(row.id)
      """)
  }

  /// By age, which is the order of ids.
  /// - Parameter words: beginnings of terms, all of which a user must have.
  func list(
    after: UUID?, status: Profile.Status?, email: String?, words: [String], limit: Int
  ) throws -> [UserRow] {
    var conditions: [SQL] = []
    if let after { conditions.append("users.id > \(after)") }
    if let status { conditions.append("users.status = \(status.rawValue)") }
    if let email { conditions.append("users.email = \(email)") }
    for word in words { conditions.append("users.id IN \(SearchTermStore.users(withTermsBeginning: word))") }
    let filter: SQL = conditions.reduce(into: "WHERE TRUE") { $0 = $0 + " AND \($1)" }
    return try transaction.all("SELECT \(Self.columns) FROM users \(filter) ORDER BY users.id LIMIT \(limit)")
  }

  /// Users whose time of grace is over, whose erasure has not begun and whom no legal hold keeps; most overdue first.
  func dueForErasure(at time: Date, limit: Int) throws -> [UserRow] {
    try transaction.all(
      """
      SELECT \(Self.columns) FROM users
      WHERE deletion_due_at IS NOT NULL AND deletion_due_at <= \(time) AND erased_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.user_id = users.id)
        AND NOT EXISTS (
          SELECT 1 FROM legal_holds WHERE legal_holds.user_id = users.id AND legal_holds.released_at IS NULL)
      ORDER BY deletion_due_at, id LIMIT \(limit)
      """)
  }

  /// Takes some whose account wants a look, and puts them off until `lease`: then they are due again unless the look
  /// was taken.
  func claimDirectoryDue(at time: Date, lease: Date, limit: Int) throws -> [UUID] {
    try transaction.lock("user directory")
    return try transaction.rows(
      """
      UPDATE users SET directory_due_at = \(lease) WHERE id IN (
        SELECT id FROM users WHERE directory_due_at IS NOT NULL AND directory_due_at <= \(time)
        ORDER BY directory_due_at LIMIT \(limit))
      RETURNING id
      """
    ).map { try $0.get("id") }
  }

  /// - Returns: the next version of a namespace.
  func advancePreferenceVersion(of id: UUID) throws -> Int64 {
    try transaction.scalar(
      "UPDATE users SET preference_version = preference_version + 1 WHERE id = \(id) RETURNING preference_version") ?? 1
  }
}
