import CoreMetrics
import Foundation
import Logging
import Patience
import Synchronization
import Testing

@testable import GravityTelemetry

/// A receiver that does what it is told to, and a time that goes on only when somebody waits.
private final class Collector: SpanTransport {
  enum Act: Sendable {
    case reply(SpanReply)
    case fail
    /// Until it is cancelled.
    case hang
  }
  struct Broken: Error {}
  private struct State {
    var acts: [Act] = []
    var posts: [[String]] = []
    var slept: [Duration] = []
  }
  private let state = Mutex(State())
  let time = HeldClock()

  /// Whether the time for what is left at the end passes at once.
  private let isHurried: Bool

  init(_ acts: [Act] = [], isHurried: Bool = false) {
    self.isHurried = isHurried
    state.withLock { $0.acts = acts }
  }

  func post(_ body: [UInt8], timeout: Duration) async throws -> SpanReply {
    let names = try StrictOTLP.spans(body).map { $0.span["name"] as? String ?? "" }
    let act = state.withLock { state in
      state.posts.append(names)
      return state.acts.isEmpty ? Act.reply(SpanReply(status: 200, body: Array("{}".utf8))) : state.acts.removeFirst()
    }
    switch act {
    case .reply(let reply): return reply
    case .fail: throw Broken()
    case .hang:
      try await Task.sleep(for: .seconds(3_600))
      throw Broken()
    }
  }

  var posts: [[String]] { state.withLock { $0.posts } }
  var slept: [Duration] { state.withLock { $0.slept } }

  /// Passes at once, but for the pause between exports and the time at the end, which last until somebody ends them.
  @Sendable func sleep(_ duration: Duration) async throws {
    state.withLock { $0.slept.append(duration) }
    if duration == Exporting.delay || duration == SpanExporter.flushTime && !isHurried {
      return try await Task.sleep(for: .seconds(3_600))
    }
    time.advance(by: UInt64(duration / .nanoseconds(1)))
    try Task.checkCancellation()
    await Task.yield()
  }
}

/// An exporter with a receiver of its own.
private struct Exporting {
  static let delay = Duration.milliseconds(777)
  let collector: Collector
  let tracing: TracingSystem
  let tracer: Tracer
  let exporter: SpanExporter
  let metrics = PrometheusMetrics()
  let output = LogOutput(collecting: .json)

  init(
    _ acts: [Collector.Act] = [], queue: Int = 100, batch: Int = 10, isHurried: Bool = false,
    sleep: (@Sendable (Duration) async throws -> Void)? = nil
  ) throws {
    collector = Collector(acts, isHurried: isHurried)
    var settings = TraceSettings()
    settings.export = .init(endpoint: try #require(URL(string: "http://a/v1/traces")))
    (settings.queueSize, settings.batchSize, settings.scheduleDelay) = (queue, batch, Self.delay)
    tracing = TracingSystem(settings, version: "1", isShared: true)
    tracer = tracing.tracer(for: "test")
    let output = output
    exporter = SpanExporter(
      tracing, transport: collector,
      logger: Logger(label: "traces") { ECSLogHandler(label: $0, service: "t", level: .info, output: output) },
      metrics: metrics, clock: collector.time.clock, sleep: sleep ?? collector.sleep, chance: { 0.5 })
  }

  func record(_ names: some Sequence<Int>) {
    for name in names { tracer.span("\(name)", kind: .internal).end() }
  }

  /// Runs the exporter, and stops it after `body`.
  func run(_ body: @Sendable () async throws -> Void = {}) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await exporter.run() }
      let result: Result<Void, any Error>
      do { result = .success(try await body()) } catch { result = .failure(error) }
      exporter.stop()
      try await group.waitForAll()
      try result.get()
    }
  }

  func count(_ line: String) -> Bool { metrics.text().contains("\(line)\n") }
}

@Suite struct SpanExporterTests {
  private static func status(_ code: Int, _ retryAfter: String? = nil, _ body: String = "") -> Collector.Act {
    .reply(SpanReply(status: code, retryAfter: retryAfter, body: Array(body.utf8)))
  }

  @Test("spans go out in batches, in the order in which they ended, and a full batch waits for no clock")
  func batches() async throws {
    let exporting = try Exporting()
    try await exporting.run {
      exporting.record(0..<10)
      try await eventually("one post") { exporting.collector.posts.count == 1 }
      exporting.record(10..<25)
      try await eventually("two posts") { exporting.collector.posts.count >= 2 }
    }
    #expect(exporting.collector.posts.flatMap { $0 } == (0..<25).map(String.init))
    #expect(exporting.collector.posts.allSatisfy { $0.count <= 10 })
    #expect(exporting.count("traces_spans_exported_total 25"))
  }

  @Test("less than a batch goes when its time has come")
  func schedule() async throws {
    // The first pause passes at once, and only when there is something.
    let gate = Atomic(false)
    let pauses = Atomic(false)
    let exporting = try Exporting(sleep: { duration in
      guard duration == Exporting.delay else { return }
      pauses.store(true, ordering: .relaxed)
      try await eventually("the pause is ended") { gate.load(ordering: .relaxed) }
    })
    try await exporting.run {
      // What is there when it starts goes at once.
      try await eventually("it pauses") { pauses.load(ordering: .relaxed) }
      exporting.record(0..<3)
      gate.store(true, ordering: .relaxed)
      try await eventually("one post") { exporting.collector.posts.count == 1 }
    }
    #expect(exporting.collector.posts == [["0", "1", "2"]])
  }

  @Test("what is left goes when the process ends")
  func flush() async throws {
    let exporting = try Exporting()
    exporting.record(0..<37)
    try await exporting.run()
    #expect(exporting.collector.posts.map(\.count) == [10, 10, 10, 7])
    #expect(exporting.collector.posts.flatMap { $0 } == (0..<37).map(String.init))
  }

  @Test("more than may wait overwrites the oldest, which is counted and told once in a minute; nobody waits")
  func overflow() async throws {
    let exporting = try Exporting(queue: 20)
    exporting.record(0..<50)
    try await exporting.run {
      try await eventually("two posts") { exporting.collector.posts.count == 2 }
      exporting.record(50..<80)
      try await eventually("the last span is posted") { exporting.collector.posts.flatMap { $0 }.contains("79") }
    }
    let sent = exporting.collector.posts.flatMap { $0 }
    // How much of the second lot was overwritten depends on when it was fetched; nothing is sent twice.
    #expect(sent.prefix(20) == (30..<50).map(String.init)[...] && Set(sent).count == sent.count)
    #expect(exporting.count("traces_spans_dropped_total{reason=\"queue_full\"} \(80 - sent.count)"))
    #expect(exporting.output.lines.filter { $0.contains("oldest were dropped") }.count == 1)
  }

  @Test("a receiver that is overloaded, away or hangs up gets the same spans again, with growing pauses")
  func retries() async throws {
    let exporting = try Exporting([Self.status(429), .fail, Self.status(502), Self.status(504)])
    exporting.record(0..<3)
    try await exporting.run {
      exporting.record(3..<10)
      try await eventually("five posts") { exporting.collector.posts.count == 5 }
    }
    let posts = exporting.collector.posts
    #expect(posts.count >= 5 && Set(posts.prefix(5)).count == 1)
    #expect(
      exporting.collector.slept.filter { $0 != Exporting.delay && $0 != SpanExporter.flushTime }
        == [.seconds(1), .seconds(2), .seconds(4), .seconds(8)])
    #expect(exporting.count("traces_spans_exported_total 10"))
  }

  @Test("Retry-After is heeded to the second")
  func retryAfter() async throws {
    let exporting = try Exporting([Self.status(503, "7"), Self.status(429, "0")])
    exporting.record(0..<10)
    try await exporting.run { try await eventually("three posts") { exporting.collector.posts.count == 3 } }
    #expect(exporting.collector.slept.contains(.seconds(7)) && exporting.collector.slept.contains(.zero))
  }

  @Test("a batch that cannot be sent within a minute is given up, and the next has its own chance")
  func givesUp() async throws {
    let exporting = try Exporting(Array(repeating: .fail, count: 7))
    exporting.record(0..<20)
    try await exporting.run {
      try await eventually("the second batch is posted") { exporting.collector.posts.last?.first == "10" }
    }
    // 1 + 2 + 4 + 8 + 16 + 16 is within a minute, another 16 is not.
    #expect(exporting.collector.posts.count == 8)
    #expect(exporting.count("traces_spans_dropped_total{reason=\"unavailable\"} 10"))
    #expect(exporting.output.lines.contains { $0.contains("spans could not be sent") })
  }

  @Test("a receiver that asks for more patience than there is loses the batch, and is left alone all the same")
  func holdOff() async throws {
    let exporting = try Exporting([Self.status(503, "200")])
    exporting.record(0..<20)
    try await exporting.run { try await eventually("two posts") { exporting.collector.posts.count == 2 } }
    #expect(exporting.collector.slept.contains(.seconds(200)))
    #expect(exporting.collector.posts.map { $0[0] } == ["0", "10"])
  }

  @Test("what is refused is not sent again", arguments: [400, 401, 404, 413, 500, 501, 302])
  func refused(status: Int) async throws {
    let exporting = try Exporting([Self.status(status, nil, #"{"code":3,"message":"bad\nspan"}"#)])
    exporting.record(0..<20)
    try await exporting.run { try await eventually("two posts") { exporting.collector.posts.count == 2 } }
    #expect(exporting.collector.posts.map { $0[0] } == ["0", "10"])
    #expect(exporting.count("traces_spans_dropped_total{reason=\"refused\"} 10"))
    #expect(exporting.output.lines.contains { $0.contains("status \(status): badspan") })
  }

  @Test(
    "a partial success is not sent again; what was rejected is counted, and the reason told",
    arguments: [#""4""#, "4"])
  func partial(rejected: String) async throws {
    let body = #"{"partialSuccess":{"rejectedSpans":\#(rejected),"errorMessage":"too old"}}"#
    let exporting = try Exporting([Self.status(200, nil, body)])
    exporting.record(0..<10)
    try await exporting.run { try await eventually("one post") { exporting.collector.posts.count == 1 } }
    #expect(exporting.collector.posts.count == 1)
    #expect(exporting.count("traces_spans_exported_total 6"))
    #expect(exporting.count("traces_spans_dropped_total{reason=\"rejected\"} 4"))
    #expect(exporting.output.lines.contains { $0.contains("too old") })
  }

  @Test("at the end a receiver that hangs is given up, and what was left is counted")
  func hangs() async throws {
    let exporting = try Exporting([.hang], isHurried: true)
    exporting.record(0..<25)
    try await exporting.run { try await eventually("one post") { exporting.collector.posts.count == 1 } }
    #expect(exporting.collector.posts.count == 1)
    #expect(exporting.count("traces_spans_dropped_total{reason=\"shutdown\"} 25"))
  }

  @Test("an end does not wait for our own pause between tries")
  func impatient() async throws {
    // Pauses between tries last until they are cut short, but for the one that bounds the end.
    let exporting = try Exporting(
      [.fail],
      sleep: { duration in
        if duration != SpanExporter.flushTime { try await Task.sleep(for: .seconds(3_600)) }
        try await Task.sleep(for: .seconds(30))
      })
    exporting.record(0..<10)
    try await exporting.run { try await eventually("one post") { exporting.collector.posts.count == 1 } }
    #expect(exporting.collector.posts.count == 2)
    #expect(exporting.count("traces_spans_exported_total 10"))
  }

  @Test("an exporter that is cancelled ends at once")
  func cancelled() async throws {
    let exporting = try Exporting([.hang])
    exporting.record(0..<10)
    let task = Task { await exporting.exporter.run() }
    try await eventually("one post") { exporting.collector.posts.count == 1 }
    task.cancel()
    await task.value
    #expect(exporting.collector.posts.count == 1)
  }

  @Test("many record at a time, and each span is sent once")
  func concurrent() async throws {
    let exporting = try Exporting(queue: 100_000, batch: 512)
    try await exporting.run {
      await withTaskGroup(of: Void.self) { group in
        for lane in 0..<8 { group.addTask { exporting.record((lane * 2_000)..<(lane * 2_000 + 2_000)) } }
      }
    }
    let sent = exporting.collector.posts.flatMap { $0 }
    #expect(sent.count == 16_000 && Set(sent).count == 16_000)
  }

  @Test(
    "Retry-After is a number of seconds or a date",
    arguments: [
      ("120", Duration?.some(.seconds(120))), ("-1", nil), ("soon", nil), ("", nil),
      ("Sun, 06 Nov 1994 08:49:37 GMT", .seconds(10)), ("Sun, 06 Nov 1994 08:49:00 GMT", .zero),
      ("Sunday, 06-Nov-94 08:49:37 GMT", nil), ("Sun, 06 Nox 1994 08:49:37 GMT", nil),
    ])
  func retryAfterText(text: String, expected: Duration?) {
    #expect(ExportOutcome.delay(text, wall: 784_111_767) == expected)
  }
}
