import CoreMetrics
import GravityCache
import Patience
import Synchronization
import Testing

@Suite struct MetricsTests {
  @Test("requests are counted by cache, tier and result; sizes are gauges, loads are timed")
  func requests() async throws {
    let metrics = Recorded()
    let time = HeldClock()
    let origin = Origin()
    let store = FaultyStore(time)
    let cache = try Cache<String, String>(
      name: "profile", policy: Bench.policy, store: store, metrics: metrics, clock: time.clock, shards: 1)
    origin.set("a", "Ada", version: 1)
    func read(_ key: String) async throws -> String? {
      try await cache.value(for: key) { try await origin.read(key) }
    }
    _ = try await read("a")
    _ = try await read("a")
    _ = try await read("b")
    _ = try await read("b")
    origin.fail(Failure())
    await #expect(throws: Failure()) { try await read("c") }
    cache.publish()
    cache.publish()
    #expect(metrics.value("cache.requests cache=profile tier=l1 result=hit") == 1)
    #expect(metrics.value("cache.requests cache=profile tier=l1 result=miss") == 3)
    #expect(metrics.value("cache.requests cache=profile tier=l1 result=negative") == 1)
    #expect(metrics.value("cache.requests cache=profile tier=l2 result=miss") == 3)
    #expect(metrics.value("cache.requests cache=profile tier=origin result=hit") == 1)
    #expect(metrics.value("cache.requests cache=profile tier=origin result=negative") == 1)
    #expect(metrics.value("cache.requests cache=profile tier=origin result=error") == 1)
    #expect(metrics.value("cache.entries cache=profile") == 2)
    #expect(metrics.value("cache.size.bytes cache=profile") == Int64(cache.statistics().bytes))
    #expect(metrics.value("cache.load.duration cache=profile result=ok") == 2)
    #expect(metrics.value("cache.load.duration cache=profile result=error") == 1)
    #expect(metrics.value("cache.l2.up cache=profile") == 1)

    time.advance(10)
    origin.fail(nil)
    store.set(.fails)
    _ = try await read("a")
    #expect(metrics.value("cache.requests cache=profile tier=l1 result=hit") == 1)
    try await eventually("the refresh has ended") { cache.valueInMemory(for: "a") != nil }
    for number in 0..<9 { _ = try await read("\(number)") }
    time.advance(1)
    _ = try await read("a")
    #expect(metrics.value("cache.requests cache=profile tier=l1 result=stale") == 1, "by themselves, each second")
    #expect(metrics.value("cache.requests cache=profile tier=l2 result=error") == 10)
    #expect(metrics.value("cache.l2.up cache=profile") == 0)
  }
}

/// Metrics as a test reads them: a counter's sum, a gauge's last value, a timer's count.
final class Recorded: MetricsFactory {
  private let values = Mutex<[String: Int64]>([:])

  func value(_ name: String) -> Int64? { values.withLock { $0[name] } }

  private final class Handler: CounterHandler, RecorderHandler, TimerHandler {
    let name: String
    let owner: Recorded
    init(_ owner: Recorded, _ label: String, _ dimensions: [(String, String)]) {
      self.owner = owner
      name = ([label] + dimensions.map { "\($0)=\($1)" }).joined(separator: " ")
    }
    func increment(by amount: Int64) { owner.values.withLock { $0[name, default: 0] += amount } }
    func reset() {}
    func record(_ value: Int64) { owner.values.withLock { $0[name] = value } }
    func record(_ value: Double) { record(Int64(value)) }
    func recordNanoseconds(_ duration: Int64) { increment(by: 1) }
  }

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    Handler(self, label, dimensions)
  }
  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    Handler(self, label, dimensions)
  }
  func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { NOOPMetricsHandler.instance }
  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { Handler(self, label, dimensions) }
  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyMeter(_ handler: any MeterHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}
}
