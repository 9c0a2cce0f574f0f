public import Foundation
import GravityData

/// What is due goes by the database's clock; a test puts its own in the place.
public struct NotificationClock: Sendable {
  let inTransaction: @Sendable (any Transaction) throws -> Date

  public static let system = NotificationClock { try $0.now }

  /// One that a test moves.
  public static func fixed(_ now: @escaping @Sendable () -> Date) -> NotificationClock {
    NotificationClock { _ in now() }
  }
}
