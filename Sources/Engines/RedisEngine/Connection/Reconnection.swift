import GravityData
import Logging

/// Connecting again and again: at once after a connection that broke, else, and when it breaks again and again, after
/// growing pauses.
struct Reconnection {
  private static let longEnough = Duration.seconds(5)
  private let logger: Logger
  private let what: String
  private var backoff = Backoff(first: .milliseconds(50), greatest: .seconds(2))
  private var upSince: ContinuousClock.Instant?
  private var lastFailure: RedisError?

  /// - Parameter what: Names the connection in the log.
  init(_ what: String, _ logger: Logger) {
    self.what = what
    self.logger = logger
  }

  mutating func connected() {
    upSince = .now
    if lastFailure != nil { logger.notice("\(what) is there again") }
  }

  /// - Returns: how long to wait before the next attempt.
  mutating func ended(_ failure: RedisError) -> Duration {
    defer {
      upSince = nil
      lastFailure = failure
    }
    // The same again and again is no news.
    if upSince != nil || lastFailure != failure {
      logger.warning("\(what) is away", metadata: ["error.message": "\(failure)"])
    }
    if let upSince, ContinuousClock.now - upSince >= Self.longEnough { backoff.succeeded() }
    guard upSince == nil || backoff.failures > 0 else {
      backoff.failed()
      return .zero
    }
    return backoff.next()
  }
}
