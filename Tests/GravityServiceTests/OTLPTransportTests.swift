import AsyncHTTPClient
import Foundation
import GravityService
import GravityTelemetry
import NIOCore
import NIOPosix
import Testing

@Suite struct OTLPTransportTests {
  private func with(
    _ acts: [ScriptedReceiver.Act], headers: [(String, String)] = [],
    _ body: (OTLPTransport, ScriptedReceiver) async throws -> Void
  ) async throws {
    let receiver = try await ScriptedReceiver(acts)
    let list = headers.map { "\($0.0)=\($0.1)" }.joined(separator: ",")
    let settings = try TraceSettings(environment: [
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(receiver.port)/base", "OTEL_EXPORTER_OTLP_HEADERS": list,
    ])
    // So long it looks for somebody who listens.
    let http = HTTPClient(
      eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
      configuration: .init(timeout: .init(connect: .milliseconds(500))))
    do {
      try await body(OTLPTransport(http: http, export: try #require(settings.export)), receiver)
    } catch {
      try await http.shutdown()
      throw error
    }
    try await http.shutdown()
    await receiver.close()
  }

  @Test("a request is a POST of JSON to the whole path, with the headers that were asked for and no trace of its own")
  func request() async throws {
    try await with([], headers: [("x-api-key", "geheim%20x"), ("content-type", "text/plain")]) { transport, receiver in
      let reply = try await transport.post(Array("{\"a\":1}".utf8), timeout: .seconds(30))
      #expect(reply == SpanReply(status: 200, body: Array("{}".utf8)))
      let request = try #require(receiver.seen.first).lowercased()
      #expect(request.hasPrefix("post /base/v1/traces http/1.1\r\n") && request.hasSuffix("\r\n\r\n{\"a\":1}"))
      #expect(request.contains("\r\ncontent-type: application/json\r\n") && !request.contains("text/plain"))
      #expect(request.contains("\r\nx-api-key: geheim x\r\n") && request.contains("\r\nuser-agent: otel-otlp-exporter"))
      #expect(request.contains("\r\ncontent-length: 7\r\n") && !request.contains("traceparent"))
    }
  }

  @Test("status, Retry-After and the beginning of the answer are told")
  func answers() async throws {
    let long = String(repeating: "x", count: 100_000)
    try await with([.status("503 Busy", "retry-after: 7\r\n"), .status("400 Bad", "", long)]) { transport, _ in
      #expect(try await transport.post([1], timeout: .seconds(30)) == SpanReply(status: 503, retryAfter: "7"))
      let reply = try await transport.post([1], timeout: .seconds(30))
      #expect(reply.status == 400 && reply.body.count == SpanReply.greatestBody)
    }
  }

  @Test("no answer is an error: refused, hung up, or too late, head or body")
  func noAnswer() async throws {
    try await with([.hangUp, .hang, .dribble("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")]) {
      transport, receiver in
      await #expect(throws: (any Error).self) { try await transport.post([1], timeout: .seconds(30)) }
      await #expect(throws: (any Error).self) { try await transport.post([1], timeout: .milliseconds(50)) }
      await #expect(throws: (any Error).self) { try await transport.post([1], timeout: .milliseconds(200)) }
      await receiver.close()
      await #expect(throws: (any Error).self) { try await transport.post([1], timeout: .seconds(30)) }
    }
  }
}
