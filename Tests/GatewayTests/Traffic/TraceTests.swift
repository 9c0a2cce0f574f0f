import Gateway
import GravityTelemetry
import Patience
import Testing

@Suite struct TraceTests {
  private let spans = SpanBuffer()
  private func tracer(_ sampler: Sampler = .parentBased(.alwaysOn)) -> Tracer {
    Tracer(resource: SpanResource(service: "gateway"), sampler: sampler, buffer: spans)
  }
  private static let inbound = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static func parent(_ flags: String) -> String {
    "traceparent: 00-\(inbound)-00f067aa0ba902b7-\(flags)\r\n"
  }

  @Test("a request that was let through is a span under the client's, and what goes upstream is under it")
  func span() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], tracer: tracer()) { gateway in
      _ = try await gateway.get("/items/7?email=jane@example.org", headers: Self.parent("01"))
      try await eventually("the span has ended") { spans.recent().count == 1 }
      let span = try #require(spans.recent().first)
      #expect(span.name == "GET /items/{id}" && span.kind == .server && !span.isError && span.isParentRemote)
      #expect(span.context.traceIDText == Self.inbound && span.parentID == 0x00F0_67AA_0BA9_02B7)
      #expect(upstream.requests.first?.header("traceparent") == span.context.traceparent)
      #expect(span.attributes["http.request.method"] == "GET" && span.attributes["http.route"] == "/items/{id}")
      #expect(span.attributes["http.response.status_code"] == 200 && span.attributes["gravity.upstream"] == "items-1")
      #expect(!"\(span.attributes)".contains("jane"))
      let entry = try #require(gateway.log.entries.first)
      #expect(span.end - span.start == UInt64(entry.duration) && span.context.spanID == entry.spanID)
    }
  }

  @Test("a request without a trace begins one, and a request that no route takes is no span")
  func root() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], tracer: tracer()) { gateway in
      _ = try await gateway.get("/nowhere")
      _ = try await gateway.get("/health")
      _ = try await gateway.get("/items")
      try await eventually("all are logged, and the span has ended") {
        gateway.log.entries.count == 3 && !spans.recent().isEmpty
      }
      #expect(spans.recent().map(\.name) == ["GET /items"])
      #expect(spans.recent().first?.parentID == nil && spans.recent().first?.context.isSampled == true)
      #expect(upstream.requests.first?.header("traceparent")?.hasSuffix("-01") == true)
    }
  }

  @Test("what the client decided holds, but for a failure, which is kept")
  func parentDecides() async throws {
    let upstream = try await ScriptedUpstream { request in
      request.head.contains("bad") ? .text("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n") : .ok()
    }
    try await RunningGateway.run([upstream], tracer: tracer()) { gateway in
      _ = try await gateway.get("/items/good", headers: Self.parent("00"))
      _ = try await gateway.get("/items/bad", headers: Self.parent("00"))
      try await eventually("both are logged, and the span has ended") {
        gateway.log.entries.count == 2 && !spans.recent().isEmpty
      }
      let span = try #require(spans.recent().first)
      #expect(spans.recent().count == 1 && span.isError && span.attributes["error.type"] == "500")
      #expect(!span.context.isSampled)
      #expect(upstream.requests.allSatisfy { $0.header("traceparent")?.hasSuffix("-00") == true })
    }
  }

  @Test("a sampler that asks nobody decides for the services behind, too")
  func samplerDecides() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], tracer: tracer(.alwaysOff)) { gateway in
      _ = try await gateway.get("/items", headers: Self.parent("01"))
      _ = try await gateway.get("/items")
      try await eventually("both are logged") { gateway.log.entries.count == 2 }
      #expect(spans.recent().isEmpty)
      #expect(upstream.requests.allSatisfy { $0.header("traceparent")?.hasSuffix("-00") == true })
    }
  }

  @Test("a service that cannot be reached is told in the span, with how often it was tried")
  func unreachable() async throws {
    let upstream = try await ScriptedUpstream { _ in .close }
    try await RunningGateway.run([upstream], tracer: tracer(.parentBased(.alwaysOff))) { gateway in
      let response = try await gateway.get("/items")
      #expect(response.status == 502)
      try await eventually("a span has ended") { !spans.recent().isEmpty }
      let span = try #require(spans.recent().first)
      #expect(span.isError && span.attributes["http.response.status_code"] == 502)
      #expect(span.attributes["error.type"] == span.attributes["gravity.refusal"])
      #expect(span.attributes["error.type"] != nil)
    }
  }

  @Test("a tracer that is disabled changes nothing")
  func disabled() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], tracer: .disabled) { gateway in
      _ = try await gateway.get("/items", headers: Self.parent("00"))
      _ = try await gateway.get("/items")
      try await eventually("both are logged") { gateway.log.entries.count == 2 }
      #expect(upstream.requests.map { $0.header("traceparent")?.suffix(3) } == ["-00", "-01"])
    }
  }
}
