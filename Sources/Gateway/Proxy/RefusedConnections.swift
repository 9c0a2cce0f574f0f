import CoreMetrics
import Logging
import Synchronization

/// Connections of clients that are closed at once, since their event loop has as many as it takes: counted, and told in
/// the log once a second at most, however many come.
final class RefusedConnections: Sendable {
  private let counter: Counter
  private let logger: Logger
  private let limit: Int
  /// Since the last line of the log.
  private let untold = Atomic(0)
  /// When there may be another line, in nanoseconds of the monotonic clock.
  private let nextLine = Atomic<Int64>(.min)

  /// - Parameter limit: Connections that one event loop takes.
  init(_ counter: Counter, limit: Int, _ logger: Logger) {
    self.counter = counter
    self.limit = limit
    self.logger = logger
  }

  /// - Parameter now: Nanoseconds of the monotonic clock.
  func note(now: Int64) {
    counter.increment()
    untold.add(1, ordering: .relaxed)
    let next = nextLine.load(ordering: .relaxed)
    // Of all event loops to which it happens now, one says so.
    guard now >= next,
      nextLine.compareExchange(expected: next, desired: now + 1_000_000_000, ordering: .relaxed).exchanged
    else { return }
    logger.warning(
      "connections are closed at once, since an event loop has as many as it takes",
      metadata: [
        "gravity.connections.refused": "\(untold.exchange(0, ordering: .relaxed))",
        "gravity.connections.limit": "\(limit)",
      ])
  }
}
