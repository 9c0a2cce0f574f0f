import GravityData

extension AuthSchema {
  static let devices: [SQL] = [
    .table(
      "device_authorizations",
      """
      hash \(type: .bytea) PRIMARY KEY, user_code \(type: .bytea) NOT NULL, client_id \(type: .uuid) NOT NULL,
      scopes \(type: .jsonb) NOT NULL, state \(type: .text) NOT NULL, pause \(type: .bigint) NOT NULL,
      polled_at \(type: .timestamptz), account_id \(type: .uuid), epoch \(type: .bigint), methods \(type: .text),
      authenticated_at \(type: .timestamptz), expires_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE UNIQUE INDEX device_authorizations_user_code ON device_authorizations (user_code)",
    "CREATE INDEX device_authorizations_client ON device_authorizations (client_id, expires_at)",
    "CREATE INDEX device_authorizations_expires_at ON device_authorizations (expires_at)",
  ]

  static let deviceAssurance: [SQL] = [
    // How well whoever lets a device in has to have authenticated, and in how many seconds before.
    "ALTER TABLE device_authorizations ADD COLUMN second_factor \(type: .boolean) NOT NULL DEFAULT FALSE",
    "ALTER TABLE device_authorizations ADD COLUMN max_age \(type: .bigint)",
  ]
}
