public import Foundation
import GravityData

/// The clock that reservations expire by: the database's.
public struct InventoryClock: Sendable {
  let inTransaction: @Sendable (any Transaction) throws -> Date

  public static let system = InventoryClock(inTransaction: { try $0.now })

  /// One that a test moves.
  public static func fixed(_ now: @escaping @Sendable () -> Date) -> InventoryClock {
    InventoryClock(inTransaction: { _ in now() })
  }
}
