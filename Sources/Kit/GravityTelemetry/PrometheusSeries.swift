import CoreMetrics
import Synchronization

/// One line, or the lines of one histogram, of the exposition.
protocol PrometheusSeries: AnyObject, Sendable {
  func write(name: String, labels: String, to text: inout String)
}

func braced(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }

final class PrometheusCounter: CounterHandler, PrometheusSeries {
  private let value = Atomic<Int64>(0)
  func increment(by amount: Int64) { value.add(amount, ordering: .relaxed) }
  func reset() { value.store(0, ordering: .relaxed) }
  func write(name: String, labels: String, to text: inout String) {
    text += "\(name)\(braced(labels)) \(value.load(ordering: .relaxed))\n"
  }
}

/// A value that goes up and down; also a counter in fractions.
final class PrometheusGauge: MeterHandler, RecorderHandler, FloatingPointCounterHandler, PrometheusSeries {
  private let value = Mutex(0.0)
  func set(_ new: Int64) { value.withLock { $0 = Double(new) } }
  func set(_ new: Double) { value.withLock { $0 = new } }
  func increment(by amount: Double) { value.withLock { $0 += amount } }
  func decrement(by amount: Double) { value.withLock { $0 -= amount } }
  func record(_ new: Int64) { set(new) }
  func record(_ new: Double) { set(new) }
  func reset() { set(0.0) }
  func write(name: String, labels: String, to text: inout String) {
    text += "\(name)\(braced(labels)) \(number(value.withLock { $0 }))\n"
  }
}

final class PrometheusHistogram: TimerHandler, RecorderHandler, PrometheusSeries {
  private struct Counts {
    var buckets: [Int64]
    var sum = 0.0
    var count: Int64 = 0
  }
  private let bounds: [Double]
  private let counts: Mutex<Counts>

  init(bounds: [Double]) {
    self.bounds = bounds
    counts = Mutex(Counts(buckets: Array(repeating: 0, count: bounds.count)))
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) * 1e-9) }
  func record(_ value: Int64) { record(Double(value)) }
  func record(_ value: Double) {
    counts.withLock { counts in
      if let bucket = bounds.firstIndex(where: { value <= $0 }) { counts.buckets[bucket] += 1 }
      counts.sum += value
      counts.count += 1
    }
  }

  func write(name: String, labels: String, to text: inout String) {
    let counts = counts.withLock { $0 }
    let prefix = labels.isEmpty ? "" : labels + ","
    var running: Int64 = 0
    for (bound, count) in zip(bounds, counts.buckets) {
      running += count
      text += "\(name)_bucket{\(prefix)le=\"\(number(bound))\"} \(running)\n"
    }
    text += "\(name)_bucket{\(prefix)le=\"+Inf\"} \(counts.count)\n"
    text += "\(name)_sum\(braced(labels)) \(number(counts.sum))\n"
    text += "\(name)_count\(braced(labels)) \(counts.count)\n"
  }
}

/// A float as the exposition format writes it.
private func number(_ value: Double) -> String {
  if value.isNaN { return "NaN" }
  if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
  return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
}
