public import Foundation
import GravityData

/// The service's clock: the database's, or a test's.
public struct ProductClock: Sendable {
  let inTransaction: @Sendable (any Transaction) throws -> Date

  public static let system = ProductClock(inTransaction: { try $0.now })

  /// One that a test moves.
  public static func fixed(_ now: @escaping @Sendable () -> Date) -> ProductClock {
    ProductClock(inTransaction: { _ in now() })
  }
}
