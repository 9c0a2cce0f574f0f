import AsyncHTTPClient
import Foundation
import GravityService
import GravityTelemetry
import Logging
import NIOPosix
import Patience
import ServiceLifecycle
import Testbed
import Testing

@Suite struct SpanExportTests {
  /// Where a foreign receiver of OTLP/HTTP in JSON listens, if there is one: a collector, Jaeger.
  static let foreignEndpoint: String? = ProcessInfo.processInfo.environment["GRAVITY_TEST_OTLP_ENDPOINT"]

  /// Records spans while a process runs that exports them to `endpoint`, and lets it end.
  /// - Returns: its metrics.
  private func export(
    to endpoint: String, _ variables: [String: String] = [:], _ body: @Sendable (Tracer) async throws -> Void
  ) async throws -> String {
    let settings = try TraceSettings(
      environment: variables.merging(["OTEL_EXPORTER_OTLP_ENDPOINT": endpoint]) { $1 })
    let tracing = TracingSystem(settings, version: "1", isShared: true)
    let http = HTTPClient(eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton))
    let metrics = PrometheusMetrics()
    let exporter = SpanExporter(
      tracing, transport: OTLPTransport(http: http, export: try #require(settings.export)), logger: .silent,
      metrics: metrics)
    let group = ServiceGroup(services: [SpanExport(exporter)], logger: .silent)
    let result: Result<Void, any Error>
    do {
      result = .success(
        try await withThrowingTaskGroup(of: Void.self) { tasks in
          tasks.addTask { try await group.run() }
          try await body(tracing.tracer(for: "shop"))
          await group.triggerGracefulShutdown()
          try await tasks.waitForAll()
        })
    } catch { result = .failure(error) }
    try await http.shutdown()
    try result.get()
    return metrics.text()
  }

  @Test("what waits when a process is stopped is sent, and again when the receiver is busy at first")
  func flush() async throws {
    let receiver = try await ScriptedReceiver([.status("503 Busy", "retry-after: 0\r\n")])
    let metrics = try await export(to: "http://127.0.0.1:\(receiver.port)") { tracer in
      for index in 0..<3 { tracer.span("work \(index)", kind: .internal).end() }
    }
    await receiver.close()
    #expect(receiver.seen.count == 2 && receiver.seen[0] == receiver.seen[1])
    let body = try #require(receiver.seen.last?.components(separatedBy: "\r\n\r\n").last)
    for index in 0..<3 { #expect(body.contains(#""name":"work \#(index)""#)) }
    #expect(metrics.contains("traces_spans_exported_total 3\n"))
  }

  @Test("a full batch is sent while the process runs")
  func batch() async throws {
    let receiver = try await ScriptedReceiver([])
    let metrics = try await export(
      to: "http://127.0.0.1:\(receiver.port)",
      ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5", "OTEL_BSP_SCHEDULE_DELAY": "3600000"]
    ) { tracer in
      for index in 0..<5 { tracer.span("work \(index)", kind: .internal).end() }
      try await eventually("the batch has come") { receiver.seen.count == 1 }
    }
    await receiver.close()
    #expect(metrics.contains("traces_spans_exported_total 5\n"))
  }

  @Test("a process ends also when nobody listens")
  func nobody() async throws {
    let receiver = try await ScriptedReceiver([])
    await receiver.close()
    let metrics = try await export(to: "http://127.0.0.1:\(receiver.port)") { tracer in
      tracer.span("work", kind: .internal).end()
    }
    #expect(metrics.contains("traces_spans_dropped_total{reason=\"shutdown\"} 1\n"))
  }

  @Test("a foreign receiver takes spans of every kind", .enabled(if: foreignEndpoint != nil))
  func foreign() async throws {
    let metrics = try await export(
      to: try #require(Self.foreignEndpoint), ["OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=t%C3%A4st"]
    ) { tracer in
      for kind in SpanKind.allCases {
        let span = tracer.span("kind \(kind) \"\u{1}é漢\"", kind: kind)
        span.set("text", "\u{0}\n\"\\")
        span.set("int", .int(.min))
        span.set("double", .double(.infinity))
        span.set("bool", true)
        let child = span.child("child")
        child.fail("broken")
        child.end()
        span.end()
      }
      for index in 0..<2_000 { tracer.span("many \(index)", kind: .server).end() }
    }
    #expect(metrics.contains("traces_spans_exported_total 2010\n") && !metrics.contains("dropped"))
  }
}
