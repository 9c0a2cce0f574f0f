import GravityData
import GravityEvents
import GravityPersonalData

extension AuthSchema {
  static let personalData: [SQL] =
    EventConsumer.migrationStatements + PersonalDataHolder.migrationStatements + [
      "CREATE INDEX authorization_codes_account ON authorization_codes (account_id)"
    ]
}
