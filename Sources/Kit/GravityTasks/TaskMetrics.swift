import GravityData
import Metrics
import Synchronization

/// What is measured of one type of task.
struct TaskTypeMetrics: Sendable {
  private let outcomes: [String: Counter]
  private let durations: Timer
  private let latency: Timer
  private let strays: Gauge

  private static let labels = ["done", "failed", "dead", "canceled", "given_back", "lost", "abandoned"]

  init(_ type: String, _ factory: any MetricsFactory) {
    let type = ("task.type", type)
    outcomes = Dictionary(
      uniqueKeysWithValues: Self.labels.map {
        ($0, Counter(label: "tasks.attempts", dimensions: [type, ("outcome", $0)], factory: factory))
      })
    durations = Timer(label: "tasks.attempt.duration", dimensions: [type], factory: factory)
    latency = Timer(label: "tasks.queue.latency", dimensions: [type], factory: factory)
    strays = Gauge(label: "tasks.strays", dimensions: [type], factory: factory)
  }

  func began(after latency: Duration) { self.latency.recordNanoseconds(Int64(latency.inSeconds * 1e9)) }

  func ended(_ outcome: String, nanoseconds: UInt64?) {
    outcomes[outcome]?.increment()
    if let nanoseconds { durations.recordNanoseconds(Int64(clamping: nanoseconds)) }
  }

  func strays(_ count: Int) { strays.record(count) }
}

/// How many tasks wait, run and are dead. Told by the instance that holds the lease, so that a sum over instances is
/// right; the others say zero.
final class TaskCounts: Sendable {
  private struct Key: Hashable {
    var type: String
    var state: TaskState
  }
  private let factory: any MetricsFactory
  private let gauges = Mutex<[Key: Gauge]>([:])

  init(_ factory: any MetricsFactory) { self.factory = factory }

  func set(_ counts: [TaskCount]) {
    gauges.withLock { gauges in
      var rest = gauges
      for count in counts {
        let key = Key(type: count.type, state: count.state)
        rest[key] = nil
        let gauge =
          gauges[key]
          ?? Gauge(
            label: "tasks.count", dimensions: [("task.type", count.type), ("task.state", count.state.rawValue)],
            factory: factory)
        gauges[key] = gauge
        gauge.record(count.count)
      }
      for gauge in rest.values { gauge.record(0) }
    }
  }
}
