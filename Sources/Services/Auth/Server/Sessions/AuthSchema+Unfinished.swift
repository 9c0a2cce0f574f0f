import GravityData

extension AuthSchema {
  /// ``Unfinished`` is looked for whenever sessions end, among rows that are kept for a week.
  static let unfinished: [SQL] = [
    "CREATE INDEX authorization_codes_client ON authorization_codes (client_id) WHERE consumed_at IS NULL",
    "CREATE INDEX device_authorizations_account ON device_authorizations (account_id) WHERE account_id IS NOT NULL",
  ]
}
