import GravityDiscovery
import NIOCore
import NIOPosix
import Patience
import Synchronization
import Testing

@testable import Gateway

@Suite("Services that speak HTTP/2") struct HTTP2UpstreamTests {
  /// A gateway before services of HTTP/2.
  static func run(
    _ upstreams: [FrameUpstream], configure: (inout GatewayConfiguration) -> Void = { _ in },
    _ body: @Sendable (RunningGateway) async throws -> Void
  ) async throws {
    let instances = upstreams.map { instance($0.port) }
    try await RunningGateway.run([], others: instances, configure: configure, body)
    for upstream in upstreams { await upstream.close() }
  }

  private static func instance(_ port: Int) -> ServiceInstance {
    ServiceInstance(id: "items-\(port)", service: "items", host: "127.0.0.1", port: port, speaksHTTP2: true)
  }

  @Test("a request of HTTP/1.1 and its answer go through, as each side has them")
  func get() async throws {
    let upstream = try await FrameUpstream { request in
      [
        .headers(request.stream, [(":status", "103"), ("link", "</a>")], end: false),
        .headers(
          request.stream, [(":status", "200"), ("content-length", "5"), ("x-name", "value")], end: false),
        .data(request.stream, "hello", end: true),
      ]
    }
    try await Self.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send("GET /items?a=1 HTTP/1.1\r\nHost: test\r\nX-Thing: One\r\nTE: trailers\r\n\r\n")
      #expect(try await client.response(hasBody: false).status == 103)
      let answer = try await client.response()
      #expect(answer.status == 200 && answer.body == "hello" && answer.header("x-name") == "value")
      // The stream's end is not that of the client's connection.
      #expect(answer.header("connection") == nil)
      let seen = try #require(upstream.requests.first)
      #expect(seen.fields.prefix(4).map(\.0) == [":method", ":scheme", ":path", ":authority"])
      #expect(seen.fields.prefix(4).map(\.1) == ["GET", "http", "/items?a=1", "test"])
      #expect(seen.header("x-thing") == "One" && seen.header("te") == "trailers" && seen.headers("te") == 1)
      #expect(seen.fields.allSatisfy { $0.0 == $0.0.lowercased() })
      for name in ["host", "connection", "transfer-encoding"] { #expect(seen.header(name) == nil) }
      #expect(seen.header("x-forwarded-proto") == "http" && seen.header("traceparent") != nil)
      // The client's connection goes on.
      try await client.send("GET /items HTTP/1.1\r\nhost: test\r\n\r\n")
      #expect(try await client.response(hasBody: false).status == 103)
      #expect(try await client.response().status == 200)
      #expect(upstream.connections == 1)
      await client.close()
    }
  }

  @Test("bodies go through: counted, in chunks, empty, and with trailers both ways")
  func bodies() async throws {
    let upstream = try await FrameUpstream { request in
      guard request.path == "/items/trailers" else { return RawFrame.ok(request.stream, request.body) }
      return [
        .headers(request.stream, [(":status", "200")], end: false), .data(request.stream, request.body),
        .headers(request.stream, [("grpc-status", "0")]),
      ]
    }
    try await Self.run([upstream]) { gateway in
      let counted = try await gateway.ask("POST /items HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\n\r\nabc")
      #expect(counted.body == "abc" && upstream.requests.last?.header("content-length") == "3")
      let chunked = try await gateway.ask(
        "POST /items HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
      #expect(chunked.body == "abcde" && upstream.requests.last?.header("content-length") == nil)
      let empty = try await gateway.ask("POST /items HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\n\r\n")
      #expect(empty.status == 200 && empty.body == "")
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(
        .headers(1, RawFrame.request("POST", "/items/trailers"), end: false), .data(1, "ping"),
        .headers(1, [("x-sum", "1")]))
      let answer = await client.answer(1)
      #expect(answer.status == 200 && answer.body == "ping" && answer.isWhole, "\(answer)")
      #expect(answer.trailers.map(\.0) == ["grpc-status"])
      #expect(upstream.requests.last?.trailers.map(\.0) == ["x-sum"])
      await client.close()
    }
  }

  @Test(
    "trailers behind an answer whose length is said arrive where they are announced or gRPC's",
    arguments: [
      ("content-type", "application/grpc+proto", "abc"), ("content-type", "application/grpc", ""),
      ("trailer", "grpc-status", "abc"),
    ])
  func countedTrailers(_ name: String, _ value: String, _ body: String) async throws {
    let upstream = try await FrameUpstream { request in
      let length = request.path == "/items/short" ? body.utf8.count + 1 : body.utf8.count
      return [
        .headers(
          request.stream, [(":status", "200"), ("content-length", "\(length)"), (name, value)], end: false),
        .data(request.stream, body), .headers(request.stream, [("grpc-status", "0")]),
      ]
    }
    try await Self.run([upstream], configure: { $0.retries.attempts = 1 }) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.headers(1, RawFrame.request("GET", "/items/1")))
      let answer = await client.answer(1)
      #expect(answer.status == 200 && answer.body == body && answer.isWhole, "\(answer)")
      #expect(answer.trailers.map(\.0) == ["grpc-status"])
      #expect(answer.header("content-length") == nil)
      await client.close()
      let chunked = try await gateway.get("/items/1")
      #expect(chunked.status == 200 && chunked.body == body && chunked.header("transfer-encoding") == "chunked")
      // What was announced has to come all the same.
      let short = try await gateway.connect()
      try await short.send("GET /items/short HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n")
      let text = await short.rest()
      #expect(text.hasPrefix("HTTP/1.1 502 "), "\(text)")
      await short.close()
    }
  }

  @Test(
    "answers without a body end with their head",
    arguments: [
      ("HEAD", [(":status", "200"), ("content-length", "5")], 200), ("GET", [(":status", "204")], 204),
      ("GET", [(":status", "304"), ("content-length", "5")], 304), ("GET", [(":status", "200")], 200),
      ("GET", [(":status", "200"), ("grpc-status", "5")], 200),
    ])
  func bodiless(_ method: String, _ fields: [(String, String)], _ status: Int) async throws {
    let upstream = try await FrameUpstream { [.headers($0.stream, fields)] }
    try await Self.run([upstream]) { gateway in
      let client = try await gateway.connect()
      for _ in 0..<2 {
        try await client.send("\(method) /items/1 HTTP/1.1\r\nhost: t\r\n\r\n")
        let answer = try await client.response(hasBody: method != "HEAD" && status == 200)
        #expect(answer.status == status && answer.body == "")
      }
      await client.close()
      #expect(upstream.connections == 1)
    }
  }

  @Test("requests share connections, of which there are more only when one has as many as the service allows")
  func sharing() async throws {
    let (count, allowed) = (12, 3)
    let waiting = Mutex<[FrameRequest]>([])
    let upstream = try await FrameUpstream(settings: [(3, UInt32(allowed))]) { request in
      if request.path == "/items/first" || request.path.hasPrefix("/health") { return RawFrame.ok(request.stream) }
      waiting.withLock { $0.append(request) }
      return []
    }
    try await Self.run([upstream]) { gateway in
      // All on one event loop, so that they may share; the first, until the service has said what it allows.
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.get(1, "/items/first"))
      #expect(await client.answer(1).status == 200)
      let streams = (0..<count).map { UInt32(2 * $0 + 3) }
      try await client.send(streams.flatMap { RawFrame.get($0, "/items/\($0)").bytes })
      try await eventually("all wait") { waiting.withLock { $0.count } == count }
      let connections = Set(waiting.withLock { $0.map(\.connection) })
      #expect(connections.count >= count / allowed && connections.count <= count / allowed + 1, "\(connections)")
      for request in waiting.withLock({ $0 }) {
        try await upstream.send(.headers(request.stream, [(":status", "200")]), on: request.connection)
      }
      for stream in streams { #expect(await client.answer(stream).status == 200) }
      await client.close()
    }
  }

  @Test(
    "what is no answer is refused, harms no other request, and nothing of it reaches the client",
    arguments: [
      [(":status", "20")], [(":status", "101")], [("x", "y")], [(":status", "200"), (":status", "200")],
      [(":status", "200"), ("x", "a\r\nset-cookie: b")], [(":status", "200"), ("connection", "close")],
      [(":status", "200"), ("Upper", "a")], [(":status", "200"), ("content-length", "5")],
      [(":status", "200"), ("content-length", "0"), ("content-length", "0")],
      [(":status", "200"), ("transfer-encoding", "chunked")], [(":status", "100")],
    ] as [[(String, String)]])
  func malformed(_ fields: [(String, String)]) async throws {
    let upstream = try await FrameUpstream { request in
      request.path == "/items/bad" ? [.headers(request.stream, fields)] : RawFrame.ok(request.stream)
    }
    try await Self.run([upstream], configure: { $0.retries.attempts = 1 }) { gateway in
      let answer = try await gateway.get("/items/bad")
      #expect(answer.status == 502 && !answer.head.contains("set-cookie"), "\(answer)")
      #expect(try await gateway.get("/items/good").status == 200)
    }
  }

  @Test("a body that is longer or shorter than was announced is no answer")
  func wrongLength() async throws {
    let upstream = try await FrameUpstream { request in
      let head = RawFrame.headers(request.stream, [(":status", "200"), ("content-length", "5")], end: false)
      return [head, .data(request.stream, request.path == "/items/long" ? "123456789" : "12", end: true)]
    }
    try await Self.run([upstream], configure: { $0.retries.attempts = 1 }) { gateway in
      for path in ["/items/long", "/items/short"] {
        let client = try await gateway.connect()
        try await client.send("GET \(path) HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n")
        // Nothing of it was passed on yet, so that it can still be told in words.
        let text = await client.rest()
        #expect(text.hasPrefix("HTTP/1.1 502 ") && !text.contains("12345"), "\(text)")
        await client.close()
      }
    }
  }

  @Test("a request that the service says it has not taken is sent again, one that it may have taken is not")
  func refusedStream() async throws {
    let times = Mutex(0)
    let upstream = try await FrameUpstream { request in
      let isFirst = times.withLock { times in
        times += request.path.hasPrefix("/health") ? 0 : 1
        return times == 1
      }
      let code: UInt32 = request.path == "/items/taken" ? 2 : 7
      return isFirst ? [.reset(request.stream, code)] : RawFrame.ok(request.stream)
    }
    try await Self.run([upstream]) { gateway in
      let answer = try await gateway.ask("POST /items/refused HTTP/1.1\r\nhost: t\r\n\r\n")
      #expect(answer.status == 200 && times.withLock { $0 } == 2)
      times.withLock { $0 = 0 }
      let taken = try await gateway.ask("POST /items/taken HTTP/1.1\r\nhost: t\r\n\r\n")
      #expect(taken.status == 502 && times.withLock { $0 } == 1)
    }
  }

  @Test("a connection that the service leaves is left: what is under way ends there, what comes goes elsewhere")
  func goAway() async throws {
    let waiting = Mutex<FrameRequest?>(nil)
    let upstream = try await FrameUpstream { request in
      guard request.path == "/items/slow" else { return RawFrame.ok(request.stream, "\(request.connection)") }
      waiting.withLock { $0 = request }
      return []
    }
    try await Self.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.get(1, "/items/slow"))
      try await eventually("one waits") { waiting.withLock { $0 } != nil }
      let slow = try #require(waiting.withLock { $0 })
      try await upstream.send(.goAway(last: slow.stream), on: slow.connection)
      // Until it has heard that.
      var (stream, other) = (UInt32(3), slow.connection)
      while other == slow.connection {
        try await client.send(.get(stream, "/items/next"))
        let answer = await client.answer(stream)
        #expect(answer.status == 200)
        other = Int(answer.body) ?? other
        stream += 2
      }
      try await upstream.send(.headers(slow.stream, [(":status", "200")]), on: slow.connection)
      #expect(await client.answer(1).status == 200)
      await client.close()
    }
  }

  @Test("a service that is gone without a word is noticed by a PING, and the next request has a new connection")
  func silence() async throws {
    // The connection that nothing comes from any more.
    let silenced = Mutex<String?>(nil)
    let upstream = try await FrameUpstream { request in
      let isSilent = request.path == "/items/silent" || silenced.withLock { $0 == "\(request.connection)" }
      return isSilent ? [] : RawFrame.ok(request.stream, "\(request.connection)")
    }
    try await Self.run(
      [upstream],
      configure: { configuration in
        configuration.timeouts.firstByte = .seconds(1)
        configuration.timeouts.connect = .seconds(2)
        configuration.retries.attempts = 1
      }
    ) { gateway in
      let client = try await gateway.connect()
      @Sendable func ask(_ path: String) async throws -> RawResponse {
        try await client.send("GET \(path) HTTP/1.1\r\nhost: t\r\n\r\n")
        return try await client.response()
      }
      let first = try await ask("/items/a").body
      #expect(try await ask("/items/silent").status == 504)
      // It has answered the PING, so the connection is good.
      let again = try await ask("/items/b")
      #expect(again.body == first, "\(again)")
      upstream.answersPings(false)
      silenced.withLock { $0 = first }
      #expect(try await ask("/items/c").status == 504)
      try await eventually("another connection is used") {
        let answer = try? await ask("/items/c")
        return answer?.status == 200 && answer?.body != first
      }
      await client.close()
    }
  }

  @Test("a client that leaves has its stream cancelled, and the connection stays")
  func clientLeaves() async throws {
    let upstream = try await FrameUpstream { request in
      request.path == "/items/slow" ? [] : RawFrame.ok(request.stream)
    }
    try await Self.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send("GET /items/slow HTTP/1.1\r\nhost: t\r\n\r\n")
      try await eventually("the service is asked") { !upstream.requests.isEmpty }
      await client.close()
      try await eventually("the request is taken back") { upstream.resets.first?.code == 8 }
      #expect(try await gateway.get("/items/next").status == 200)
    }
  }

  @Test("a service that cannot be reached, or ends the connection, is a bad gateway")
  func unreachable() async throws {
    let upstream = try await FrameUpstream { _ in [] }
    try await Self.run([upstream], configure: { $0.retries.attempts = 1 }) { gateway in
      async let answer = gateway.get("/items/1")
      try await eventually("the service is asked") { !upstream.requests.isEmpty }
      await upstream.close()
      let first = try await answer
      #expect(first.status == 502)
      #expect(try await gateway.get("/items/2").status == 502)
    }
  }

  @Test("a service that speaks HTTP/1.1 where HTTP/2 was promised is a bad gateway")
  func wrongProtocol() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run(
      [], others: [Self.instance(upstream.port)], configure: { $0.retries.attempts = 1 }
    ) { gateway in
      let answer = try await gateway.get("/items/1")
      #expect(answer.status == 502)
    }
    await upstream.close()
  }

  @Test("a WebSocket is not opened to it, and the refusal says why")
  func webSocket() async throws {
    let upstream = try await FrameUpstream { RawFrame.ok($0.stream) }
    try await Self.run([upstream]) { gateway in
      let answer = try await gateway.get(
        "/ws",
        headers:
          "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      )
      #expect(answer.status == 502 && answer.member("detail")?.contains("HTTP/2") == true, "\(answer)")
      #expect(upstream.requests.isEmpty)
    }
  }

  @Test("its health is asked in HTTP/2", arguments: [200, 503])
  func health(_ status: Int) async throws {
    let upstream = try await FrameUpstream { [.headers($0.stream, [(":status", "\(status)")])] }
    let instance = UpstreamInstance(Self.instance(upstream.port), .init())
    let isUp = await HealthProbe.isUp(
      instance, path: "/health/ready", timeout: .seconds(5), on: MultiThreadedEventLoopGroup.singleton)
    #expect(isUp == (status == 200))
    await upstream.close()
    let isGone = await HealthProbe.isUp(
      instance, path: "/health/ready", timeout: .seconds(5), on: MultiThreadedEventLoopGroup.singleton)
    #expect(!isGone)
  }

  @Test("a large answer to a client that does not read waits at the service, not in the gateway")
  func slowReader() async throws {
    // Far more than all buffers on its way, and than what other tests take meanwhile.
    let size = 256 << 20
    let service = try await ScriptedUpstream { $0.head.contains("/health") ? .ok() : .large(size) }
    // Another gateway is what speaks HTTP/2 before the service.
    try await RunningGateway.run([service]) { inner in
      try await RunningGateway.run([], others: [Self.instance(inner.port)]) { gateway in
        let client = try await gateway.connect()
        try await client.setAutoRead(false)
        let before = ResidentMemory.bytes()
        try await client.send("GET /items HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
        let end = ContinuousClock.now + .seconds(1)
        try await eventually("it had time to take in too much") {
          ResidentMemory.bytes() - before > 128 << 20 || ContinuousClock.now > end
        }
        #expect(ResidentMemory.bytes() - before < 128 << 20)
        #expect(gateway.log.entries.isEmpty)
        try await client.setAutoRead(true)
        var received = 0
        for await piece in client.stream { received += piece.readableBytes }
        #expect(received > size)
        try await eventually("the answer is logged") { gateway.log.entries.first?.responseBodyBytes == size }
      }
    }
  }
}
