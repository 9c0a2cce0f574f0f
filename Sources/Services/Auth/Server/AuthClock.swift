public import Foundation
import GravityData

/// The two clocks of the service: expiry in the database goes by the database's, times in tokens by the process's.
public struct AuthClock: Sendable {
  let now: @Sendable () -> Date
  let inTransaction: @Sendable (any Transaction) throws -> Date

  public static let system = AuthClock(now: { Date() }, inTransaction: { try $0.now })

  /// One clock for both, which a test moves.
  public static func fixed(_ now: @escaping @Sendable () -> Date) -> AuthClock {
    AuthClock(now: now, inTransaction: { _ in now() })
  }
}
