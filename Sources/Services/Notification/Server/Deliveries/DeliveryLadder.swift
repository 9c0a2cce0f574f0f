import Foundation

/// How long a delivery waits after each failure: eight attempts within half an hour, each wait about twice the one
/// before, so that a restart costs seconds and an outage is not hammered.
struct DeliveryLadder: Sendable {
  static let attempts: Int64 = 8
  /// Seconds before the second attempt, the third and so on: 24 minutes in all, and never more than 30 with jitter.
  static let delays: [TimeInterval] = [7, 15.5, 34, 75, 165, 360, 790]
  private static let jitter = 0.2

  /// - Parameters:
  ///   - failures: so far, at least 1.
  ///   - chance: 0 to 1.
  /// - Returns: nil when that was the last attempt.
  static func delay(after failures: Int64, chance: Double) -> TimeInterval? {
    guard failures >= 1, failures < attempts else { return nil }
    return delays[Int(failures) - 1] * (1 - jitter + 2 * jitter * min(max(chance, 0), 1))
  }
}
