import GravityData
import GravityPersonalData

extension OrderSchema {
  static let personalData: [SQL] =
    PersonalDataHolder.migrationStatements + [
      // When an order's addresses were taken out.
      "ALTER TABLE orders ADD COLUMN erased_at \(type: .timestamptz)"
    ]
}
