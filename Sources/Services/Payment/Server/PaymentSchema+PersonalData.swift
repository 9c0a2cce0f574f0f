import GravityData
import GravityEvents
import GravityPersonalData

extension PaymentSchema {
  static let personalData: [SQL] =
    EventConsumer.migrationStatements + PersonalDataHolder.migrationStatements + [
      // When what others wrote beside a payment was taken out.
      "ALTER TABLE payments ADD COLUMN erased_at \(type: .timestamptz)"
    ]
}
