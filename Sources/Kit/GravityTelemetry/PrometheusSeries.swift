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
  private let value = Atomic<Double>(0)
  func set(_ new: Int64) { set(Double(new)) }
  func set(_ new: Double) { value.store(new, ordering: .relaxed) }
  func increment(by amount: Double) { value.add(amount) }
  func decrement(by amount: Double) { value.add(-amount) }
  func record(_ new: Int64) { set(new) }
  func record(_ new: Double) { set(new) }
  func reset() { set(0.0) }
  func write(name: String, labels: String, to text: inout String) {
    text += "\(name)\(braced(labels)) \(number(value.load(ordering: .relaxed)))\n"
  }
}

extension Atomic<Double> {
  /// Adds without a lock: again and again, while others add at the same moment.
  func add(_ amount: Double) {
    var known = load(ordering: .relaxed)
    while true {
      let (isDone, found) = weakCompareExchange(expected: known, desired: known + amount, ordering: .relaxed)
      if isDone { return }
      known = found
    }
  }
}

/// A float as the exposition format writes it.
func number(_ value: Double) -> String {
  if value.isNaN { return "NaN" }
  if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
  return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
}
