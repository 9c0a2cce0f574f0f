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
  private let reports = Mutex<[String: Report]>([:])
  private let metrics: GatewayMetrics
  private let logger: Logger
  private static let interval: Int64 = 60_000_000_000

  init(_ metrics: GatewayMetrics, _ logger: Logger) {
    self.metrics = metrics
    self.logger = logger
  }

  /// Tells of these from now on, and goes on with those that it knows.
  func follow(_ policies: [LimitPolicy]) {
    let buckets = Set(policies.filter(\.limit.isShadow).map(\.bucket))
    reports.withLock { reports in
      reports = reports.filter { buckets.contains($0.key) }
      for bucket in buckets where reports[bucket] == nil {
        reports[bucket] = Report(counter: metrics.shadowed(policy: bucket))
      }
    }
  }

  /// - Parameter now: Nanoseconds of the monotonic clock.
  func refused(_ policy: LimitPolicy, now: Int64) {
    policy.counts.watched.add(1, ordering: .relaxed)
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
