import Foundation
import GravityData
import Metrics

/// How many erasures are under way and how many are overdue. Every instance says the same: alert on the greatest.
struct ErasureGauges: Sendable {
  private let open: Gauge
  private let overdue: Gauge

  init(_ factory: any MetricsFactory) {
    open = Gauge(label: "erasures.open", factory: factory)
    overdue = Gauge(label: "erasures.overdue", factory: factory)
    // There from the start, so that an alert on it finds it.
    open.record(0)
    overdue.record(0)
  }

  func record(_ core: UserCore) async throws {
    let counts = try await core.read { transaction, now in
      try ErasureStore(transaction).counts(overdueBefore: now - core.configuration.erasureDeadline)
    }
    open.record(counts.open)
    overdue.record(counts.overdue)
  }
}
