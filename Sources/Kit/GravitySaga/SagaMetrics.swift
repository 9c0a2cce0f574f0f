import GravityContracts
import Metrics
import Synchronization

/// What is measured of one kind of saga.
struct SagaMetrics: Sendable {
  private let started: Counter
  private let endings: [SagaState: Counter]
  private let durations: [SagaState: Timer]
  private let attempts: [Key: Counter]
  private let attemptDurations: [Key: Timer]
  private struct Key: Hashable {
    var step: String
    var kind: SagaStepKind
    var outcome: SagaStepState?
  }

  init(_ saga: AnySaga, _ factory: any MetricsFactory) {
    let name = ("saga.name", saga.name)
    started = Counter(label: "sagas.started", dimensions: [name], factory: factory)
    func each<Value>(_ make: ((String, String)) -> Value) -> [SagaState: Value] {
      Dictionary(uniqueKeysWithValues: [.completed, .compensated].map { ($0, make(("saga.ending", $0.rawValue))) })
    }
    endings = each { Counter(label: "sagas.ended", dimensions: [name, $0], factory: factory) }
    durations = each { Timer(label: "sagas.duration", dimensions: [name, $0], factory: factory) }
    var attempts: [Key: Counter] = [:]
    var attemptDurations: [Key: Timer] = [:]
    for step in saga.steps {
      for kind in SagaStepKind.allCases where kind == .action || step.compensation != nil {
        let labels = [name, ("saga.step", step.name), ("saga.step.kind", kind.rawValue)]
        attemptDurations[Key(step: step.name, kind: kind)] = Timer(
          label: "sagas.step.duration", dimensions: labels, factory: factory)
        for outcome in SagaStepState.allCases where outcome != .running {
          attempts[Key(step: step.name, kind: kind, outcome: outcome)] = Counter(
            label: "sagas.step.attempts", dimensions: labels + [("outcome", outcome.rawValue)], factory: factory)
        }
      }
    }
    self.attempts = attempts
    self.attemptDurations = attemptDurations
  }

  func began() { started.increment() }

  func ended(_ entry: TimelineEntry, nanoseconds: UInt64?) {
    attempts[Key(step: entry.step, kind: entry.kind, outcome: entry.outcome)]?.increment()
    if let nanoseconds {
      attemptDurations[Key(step: entry.step, kind: entry.kind)]?.recordNanoseconds(Int64(clamping: nanoseconds))
    }
  }

  func ended(_ state: SagaState, afterSeconds seconds: Double) {
    endings[state]?.increment()
    durations[state]?.recordNanoseconds(Int64(max(0, seconds) * 1e9))
  }
}

/// How many sagas have not ended, and how late they are. Told by one instance among all, so that a sum over instances
/// is right; the others say zero.
final class SagaGauges: Sendable {
  struct Reading: Sendable {
    var counts: [SagaCount] = []
    /// Seconds since the oldest that has not ended was started.
    var oldestAge = 0.0
    /// Seconds since the first that nobody runs was due.
    var lag = 0.0
  }
  private struct Key: Hashable {
    var name: String
    var state: String
  }
  private let factory: any MetricsFactory
  private let gauges = Mutex<[Key: Gauge]>([:])
  private let age: Gauge
  private let lag: Gauge

  init(_ factory: any MetricsFactory, names: [String]) {
    self.factory = factory
    age = Gauge(label: "sagas.oldest.age", factory: factory)
    lag = Gauge(label: "sagas.due.lag", factory: factory)
    // There from the start, so that an alert on it finds it.
    set(Reading(counts: names.map { SagaCount(name: $0, state: .known(.parked), count: 0) }))
  }

  func set(_ reading: Reading) {
    age.record(reading.oldestAge)
    lag.record(reading.lag)
    gauges.withLock { gauges in
      var rest = gauges
      for count in reading.counts {
        let key = Key(name: count.name, state: count.state.rawValue)
        rest[key] = nil
        let gauge =
          gauges[key]
          ?? Gauge(
            label: "sagas.count", dimensions: [("saga.name", key.name), ("saga.state", key.state)], factory: factory)
        gauges[key] = gauge
        gauge.record(count.count)
      }
      for gauge in rest.values { gauge.record(0) }
    }
  }
}
