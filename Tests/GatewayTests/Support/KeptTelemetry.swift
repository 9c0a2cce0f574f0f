import CoreMetrics
import Logging
import Synchronization

/// Counters and gauges by label and dimensions: `gateway.limit.decisions{lease}`.
final class KeptMetrics: MetricsFactory, Sendable {
  private let values = Mutex<[String: Double]>([:])

  func value(_ name: String) -> Double { values.withLock { $0[name] ?? 0 } }

  fileprivate final class Handler: CounterHandler, RecorderHandler, MeterHandler, TimerHandler, Sendable {
    let name: String
    let owner: KeptMetrics
    init(_ name: String, _ owner: KeptMetrics) { (self.name, self.owner) = (name, owner) }
    func increment(by amount: Int64) { owner.values.withLock { $0[name, default: 0] += Double(amount) } }
    func reset() { owner.values.withLock { $0[name] = 0 } }
    func record(_ value: Int64) { owner.values.withLock { $0[name] = Double(value) } }
    func record(_ value: Double) { owner.values.withLock { $0[name] = value } }
    func set(_ value: Int64) { record(value) }
    func set(_ value: Double) { record(value) }
    func increment(by amount: Double) { owner.values.withLock { $0[name, default: 0] += amount } }
    func decrement(by amount: Double) { increment(by: -amount) }
    func recordNanoseconds(_ duration: Int64) {}
  }

  private func make(_ label: String, _ dimensions: [(String, String)]) -> Handler {
    Handler(dimensions.isEmpty ? label : "\(label){\(dimensions.map(\.1).joined(separator: ","))}", self)
  }
  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { make(label, dimensions) }
  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    make(label, dimensions)
  }
  func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { make(label, dimensions) }
  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { make(label, dimensions) }
  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyMeter(_ handler: any MeterHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}
}

/// Lines that were logged.
final class KeptLog: Sendable {
  private let lines = Mutex<[String]>([])

  func count(_ text: String) -> Int { lines.withLock { $0.count { $0.contains(text) } } }

  var logger: Logger { Logger(label: "test", factory: { _ in Handler(log: self) }) }

  private struct Handler: LogHandler {
    let log: KeptLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      log.lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
    }
  }
}
