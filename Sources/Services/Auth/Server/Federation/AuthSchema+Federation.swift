import GravityData

extension AuthSchema {
  static let federation: [SQL] = [
    // With which persons at other providers somebody signs in to an account. A provider's subject is one person for
    // ever; an account has at most one of each provider.
    .table(
      "linked_identities",
      """
      id \(type: .uuid) PRIMARY KEY, account_id \(type: .uuid) NOT NULL, issuer \(type: .text) NOT NULL,
      subject \(type: .text) NOT NULL, email \(type: .text), linked_at \(type: .timestamptz) NOT NULL,
      last_used_at \(type: .timestamptz), UNIQUE (issuer, subject), UNIQUE (account_id, issuer)
      """),
    // Who is on their way to a provider and back: to sign in, with what a client asked for, or to link.
    .table(
      "provider_visits",
      """
      hash \(type: .bytea) PRIMARY KEY, request \(type: .text), account_id \(type: .uuid), epoch \(type: .bigint),
      expires_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX provider_visits_account ON provider_visits (account_id) WHERE account_id IS NOT NULL",
    "CREATE INDEX provider_visits_expires_at ON provider_visits (expires_at)",
    // How the first factor was shown; of older ones: by password.
    "ALTER TABLE second_factor_challenges ADD COLUMN methods \(type: .text)",
  ]
}
