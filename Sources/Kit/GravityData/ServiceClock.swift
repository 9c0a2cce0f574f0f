public import Foundation

/// The two clocks of a service: what is due in its database goes by the database's, the rest by the process's.
public struct ServiceClock: Sendable {
  public let now: @Sendable () -> Date
  public let inTransaction: @Sendable (any Transaction) throws -> Date

  public static let system = ServiceClock(now: { Date() }, inTransaction: { try $0.now })

  /// One clock for both, which a test moves.
  public static func fixed(_ now: @escaping @Sendable () -> Date) -> ServiceClock {
    ServiceClock(now: now, inTransaction: { _ in now() })
  }
}
