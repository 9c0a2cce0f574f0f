public import GravityData
import GravityEvents
import GravityTasks

/// The tables of user_db.
public enum UserSchema {
  public static let migrations: [Migration] = [
    Migration(1, "idempotency", Idempotency.migrationStatements),
    Migration(2, "users and what they are found by", users + terms),
    Migration(3, "preferences and addresses", preferences + addresses),
    Migration(4, "events", Outbox.migrationStatements + EventConsumer.migrationStatements),
    Migration(5, "tasks", TaskQueue.migrationStatements + Lease.migrationStatements),
    Migration(6, "erasures and legal holds", erasure),
    Migration(7, "avatars", ["ALTER TABLE users ADD COLUMN avatar_url \(type: .text)"]),
    Migration(8, "consents", ConsentStore.tables),
    Migration(9, "teams and invitations", TeamStore.tables + TeamMemberStore.tables + TeamInviteStore.tables),
    Migration(10, "exports", ExportStore.tables),
  ]

  private static let users: [SQL] = [
    .table(
      "users",
      """
      id \(type: .uuid) PRIMARY KEY, account_version \(type: .bigint) NOT NULL, account_name \(type: .text) NOT NULL,
      email \(type: .text), display_name \(type: .text), given_name \(type: .text), family_name \(type: .text),
      phone \(type: .text), bio \(type: .text), locale \(type: .text), timezone \(type: .text), theme \(type: .text),
      status \(type: .text) NOT NULL, suspended \(type: .boolean) NOT NULL, account_deleted \(type: .boolean) NOT NULL,
      deletion_due_at \(type: .timestamptz), erasure_requested_at \(type: .timestamptz), erased_at \(type: .timestamptz),
      directory_requests \(type: .bigint) NOT NULL, directory_due_at \(type: .timestamptz),
      preference_version \(type: .bigint) NOT NULL, version \(type: .bigint) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, updated_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX users_status ON users (status, id)",
    // Not unique: the copies of two accounts that pass an address on arrive in any order.
    "CREATE INDEX users_email ON users (email)",
    "CREATE INDEX users_deletion_due_at ON users (deletion_due_at) WHERE deletion_due_at IS NOT NULL",
    "CREATE INDEX users_directory_due_at ON users (directory_due_at) WHERE directory_due_at IS NOT NULL",
  ]

  private static let terms: [SQL] = [
    .table(
      "user_terms",
      "term \(type: .text) NOT NULL, user_id \(type: .uuid) NOT NULL, PRIMARY KEY (term, user_id)"),
    "CREATE INDEX user_terms_user ON user_terms (user_id)",
  ]

  private static let preferences: [SQL] = [
    .table(
      "preferences",
      """
      user_id \(type: .uuid) NOT NULL, namespace \(type: .text) NOT NULL, value \(type: .jsonb) NOT NULL,
      version \(type: .bigint) NOT NULL, updated_at \(type: .timestamptz) NOT NULL, PRIMARY KEY (user_id, namespace)
      """)
  ]

  private static let addresses: [SQL] = [
    .table(
      "addresses",
      """
      id \(type: .uuid) PRIMARY KEY, user_id \(type: .uuid) NOT NULL, name \(type: .text) NOT NULL,
      company \(type: .text), line1 \(type: .text) NOT NULL, line2 \(type: .text), city \(type: .text),
      region \(type: .text), postal_code \(type: .text), country \(type: .text) NOT NULL, phone \(type: .text),
      default_shipping \(type: .boolean) NOT NULL, default_billing \(type: .boolean) NOT NULL,
      used_at \(type: .timestamptz) NOT NULL, version \(type: .bigint) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, updated_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX addresses_user ON addresses (user_id, id)",
    "CREATE UNIQUE INDEX addresses_default_shipping ON addresses (user_id) WHERE default_shipping",
    "CREATE UNIQUE INDEX addresses_default_billing ON addresses (user_id) WHERE default_billing",
  ]
}
