public import GravityData
import GravityEvents

/// The tables of auth_db.
public enum AuthSchema {
  public static let migrations: [Migration] = [
    Migration(1, "idempotency", Idempotency.migrationStatements),
    Migration(2, "accounts and roles", accounts + roles),
    Migration(3, "sessions and revocations", sessions + revocations),
    Migration(4, "keys, attempts, one-time tokens and mail", signingKeys + attempts + oneTimeTokens + mail),
    Migration(5, "events", Outbox.migrationStatements),
    Migration(6, "changes of e-mail addresses", emailChanges),
    Migration(7, "OAuth clients", clients),
    Migration(8, "authorization with a browser", authorization),
    Migration(9, "API keys", apiKeys),
    Migration(10, "second factors", secondFactor),
    Migration(11, "what administrators did to accounts", accountChanges),
    Migration(12, "devices without a browser", devices),
    Migration(13, "mail that could not be sent", deadMail),
    Migration(14, "events of others, and who is erased", personalData),
    Migration(15, "signing in with other providers", federation),
    Migration(16, "how well whoever lets a device in authenticated", deviceAssurance),
    Migration(17, "passkeys", passkeys),
    Migration(18, "what is let in and not exchanged, by whom and for which client", unfinished),
  ]

  private static let accounts: [SQL] = [
    .table(
      "accounts",
      """
      id \(type: .uuid) PRIMARY KEY, email \(type: .text) UNIQUE, name \(type: .text) NOT NULL,
      status \(type: .text) NOT NULL, password_hash \(type: .text), epoch \(type: .bigint) NOT NULL,
      version \(type: .bigint) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      updated_at \(type: .timestamptz) NOT NULL
      """),
    .table(
      "account_roles",
      """
      account_id \(type: .uuid) NOT NULL, role \(type: .text) NOT NULL, PRIMARY KEY (account_id, role)
      """),
    "CREATE INDEX account_roles_role ON account_roles (role)",
  ]

  private static let roles: [SQL] = [
    .table(
      "roles",
      """
      name \(type: .text) PRIMARY KEY, description \(type: .text) NOT NULL, permissions \(type: .jsonb) NOT NULL,
      built_in \(type: .boolean) NOT NULL, version \(type: .bigint) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, updated_at \(type: .timestamptz) NOT NULL
      """),
    .table("role_policy", "id \(type: .bigint) PRIMARY KEY, version \(type: .bigint) NOT NULL"),
    "INSERT INTO role_policy (id, version) VALUES (1, 1)",
  ]

  private static let sessions: [SQL] = [
    .table(
      "sessions",
      """
      id \(type: .uuid) PRIMARY KEY, account_id \(type: .uuid) NOT NULL, counter \(type: .bigint) NOT NULL,
      token_hash \(type: .bytea) NOT NULL, rotated_at \(type: .timestamptz) NOT NULL,
      user_agent \(type: .text), address \(type: .text) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      idle_expires_at \(type: .timestamptz) NOT NULL, expires_at \(type: .timestamptz) NOT NULL,
      revoked_at \(type: .timestamptz)
      """),
    "CREATE INDEX sessions_account ON sessions (account_id, id)",
    "CREATE INDEX sessions_idle_expires_at ON sessions (idle_expires_at)",
  ]

  private static let revocations: [SQL] = [
    .table(
      "revocations",
      """
      sequence \(type: .bigint) PRIMARY KEY, kind \(type: .text) NOT NULL, target \(type: .text) NOT NULL,
      epoch \(type: .bigint), expires_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX revocations_expires_at ON revocations (expires_at)",
    .table("revocation_sequence", "id \(type: .bigint) PRIMARY KEY, last \(type: .bigint) NOT NULL"),
    "INSERT INTO revocation_sequence (id, last) VALUES (1, 0)",
  ]

  private static let signingKeys: [SQL] = [
    .table(
      "signing_keys",
      """
      id \(type: .text) PRIMARY KEY, status \(type: .text) NOT NULL, public_key \(type: .jsonb) NOT NULL,
      private_key \(type: .bytea) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      activated_at \(type: .timestamptz), retired_at \(type: .timestamptz)
      """)
  ]

  private static let attempts: [SQL] = [
    .table(
      "login_attempts",
      """
      key \(type: .bytea) PRIMARY KEY, failures \(type: .bigint) NOT NULL, blocked_until \(type: .timestamptz),
      expires_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX login_attempts_expires_at ON login_attempts (expires_at)",
    .table("trusted_origins", "key \(type: .bytea) PRIMARY KEY, expires_at \(type: .timestamptz) NOT NULL"),
    "CREATE INDEX trusted_origins_expires_at ON trusted_origins (expires_at)",
  ]

  private static let oneTimeTokens: [SQL] = [
    .table(
      "one_time_tokens",
      """
      hash \(type: .bytea) PRIMARY KEY, purpose \(type: .text) NOT NULL, account_id \(type: .uuid) NOT NULL,
      expires_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX one_time_tokens_account ON one_time_tokens (account_id, purpose)",
    "CREATE INDEX one_time_tokens_expires_at ON one_time_tokens (expires_at)",
  ]

  private static let emailChanges: [SQL] = [
    // The address that a token proves.
    "ALTER TABLE one_time_tokens ADD COLUMN email \(type: .text)",
    // Whom a message is about, where its address does not tell.
    "ALTER TABLE mail_requests ADD COLUMN account_id \(type: .uuid)",
    "CREATE INDEX mail_requests_account ON mail_requests (account_id) WHERE account_id IS NOT NULL",
  ]

  private static let clients: [SQL] = [
    .table(
      "oauth_clients",
      """
      id \(type: .uuid) PRIMARY KEY, name \(type: .text) NOT NULL, authentication \(type: .text) NOT NULL,
      grants \(type: .jsonb) NOT NULL, scopes \(type: .jsonb) NOT NULL, redirect_uris \(type: .jsonb) NOT NULL,
      post_logout_redirect_uris \(type: .jsonb) NOT NULL, keys \(type: .jsonb), first_party \(type: .boolean) NOT NULL,
      enabled \(type: .boolean) NOT NULL, epoch \(type: .bigint) NOT NULL, version \(type: .bigint) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, updated_at \(type: .timestamptz) NOT NULL
      """),
    .table(
      "client_secrets",
      """
      id \(type: .uuid) PRIMARY KEY, client_id \(type: .uuid) NOT NULL, hash \(type: .bytea) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX client_secrets_client ON client_secrets (client_id)",
    // The assertions of a client that were used (RFC 7523 §3), until they expire.
    .table(
      "client_assertions",
      """
      client_id \(type: .uuid) NOT NULL, id \(type: .bytea) NOT NULL, expires_at \(type: .timestamptz) NOT NULL,
      PRIMARY KEY (client_id, id)
      """),
    "CREATE INDEX client_assertions_expires_at ON client_assertions (expires_at)",
  ]

  private static let authorization: [SQL] = [
    .table(
      "authorization_codes",
      """
      hash \(type: .bytea) PRIMARY KEY, client_id \(type: .uuid) NOT NULL, account_id \(type: .uuid) NOT NULL,
      epoch \(type: .bigint) NOT NULL, redirect_uri \(type: .text) NOT NULL, scopes \(type: .jsonb) NOT NULL,
      challenge \(type: .text) NOT NULL, nonce \(type: .text), methods \(type: .text) NOT NULL,
      authenticated_at \(type: .timestamptz) NOT NULL, session_id \(type: .uuid) NOT NULL,
      consumed_at \(type: .timestamptz), expires_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX authorization_codes_expires_at ON authorization_codes (expires_at)",
    .table(
      "consents",
      """
      account_id \(type: .uuid) NOT NULL, client_id \(type: .uuid) NOT NULL, scopes \(type: .jsonb) NOT NULL,
      granted_at \(type: .timestamptz) NOT NULL, PRIMARY KEY (account_id, client_id)
      """),
    "CREATE INDEX consents_client ON consents (client_id)",
    // Which client a session is of; a first-party login has none.
    "ALTER TABLE sessions ADD COLUMN client_id \(type: .uuid)",
    // What its tokens are limited to.
    "ALTER TABLE sessions ADD COLUMN scopes \(type: .jsonb)",
    // How and when somebody proved who they are; of older sessions: by password, when they were opened.
    "ALTER TABLE sessions ADD COLUMN methods \(type: .text)",
    "ALTER TABLE sessions ADD COLUMN authenticated_at \(type: .timestamptz)",
    "CREATE INDEX sessions_client ON sessions (client_id) WHERE client_id IS NOT NULL",
    // Whether the address was ever proved to be the account's.
    "ALTER TABLE accounts ADD COLUMN email_verified \(type: .boolean) NOT NULL DEFAULT FALSE",
  ]

  private static let apiKeys: [SQL] = [
    .table(
      "api_keys",
      """
      id \(type: .uuid) PRIMARY KEY, account_id \(type: .uuid) NOT NULL, name \(type: .text) NOT NULL,
      hash \(type: .bytea) NOT NULL, scopes \(type: .jsonb) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      expires_at \(type: .timestamptz), last_used_at \(type: .timestamptz)
      """),
    "CREATE INDEX api_keys_account ON api_keys (account_id, id)",
    "CREATE INDEX api_keys_expires_at ON api_keys (expires_at) WHERE expires_at IS NOT NULL",
  ]

  private static let deadMail: [SQL] = [
    "ALTER TABLE mail_requests ADD COLUMN died_at \(type: .timestamptz)",
    "ALTER TABLE mail_requests ADD COLUMN error \(type: .text)",
    // Which message a token was made for: an attempt that is made again makes another one.
    "ALTER TABLE one_time_tokens ADD COLUMN mail_id \(type: .uuid)",
  ]

  private static let mail: [SQL] = [
    .table(
      "mail_requests",
      """
      id \(type: .uuid) PRIMARY KEY, purpose \(type: .text) NOT NULL, email \(type: .text) NOT NULL,
      attempts \(type: .bigint) NOT NULL, due_at \(type: .timestamptz) NOT NULL,
      expires_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX mail_requests_due_at ON mail_requests (due_at)",
  ]
}
