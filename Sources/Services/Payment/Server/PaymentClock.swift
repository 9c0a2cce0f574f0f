public import Foundation
import GravityData

/// The two clocks of the service: what is due in the database goes by the database's, the rest by the process's.
public struct PaymentClock: Sendable {
  let now: @Sendable () -> Date
  let inTransaction: @Sendable (any Transaction) throws -> Date

  public static let system = PaymentClock(now: { Date() }, inTransaction: { try $0.now })

  /// One clock for both, which a test moves.
  public static func fixed(_ now: @escaping @Sendable () -> Date) -> PaymentClock {
    PaymentClock(now: now, inTransaction: { _ in now() })
  }
}
