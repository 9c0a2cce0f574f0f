import GravityData
import GravitySaga

extension UserSchema {
  static let erasure: [SQL] = SagaStore.migrationStatements + ErasureStore.tables + LegalHoldStore.tables
}
