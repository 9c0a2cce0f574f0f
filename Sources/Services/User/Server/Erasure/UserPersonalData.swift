import Foundation
import GravityContracts
import GravityData
import GravityPersonalData
import UserAPI

/// What this service itself knows of a person.
struct UserPersonalData: Sendable {
  let core: UserCore

  /// What ``Lifecycle/erase(_:in:)`` would do now.
  func inventory(of row: UserRow, in transaction: any Transaction) throws -> PersonalDataCounts {
    var counts = PersonalDataCounts(kept: ["user_ids": 1])
    if row.erasedAt == nil { counts.erased["profiles"] = 1 }
    for (kind, table) in [("addresses", "addresses"), ("preferences", "preferences")] as [(String, SQL)] {
      let count: Int64 = try transaction.scalar("SELECT count(*) FROM \(table) WHERE user_id = \(row.id)") ?? 0
      if count > 0 { counts.erased[kind] = count }
    }
    let holds: Int64 = try transaction.scalar("SELECT count(*) FROM legal_holds WHERE user_id = \(row.id)") ?? 0
    if holds > 0 { counts.kept["legal_holds"] = holds }
    return counts
  }
}
