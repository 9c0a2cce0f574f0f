import CoreMetrics
import Synchronization

/// Counts by upper bound, as a cumulative histogram.
///
/// Event loops that share one add to atomics, and none waits for another or for a scrape. So a scrape in the middle of
/// it may have counted a value that is not in the sum yet, or that other series do not have yet; the count and the
/// buckets always agree, since the one is made of the others, and none of them ever falls.
final class PrometheusHistogram: TimerHandler, RecorderHandler, PrometheusSeries {
  private let bounds: [Double]
  /// One for each bound, and one for what is above them all. Nothing but atomics is in there.
  private nonisolated(unsafe) let buckets: UnsafeMutablePointer<Atomic<Int64>>
  private let sum = Atomic<Double>(0)

  /// - Parameter bounds: Rising.
  init(bounds: [Double]) {
    self.bounds = bounds
    buckets = .allocate(capacity: bounds.count + 1)
    for bucket in 0...bounds.count { (buckets + bucket).initialize(to: Atomic(0)) }
  }

  deinit {
    buckets.deinitialize(count: bounds.count + 1)
    buckets.deallocate()
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) * 1e-9) }
  func record(_ value: Int64) { record(Double(value)) }
  func record(_ value: Double) {
    // What is no number is at no bound, so it is above them all.
    buckets[bounds.firstIndex { value <= $0 } ?? bounds.count].add(1, ordering: .relaxed)
    sum.add(value)
  }

  func write(name: String, labels: String, to text: inout String) {
    let prefix = labels.isEmpty ? "" : labels + ","
    var running: Int64 = 0
    for (place, bound) in bounds.enumerated() {
      running += buckets[place].load(ordering: .relaxed)
      text += "\(name)_bucket{\(prefix)le=\"\(number(bound))\"} \(running)\n"
    }
    running += buckets[bounds.count].load(ordering: .relaxed)
    text += "\(name)_bucket{\(prefix)le=\"+Inf\"} \(running)\n"
    text += "\(name)_sum\(braced(labels)) \(number(sum.load(ordering: .relaxed)))\n"
    text += "\(name)_count\(braced(labels)) \(running)\n"
  }
}
