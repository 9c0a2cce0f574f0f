import CoreMetrics
import Foundation
import GravityTelemetry
import Synchronization
import Testing

/// Series in which many count at the same time, as event loops do, and series that go.
@Suite struct SharedSeriesTests {
  private let metrics = PrometheusMetrics()

  /// Threads of their own, all of which begin before any is done.
  private func together(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) async {
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<count {
        group.addTask {
          await withCheckedContinuation { continuation in
            Thread {
              body(number)
              continuation.resume()
            }.start()
          }
        }
      }
    }
  }

  /// The number at the end of the line that begins with `name`.
  private func value(_ name: String, in text: String) -> Double? {
    text.split(separator: "\n").first { $0.hasPrefix(name + " ") }.flatMap { Double($0.dropFirst(name.count + 1)) }
  }

  @Test("what several threads count into a histogram is all there, buckets, count and sum")
  func histogram() async {
    let (metrics, rounds) = (metrics, 20_000)
    await together(4) { thread in
      let timer = CoreMetrics.Timer(label: "t", factory: metrics)
      // A half, a quarter, an eighth, a sixteenth of a second: no sum of these is ever rounded.
      for _ in 0..<rounds { timer.recordNanoseconds(500_000_000 >> Int64(thread)) }
    }
    let text = metrics.text()
    #expect(value("t_seconds_count", in: text) == Double(4 * rounds))
    #expect(value("t_seconds_bucket{le=\"+Inf\"}", in: text) == Double(4 * rounds))
    #expect(value("t_seconds_bucket{le=\"0.1\"}", in: text) == Double(rounds))
    #expect(value("t_seconds_bucket{le=\"0.25\"}", in: text) == Double(3 * rounds))
    let sum = value("t_seconds_sum", in: text) ?? 0
    #expect(abs(sum - Double(rounds) * (0.5 + 0.25 + 0.125 + 0.0625)) < 1e-3)
  }

  @Test("a scrape in the middle of it finds a count that is what its last bucket says, and that never falls")
  func scrapes() async {
    let metrics = metrics
    let done = Done()
    let timer = CoreMetrics.Timer(label: "t", factory: metrics)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await together(2) { _ in for number in 0..<20_000 { timer.recordNanoseconds(Int64(number) * 1_000_000) } }
        done.isSet.store(true, ordering: .releasing)
      }
      var before = 0.0
      repeat {
        let text = metrics.text()
        let count = value("t_seconds_count", in: text)
        #expect(count != nil && count == value("t_seconds_bucket{le=\"+Inf\"}", in: text))
        #expect((count ?? 0) >= before)
        before = count ?? 0
        await Task.yield()
      } while !done.isSet.load(ordering: .acquiring)
    }
    #expect(value("t_seconds_count", in: metrics.text()) == 40_000)
  }

  @Test("a gauge that several threads raise and lower is at the end what is left")
  func gauge() async {
    let metrics = metrics
    await together(4) { _ in
      let meter = Meter(label: "open", factory: metrics)
      for _ in 0..<20_000 {
        meter.increment()
        meter.increment()
        meter.decrement()
      }
    }
    #expect(metrics.text() == "# TYPE open gauge\nopen 80000\n")
  }

  @Test("what is no number is counted above all bounds")
  func notANumber() {
    Recorder(label: "r", factory: metrics).record(Double.nan)
    #expect(value("r_count", in: metrics.text()) == 1)
    #expect(value("r_bucket{le=\"1048576\"}", in: metrics.text()) == 0)
  }

  @Test("a series that is destroyed is written no more, and what is made in its place begins anew")
  func destroyed() {
    let (here, gone) = (gauge("a"), gauge("b"))
    here.record(1)
    gone.record(2)
    gone.destroy()
    gone.record(3)
    #expect(metrics.text() == "# TYPE state gauge\nstate{instance=\"a\"} 1\n")
    gauge("b").record(4)
    // The former of the same labels is not the one that is there now.
    gone.destroy()
    #expect(metrics.text() == "# TYPE state gauge\nstate{instance=\"a\"} 1\nstate{instance=\"b\"} 4\n")
  }

  private func gauge(_ instance: String) -> Gauge {
    Gauge(label: "state", dimensions: [("instance", instance)], factory: metrics)
  }

  @Test("too many series are told once for each name, and those that are destroyed leave room for others")
  func overflow() {
    let told = Mutex<[String]>([])
    let metrics = PrometheusMetrics { name in told.withLock { $0.append(name) } }
    let counters = (0..<PrometheusMetrics.greatestSeriesCount + 3).map { number in
      Counter(label: "x", dimensions: [("n", "\(number)")], factory: metrics)
    }
    for counter in counters { counter.increment() }
    #expect(told.withLock { $0 } == ["x_total"])
    #expect(metrics.text().contains("x_total{overflow=\"true\"} 3\n"))
    // It is not one's alone.
    counters.last?.destroy()
    #expect(metrics.text().contains("x_total{overflow=\"true\"} 3\n"))
    counters[0].destroy()
    counters[1].destroy()
    Counter(label: "x", dimensions: [("n", "new")], factory: metrics).increment()
    #expect(metrics.text().contains("x_total{n=\"new\"} 1\n"))
    #expect(told.withLock { $0 }.count == 1)
  }
}

private final class Done: Sendable { let isSet = Atomic(false) }
