import Foundation
import Metrics

/// What a consumer counts.
struct ConsumerMeters: Sendable {
  private let handled: Counter
  private let duplicates: Counter
  private let failures: Counter
  private let deaths: Counter
  private let duration: Metrics.Timer
  private let gauges: [ParkedEvent.State: Gauge]

  init(consumer: String, _ metrics: any MetricsFactory) {
    func counter(_ outcome: String) -> Counter {
      Counter(
        label: "messaging.consumed.events", dimensions: [("consumer", consumer), ("outcome", outcome)],
        factory: metrics)
    }
    handled = counter("handled")
    duplicates = counter("duplicate")
    failures = counter("failed")
    deaths = counter("dead")
    duration = Metrics.Timer(
      label: "messaging.process.duration", dimensions: [("consumer", consumer)], factory: metrics)
    gauges = Dictionary(
      uniqueKeysWithValues: ParkedEvent.State.allCases.map { state in
        let dimensions = [("consumer", consumer), ("state", state.rawValue)]
        return (state, Gauge(label: "messaging.parked.events", dimensions: dimensions, factory: metrics))
      })
  }

  /// `took` is the transaction's time, which its events share.
  func handled(_ outcomes: [UUID: EventIntake.Outcome], took: Duration) {
    let count = outcomes.values.count { $0 == .handled }
    handled.increment(by: count)
    duplicates.increment(by: outcomes.values.count { $0 == .duplicate })
    if count > 0 { duration.recordNanoseconds(Int64(took / .nanoseconds(1))) }
  }
  func failed() { failures.increment() }
  func died() { deaths.increment() }
  func parked(_ counts: [ParkedEvent.State: Int]) {
    for (state, gauge) in gauges { gauge.record(counts[state] ?? 0) }
  }
}
