import CoreMetrics
import Logging
import Synchronization

/// Tells what limits would have refused that are only watched: each request to the metrics, and a count to the log, once
/// a minute for each policy at most.
final class ShadowReports: Sendable {
  private struct Report {
    let counter: Counter
    /// Not in the log yet.
    var count = 0
    /// Nanoseconds of the monotonic clock.
    var next = Int64.min
  }
  private let reports: Mutex<[String: Report]>
  private let logger: Logger
  private static let interval: Int64 = 60_000_000_000

  init(_ policies: [LimitPolicy], _ metrics: GatewayMetrics, _ logger: Logger) {
    let reports = policies.filter(\.limit.isShadow).map {
      ($0.bucket, Report(counter: metrics.shadowed(policy: $0.bucket)))
    }
    self.reports = Mutex(Dictionary(reports, uniquingKeysWith: { first, _ in first }))
    self.logger = logger
  }

  /// - Parameter now: Nanoseconds of the monotonic clock.
  func refused(_ policy: LimitPolicy, now: Int64) {
    let count: Int? = reports.withLock { reports in
      guard var report = reports[policy.bucket] else { return nil }
      report.counter.increment()
      report.count += 1
      let isDue = now >= report.next
      let count = report.count
      if isDue { (report.count, report.next) = (0, now + Self.interval) }
      reports[policy.bucket] = report
      return isDue ? count : nil
    }
    guard let count else { return }
    logger.notice(
      "a limit that is only watched would have refused requests",
      metadata: ["policy": "\(policy.bucket)", "requests": "\(count)"])
  }
}
