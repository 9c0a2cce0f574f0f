import NIOCore
import Patience
import ServiceLifecycle
import Testing

@testable import Gateway

@Suite("Requests over HTTP/2") struct HTTP2ProxyTests {
  @Test("a request and its answer go through, one head each, and the log says how")
  func get() async throws {
    let upstream = try await ScriptedUpstream { _ in
      .ok("hello", headers: "X-Name: Value\r\nconnection: keep-alive\r\nkeep-alive: 5\r\n")
    }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.get(1, "/items?a=1", [("accept", "*/*"), ("cookie", "a=1"), ("cookie", "b=2")]))
      let answer = await client.answer(1)
      #expect(answer.status == 200 && answer.body == "hello" && answer.isWhole)
      #expect(answer.header("x-name") == "Value" && answer.header("content-length") == "5")
      #expect(answer.fields.allSatisfy { $0.0 == $0.0.lowercased() })
      for name in ["connection", "keep-alive", "transfer-encoding"] { #expect(answer.header(name) == nil) }
      let seen = try #require(upstream.requests.first)
      #expect(seen.head.hasPrefix("GET /items?a=1 HTTP/1.1\r\n"))
      #expect(seen.header("host") == "test" && seen.header("cookie") == "a=1; b=2" && seen.headers("host") == 1)
      #expect(seen.header("x-forwarded-proto") == "http")
      #expect(seen.headers("connection") == 0)
      let entry = try #require(gateway.log.entries.first)
      #expect(entry.httpVersion == "2" && entry.tlsVersion == nil && entry.status == 200)
      await client.close()
    }
  }

  @Test("many requests of a connection are under way together and share connections to the service")
  func together() async throws {
    let upstream = try await ScriptedUpstream { .ok($0.head.split(separator: " ")[1].description) }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      let streams = (0..<100).map { UInt32(2 * $0 + 1) }
      try await client.send(streams.flatMap { RawFrame.get($0, "/items/\($0)").bytes })
      for stream in streams {
        let answer = await client.answer(stream)
        #expect(answer.status == 200 && answer.body == "/items/\(stream)")
      }
      try await client.send(.get(201))
      #expect(await client.answer(201).status == 200)
      // Beside those that ask for its health.
      #expect(upstream.connections < 150)
      await client.close()
    }
  }

  @Test("bodies go through: counted, in chunks, empty, and with trailers")
  func bodies() async throws {
    let upstream = try await ScriptedUpstream { .ok($0.body) }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      let post = RawFrame.request("POST", "/items")
      try await client.send(
        .headers(1, post + [("content-length", "6")], end: false), .data(1, "abc"), .data(1, "def", end: true))
      #expect(await client.answer(1).body == "abcdef")
      #expect(upstream.requests.last?.header("content-length") == "6")
      try await client.send(.headers(3, post, end: false), .data(3, "abc"))
      try await client.send(.data(3, "de"), .data(3, "", end: true))
      #expect(await client.answer(3).body == "abcde")
      #expect(upstream.requests.last?.header("transfer-encoding") == "chunked")
      try await client.send(
        .headers(5, post, end: false), .data(5, "abc"), .headers(5, [("x-sum", "1"), ("host", "other")]))
      #expect(await client.answer(5).body == "abc")
      try await client.send(.headers(7, post + [("content-length", "0")], end: false), .data(7, "", end: true))
      #expect(await client.answer(7).status == 200)
      await client.close()
    }
  }

  @Test(
    "answers without a body end with their head",
    arguments: [
      ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", 200),
      ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204),
      ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", 304),
      ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200),
    ])
  func bodiless(_ method: String, _ text: String, _ status: Int) async throws {
    let upstream = try await ScriptedUpstream { _ in .text(text) }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      for stream: UInt32 in [1, 3] {
        try await client.send(.headers(stream, RawFrame.request(method, "/items/1")))
        let answer = await client.answer(stream)
        #expect(answer.status == status && answer.body == "" && answer.isWhole)
      }
      await client.close()
    }
  }

  @Test("chunks, trailers, bodies until the end and interim answers come as HTTP/2 has them")
  func answers() async throws {
    let upstream = try await ScriptedUpstream { request in
      if request.head.contains("/chunks") {
        return .text(
          "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 9\r\nhost: a\r\n\r\n"
        )
      }
      if request.head.contains("/until") { return .textThenClose("HTTP/1.1 200 OK\r\n\r\nto the end") }
      return .text("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.get(1, "/items/chunks"))
      let chunks = await client.answer(1)
      #expect(chunks.body == "abcde" && chunks.trailers.map(\.0) == ["x-sum"] && chunks.isWhole, "\(chunks)")
      try await client.send(.get(3, "/items/until"))
      let until = await client.answer(3)
      #expect(until.body == "to the end" && until.isWhole && until.reset == nil)
      try await client.send(.get(5, "/items/hints"))
      let hints = await client.answer(5)
      #expect(hints.interims.first?.contains { $0 == ("link", "</a>") } == true && hints.body == "ok")
      await client.close()
    }
  }

  @Test("an answer that the service does not bring to its end is reset, not ended")
  func cut() async throws {
    let upstream = try await ScriptedUpstream { request in
      request.head.contains("/until")
        ? .textThenReset("HTTP/1.1 200 OK\r\n\r\nhalf")
        : .textThenClose("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
    }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      for (stream, path): (UInt32, String) in [(1, "/items/counted"), (3, "/items/until")] {
        try await client.send(.get(stream, path))
        let answer = await client.answer(stream)
        #expect(!answer.isWhole && (answer.reset == 2 || answer.status == 502), "\(answer)")
      }
      // Other streams of the connection are not touched.
      try await client.send(.get(5, "/health/live"))
      #expect(await client.answer(5).status == 200)
      await client.close()
    }
  }

  @Test("expectations are passed on, and 100 comes before the body is sent")
  func expects() async throws {
    let upstream = try await ScriptedUpstream(answersAtHead: true) { _ in
      .text("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(
        .headers(
          1, RawFrame.request("POST", "/items") + [("expect", "100-continue"), ("content-length", "3")], end: false))
      let answer = await client.answer(1)
      #expect(answer.interims.first?.first?.1 == "100" && answer.status == 200 && answer.body == "ok")
      #expect(upstream.requests.first?.header("expect") == "100-continue")
      await client.close()
    }
  }

  @Test("an answer before the request's end ends the request without an error")
  func early() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(
        .headers(1, RawFrame.request("POST", "/small") + [("content-length", "5000")], end: false), .data(1, "abc"))
      let answer = await client.answer(1)
      #expect(answer.status == 413 && answer.member("code") == "body_too_large" && answer.isWhole)
      let reset = try #require(await client.first(of: RawFrame.Kind.reset))
      #expect(reset.stream == 1 && reset.code == 0)
      // What the client had sent meanwhile is ignored, and the connection lives on.
      try await client.send(.data(1, "def"), .get(3))
      #expect(await client.answer(3).status == 200)
      #expect(upstream.requests.count == 1)
      await client.close()
    }
  }

  @Test("who takes a request back has left, and the service's connection ends")
  func takenBack() async throws {
    let upstream = try await ScriptedUpstream { _ in .hang }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.get(1))
      try await eventually("the service is asked") { upstream.requests.count == 1 }
      try await client.send(.reset(1))
      try await eventually("the client is known to have left") { gateway.log.entries.first?.status == 499 }
      try await client.send(.get(3, "/health/live"))
      #expect(await client.answer(3).status == 200)
      await client.close()
    }
  }

  @Test("refusals explain themselves as in HTTP/1.1")
  func refusals() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      let cases: [(RawFrame, Int, String)] = [
        (.get(1, "/nowhere"), 404, "not_found"),
        (.get(3, "/mine"), 401, "unauthenticated"),
        (.get(5, "/write", [("authorization", "Bearer good")]), 403, "forbidden"),
        (.get(7, "/items/../mine"), 400, "path_not_normal"),
        (.headers(9, RawFrame.request("BREW", "/items")), 501, "method_not_implemented"),
        (.headers(11, RawFrame.request("OPTIONS", "*")), 400, "malformed_request"),
        (.get(13, "/items", [("host", "other")]), 400, "malformed_request"),
        (.get(15, "/items", (0..<101).map { ("x-\($0)", "1") }), 431, "head_too_large"),
      ]
      for (frame, status, code) in cases {
        try await client.send(frame)
        let answer = await client.answer(frame.stream)
        #expect(answer.status == status && answer.member("code") == code, "\(answer)")
      }
      try await client.send(.get(17, "/mine", [("authorization", "Bearer good")]))
      #expect(await client.answer(17).status == 200)
      #expect(upstream.requests.count == 1)
      await client.close()
    }
  }

  @Test("a plain connection may speak HTTP/1.1 or HTTP/2, and the second not where it is turned off")
  func prior() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      // In pieces, too.
      let pieces = try await gateway.connect()
      for piece in ["P", "OST /items HTTP/1.1\r\nhost: test\r\n", "content-length: 0\r\n\r\n"] {
        try await pieces.send(piece)
      }
      #expect(try await pieces.response().status == 200)
      await pieces.close()
      #expect(try await gateway.get("/items").status == 200)
      #expect(try await gateway.ask("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n").status == 505)
    }
    let other = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([other], configure: { $0.http2.isEnabled = false }) { gateway in
      let answer = try await gateway.ask(String(decoding: HTTP2Frame.preface, as: UTF8.self))
      #expect(answer.status == 505)
    }
  }

  @Test("a client that reads nothing holds the service back, and memory stays flat")
  func slowReader() async throws {
    let size = 64 << 20
    let upstream = try await ScriptedUpstream { _ in .large(size) }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port, settings: [(4, 0)])
      let before = ResidentMemory.bytes()
      try await client.send((0..<16).flatMap { RawFrame.get(UInt32(2 * $0 + 1)).bytes })
      try await eventually("the service is asked for all") { upstream.requests.count == 16 }
      // The windows are shut: nothing of a body may come.
      try await client.send(.windowUpdate(1, 10))
      let data = try #require(await client.first(of: RawFrame.Kind.data))
      #expect(data.stream == 1 && data.payload.count == 10)
      #expect(ResidentMemory.bytes() - before < 48 << 20)
      await client.close()
      try await eventually("all are logged") { gateway.log.entries.count == 16 }
    }
  }

  @Test("a body waits with the client while the service does not take it")
  func slowService() async throws {
    let upstream = try await ScriptedUpstream(answersAtHead: true, keepsBodies: false) { _ in .hang }
    try await RunningGateway.run([upstream], configure: { $0.timeouts.connect = .seconds(30) }) { gateway in
      // Nobody accepts there, so nothing is taken.
      let client = try await FrameClient.connect(gateway.port)
      let settings = try #require(await client.first(of: RawFrame.Kind.settings))
      #expect(settings.payload.count >= 18)
      try await client.send(.headers(1, RawFrame.request("POST", "/items"), end: false))
      for _ in 0..<64 { try await client.send(.data(1, String(repeating: "a", count: 1_000))) }
      try await client.send(.data(1, "", end: true))
      try await eventually("the service has it") { upstream.receivedBytes > 64_000 }
      await client.close()
    }
  }

  @Test("draining announces the end, takes what is on its way, and lets requests end")
  func drain() async throws {
    let upstream = try await ScriptedUpstream { $0.head.contains("/slow") ? .hang : .ok() }
    let configure: @Sendable (inout GatewayConfiguration) -> Void = { configuration in
      configuration.timeouts.firstByte = .seconds(3)
      configuration.drainTimeout = .seconds(30)
      configuration.drainQuiet = .seconds(2)
    }
    try await RunningGateway.run([upstream], configure: configure) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.get(1, "/items/slow"))
      try await eventually("the service is asked") { upstream.requests.count == 1 }
      await gateway.group.triggerGracefulShutdown()
      let first = try #require(await client.first(of: RawFrame.Kind.goAway))
      #expect(first.code == 0 && first.payload.prefix(4) == [0x7F, 0xFF, 0xFF, 0xFF])
      try await client.send(.get(3))
      #expect(await client.answer(3).status == 200)
      let last = try #require(await client.first(of: RawFrame.Kind.goAway))
      #expect(last.code == 0 && last.payload.prefix(4) == [0, 0, 0, 3])
      let slow = await client.answer(1)
      #expect(slow.status == 504, "\(slow)")
      await client.end()
    }
  }

  @Test("a connection that asks nothing is told so and closed")
  func idle() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], configure: { $0.timeouts.keepAlive = .milliseconds(200) }) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.get(1))
      #expect(await client.answer(1).status == 200)
      let end = try #require(await client.first(of: RawFrame.Kind.goAway))
      #expect(end.code == 0)
      await client.end()
    }
    let other = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([other], configure: { $0.timeouts.head = .seconds(1) }) { gateway in
      let silent = try await FrameClient.connect(gateway.port)
      #expect(await silent.first(of: RawFrame.Kind.goAway)?.code == 0)
    }
  }

  @Test("events come as they are sent")
  func events() async throws {
    let upstream = try await ScriptedUpstream { _ in
      .text(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n")
    }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.get(1))
      #expect(await client.first(of: RawFrame.Kind.data)?.payload == Array("data: 1\n\n".utf8))
      await client.close()
    }
  }
}
