import GravityData

extension AuthSchema {
  static let secondFactor: [SQL] = [
    // Of an account at most one; it counts once it is confirmed, and expires before.
    .table(
      "totp_factors",
      """
      account_id \(type: .uuid) PRIMARY KEY, secret \(type: .bytea) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      confirmed_at \(type: .timestamptz), expires_at \(type: .timestamptz), last_step \(type: .bigint)
      """),
    "CREATE INDEX totp_factors_expires_at ON totp_factors (expires_at) WHERE expires_at IS NOT NULL",
    .table(
      "recovery_codes",
      """
      account_id \(type: .uuid) NOT NULL, hash \(type: .bytea) NOT NULL, PRIMARY KEY (account_id, hash)
      """),
    .table(
      "second_factor_challenges",
      """
      hash \(type: .bytea) PRIMARY KEY, account_id \(type: .uuid) NOT NULL, epoch \(type: .bigint) NOT NULL,
      purpose \(type: .text) NOT NULL, failures \(type: .bigint) NOT NULL, expires_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX second_factor_challenges_account ON second_factor_challenges (account_id)",
    "CREATE INDEX second_factor_challenges_expires_at ON second_factor_challenges (expires_at)",
  ]
}
