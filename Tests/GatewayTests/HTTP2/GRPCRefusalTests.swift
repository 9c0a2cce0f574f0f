import GravityContracts
import NIOCore
import Patience
import Testing

@testable import Gateway

@Suite("Refusals of calls of gRPC") struct GRPCRefusalTests {
  private static func call(
    _ stream: UInt32, _ path: String, _ more: [(String, String)] = [], type: String = "application/grpc",
    end: Bool = true
  ) -> RawFrame {
    .headers(stream, RawFrame.request("POST", path) + [("content-type", type), ("te", "trailers")] + more, end: end)
  }

  /// One head that ends the stream, with the status in it; returns that.
  private static func status(_ answer: FrameAnswer) -> Int? {
    guard answer.status == 200, answer.body.isEmpty, answer.trailers.isEmpty, answer.isWhole || answer.reset == 0 else {
      return nil
    }
    return answer.header("grpc-status").flatMap { Int($0) }
  }

  @Test("each is a head that is its trailers, with gRPC's status and why; the log has HTTP's")
  func statuses() async throws {
    let upstream = try await ScriptedUpstream { request in
      request.head.contains("/items/closes") ? .close : request.head.contains("/items/hangs") ? .hang : .ok()
    }
    var routes = RunningGateway.routes
    routes.append(Route("none.all", path: "/none", service: "none", access: .public))
    try await RunningGateway.run(
      [upstream], routes: routes, configure: { $0.timeouts.firstByte = .seconds(1) }
    ) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      let cases: [(RawFrame, Int, String, Int)] = [
        (Self.call(1, "/nowhere"), 12, "not_found", 404),
        (Self.call(3, "/read"), 12, "method_not_allowed", 405),
        (Self.call(5, "/mine"), 16, "unauthenticated", 401),
        (Self.call(7, "/mine", [("authorization", "Bearer expired")]), 16, "token_expired", 401),
        (Self.call(9, "/mine", [("authorization", "Bearer nokeys")]), 14, "identity_unavailable", 503),
        (Self.call(11, "/none"), 14, "no_instance", 503),
        (Self.call(13, "/items/closes"), 14, "bad_gateway", 502),
        (Self.call(15, "/items/hangs"), 4, "upstream_timeout", 504),
        (Self.call(17, "/small", [("content-length", "11")], end: false), 8, "body_too_large", 413),
        (Self.call(19, "/items/../mine"), 13, "path_not_normal", 400),
        (Self.call(21, "/items", [("host", "other")]), 13, "malformed_request", 400),
        (Self.call(23, "/items", (0..<101).map { ("x-\($0)", "1") }), 8, "head_too_large", 431),
      ]
      for (frame, status, code, _) in cases {
        try await client.send(frame)
        let answer = await client.answer(frame.stream)
        #expect(Self.status(answer) == status, "\(code): \(answer)")
        #expect(answer.header("grpc-message")?.hasPrefix("\(code): ") == true, "\(answer)")
        #expect(answer.header("content-type") == "application/grpc" && answer.header("x-request-id") != nil)
      }
      try await eventually("all are logged") { gateway.log.entries.count == cases.count }
      for (entry, (_, _, code, status)) in zip(gateway.log.entries, cases) {
        #expect(entry.status == status && entry.refusal == code)
      }
      await client.close()
    }
  }

  @Test("a limit, an open breaker and a service without room say when to come again")
  func comeAgain() async throws {
    let upstream = try await ScriptedUpstream { $0.head.contains("/items/ill") ? .close : .ok() }
    try await RunningGateway.run(
      [upstream],
      configure: {
        $0.retries.attempts = 1
        $0.breaker.consecutiveFailures = 2
      }
    ) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      var stream = UInt32(1)
      @Sendable func ask(_ path: String, _ stream: UInt32) async throws -> FrameAnswer {
        try await client.send(Self.call(stream, path))
        return await client.answer(stream)
      }
      var answer = FrameAnswer()
      for _ in 0..<3 {
        answer = try await ask("/strict", stream)
        stream += 2
      }
      #expect(Self.status(answer) == 8, "\(answer)")
      let message = answer.header("grpc-message") ?? ""
      #expect(message.hasPrefix("rate_limited: Too many requests; ask again in "), "\(message)")
      #expect(answer.header("retry-after") != nil && answer.header("ratelimit")?.contains("strict") == true)
      #expect(answer.header("ratelimit-policy") != nil)
      for _ in 0..<3 {
        answer = try await ask("/items/ill", stream)
        stream += 2
      }
      #expect(Self.status(answer) == 14, "\(answer)")
      #expect(answer.header("grpc-message")?.hasPrefix("circuit_open: ") == true && answer.header("retry-after") != nil)
      await client.close()
    }
  }

  @Test("gRPC-Web and formats of messages get their own type back, over HTTP/1.1 too; what is no gRPC gets a problem")
  func types() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      for (type, told) in [
        ("application/grpc", "application/grpc"), ("Application/gRPC+proto", "Application/gRPC+proto"),
        ("application/grpc-web+proto; a=b", "application/grpc-web+proto"),
        ("application/grpc-web-text", "application/grpc-web-text"), ("application/grpc;x", "application/grpc"),
      ] {
        let client = try await gateway.connect()
        for _ in 0..<2 {
          try await client.send(
            "POST /mine HTTP/1.1\r\nhost: test\r\ncontent-type: \(type)\r\ncontent-length: 5\r\n\r\n12345")
          let answer = try await client.response()
          #expect(answer.status == 200 && answer.header("grpc-status") == "16" && answer.body == "", "\(answer)")
          #expect(answer.header("content-type") == told)
        }
        await client.close()
      }
      for type in [
        "application/json", "application/grpcs", "application/grpc/x", "text/application/grpc",
        "application/grpc+\(String(repeating: "a", count: 100))",
      ] {
        let answer = try await gateway.get("/mine", headers: "content-type: \(type)\r\n")
        #expect(answer.status == 401 && answer.member("code") == "unauthenticated", "\(answer)")
      }
      #expect(upstream.requests.isEmpty)
    }
  }

  @Test("a message is printable ASCII, whatever is in it")
  func encoding() {
    var output = ByteBuffer()
    Refusal(503, "code", "a % b\r\nü").write(
      grpc: Array("application/grpc".utf8), requestID: [], connection: "", into: &output, addition: { _ in })
    #expect(String(buffer: output).contains("\r\ngrpc-message: code: a %25 b%0D%0A%C3%BC\r\n"))
  }
}
