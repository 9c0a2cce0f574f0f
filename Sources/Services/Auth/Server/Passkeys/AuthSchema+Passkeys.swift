import GravityData

extension AuthSchema {
  static let passkeys: [SQL] = [
    // A credential is one account's for ever: whoever registered it first.
    .table(
      "passkeys",
      """
      id \(type: .uuid) PRIMARY KEY, account_id \(type: .uuid) NOT NULL, credential_id \(type: .bytea) NOT NULL UNIQUE,
      public_key \(type: .bytea) NOT NULL, sign_count \(type: .bigint) NOT NULL, transports \(type: .text) NOT NULL,
      backup_eligible \(type: .boolean) NOT NULL, backed_up \(type: .boolean) NOT NULL, name \(type: .text) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, last_used_at \(type: .timestamptz)
      """),
    "CREATE INDEX passkeys_account ON passkeys (account_id, id)",
    // What authenticators know an account by.
    .table(
      "passkey_users", "account_id \(type: .uuid) PRIMARY KEY, handle \(type: .bytea) NOT NULL UNIQUE"),
    // What is to be signed, until it was or expires.
    .table(
      "passkey_challenges",
      """
      hash \(type: .bytea) PRIMARY KEY, account_id \(type: .uuid), epoch \(type: .bigint),
      expires_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX passkey_challenges_account ON passkey_challenges (account_id) WHERE account_id IS NOT NULL",
    "CREATE INDEX passkey_challenges_expires_at ON passkey_challenges (expires_at)",
  ]
}
