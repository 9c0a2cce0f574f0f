import Foundation
import Metrics
import NotificationAPI

/// What is measured of deliveries.
struct DeliveryMetrics: Sendable {
  private let states: [DeliveryState: Counter]
  private let latency: Metrics.Timer

  init(_ factory: any MetricsFactory) {
    states = Dictionary(
      uniqueKeysWithValues: DeliveryState.allCases.map { state in
        (state, Counter(label: "notification.deliveries", dimensions: [("state", state.rawValue)], factory: factory))
      })
    latency = Metrics.Timer(label: "notification.latency", factory: factory)
  }

  /// An attempt has put its delivery into a state.
  /// - Parameter sendAt: When it was to be sent, if that was not at once.
  func ended(_ row: DeliveryRow, since sendAt: Date?) {
    states[row.state]?.increment()
    guard row.state == .sent, let sentAt = row.sentAt else { return }
    let due = max(row.createdAt, sendAt ?? row.createdAt)
    latency.recordNanoseconds(Int64(max(0, sentAt.timeIntervalSince(due)) * 1e9))
  }
}
