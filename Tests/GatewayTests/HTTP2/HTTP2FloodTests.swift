import NIOCore
import Testing

@testable import Gateway

/// Frames that cost the sender little and the receiver much, or that break the rules.
struct Flood: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var frames: @Sendable () -> [UInt8]
  /// GOAWAY's code; ENHANCE_YOUR_CALM is 11, PROTOCOL_ERROR 1.
  var codes: Set<UInt32>
  /// Requests that reach the service at most: one for each piece of the flood that ends between a request and what takes
  /// it back.
  var reaching = 0

  init(
    _ name: String, _ codes: Set<UInt32> = [11], reaching: Int = 0, _ frames: @escaping @Sendable () -> [UInt8]
  ) {
    testDescription = name
    self.reaching = reaching
    self.codes = codes
    self.frames = frames
  }

  private static func many(_ count: Int, _ frame: (Int) -> [RawFrame]) -> [UInt8] {
    (0..<count).flatMap { index in frame(index).flatMap(\.bytes) }
  }
  private static func odd(_ index: Int) -> UInt32 { UInt32(2 * index + 1) }
  /// A request whose body goes on.
  private static let open = RawFrame.headers(1, RawFrame.request("POST", "/nowhere"), end: false)

  static let all = [
    Flood("rapid reset", reaching: 8) { many(1_000) { [.get(odd($0)), .reset(odd($0))] } },
    Flood("SETTINGS") { many(2_000) { _ in [.settings()] } },
    Flood("SETTINGS that change the windows") { many(2_000) { [.settings([(4, UInt32($0))])] } },
    Flood("SETTINGS with hundreds of values") { RawFrame.settings((0..<300).map { (4, UInt32($0)) }).bytes },
    Flood("PING") { many(2_000) { _ in [RawFrame(type: RawFrame.Kind.ping, payload: Array(repeating: 0, count: 8))] } },
    Flood("PRIORITY") {
      many(2_000) { _ in [RawFrame(type: RawFrame.Kind.priority, stream: 1, payload: [0, 0, 0, 3, 16])] }
    },
    Flood("empty DATA") { open.bytes + many(1_000) { _ in [.data(1, "")] } },
    Flood("WINDOW_UPDATE of the connection") { many(20_000) { _ in [.windowUpdate(0, 1)] } },
    Flood("WINDOW_UPDATE of a stream") { open.bytes + many(20_000) { _ in [.windowUpdate(1, 1)] } },
    Flood("DATA of one byte") { open.bytes + many(20_000) { _ in [.data(1, "a")] } },
    Flood("frames of unknown types") { many(20_000) { _ in [RawFrame(type: 99, payload: [1])] } },
    Flood("CONTINUATION without end") {
      RawFrame.headers(1, RawFrame.request("GET", "/items"), endHeaders: false).bytes
        + many(1_000) { _ in
          [RawFrame(type: RawFrame.Kind.continuation, stream: 1, payload: RawFrame.block([("x", "y")]))]
        }
    },
    Flood("empty CONTINUATION") {
      RawFrame.headers(1, RawFrame.request("GET", "/items"), endHeaders: false).bytes
        + many(1_000) { _ in [RawFrame(type: RawFrame.Kind.continuation, stream: 1)] }
    },
    Flood("mistakes that make the server reset") {
      // A window that is opened by nothing is a mistake of the stream's (RFC 9113 §6.9).
      many(1_000) { [.get(odd($0), "/nowhere"), .windowUpdate(odd($0), 0)] }
    },
    Flood("a header list that unpacks to much more", [1, 2, 9, 11]) {
      // One long field is put into the table, then named a thousand times by one octet each (CVE-2016-6581).
      let name = Array("x-bomb".utf8)
      let value = Array(repeating: UInt8(ascii: "a"), count: 3_900)
      let insert = [0x40, UInt8(name.count)] + name + [0x7F, 0xBD, 0x1D] + value
      let block = RawFrame.block(RawFrame.request("GET", "/items")) + insert + Array(repeating: 0xBE, count: 2_000)
      return RawFrame(type: RawFrame.Kind.headers, flags: 5, stream: 1, payload: block).bytes
    },
    Flood("a header list larger than is taken", [1, 2, 9, 11]) {
      RawFrame.headers(
        1, RawFrame.request("GET", "/items") + [("x", String(repeating: "a", count: 15_000))], endHeaders: false
      ).bytes
        + many(12) { index in
          [
            RawFrame(
              type: RawFrame.Kind.continuation, flags: index == 11 ? 4 : 0, stream: 1,
              payload: RawFrame.block([("y", String(repeating: "a", count: 15_000))]))
          ]
        }
    },
  ]

  static let mistakes = [
    Flood("no preface's SETTINGS", [1]) { RawFrame.get(1).bytes },
    Flood("DATA on stream 0", [1]) { RawFrame.data(0, "a").bytes },
    Flood("HEADERS on stream 0", [1]) { RawFrame.get(0).bytes },
    Flood("HEADERS on a stream of the server's", [1]) { RawFrame.get(2).bytes },
    Flood("a stream that is lower than one before", [1, 5]) {
      RawFrame.get(5, "/nowhere").bytes + RawFrame.get(3).bytes
    },
    Flood("DATA on a stream that was never opened", [1, 5]) { RawFrame.data(7, "a").bytes },
    Flood("RST_STREAM of a stream that was never opened", [1]) { RawFrame.reset(7).bytes },
    Flood("WINDOW_UPDATE of a stream that was never opened", [1]) { RawFrame.windowUpdate(7, 1).bytes },
    Flood("a frame between HEADERS and CONTINUATION", [1]) {
      RawFrame.headers(1, RawFrame.request("GET", "/items"), endHeaders: false).bytes + RawFrame.get(3).bytes
    },
    Flood("a CONTINUATION on its own", [1]) { RawFrame(type: RawFrame.Kind.continuation, stream: 1).bytes },
    Flood("PUSH_PROMISE of a client", [1]) {
      RawFrame(type: RawFrame.Kind.push, flags: 4, stream: 1, payload: [0, 0, 0, 2]).bytes
    },
    Flood("a SETTINGS of five octets", [6]) { RawFrame(type: RawFrame.Kind.settings, payload: [0, 1, 2, 3, 4]).bytes },
    Flood("a PING of seven octets", [6]) { RawFrame(type: RawFrame.Kind.ping, payload: [0, 1, 2, 3, 4, 5, 6]).bytes },
    Flood("a window of more than 2^31-1", [3]) { RawFrame.windowUpdate(0, 0x7FFF_FFFF).bytes },
    Flood("an initial window of more than 2^31-1", [3]) { RawFrame.settings([(4, 0x8000_0000)]).bytes },
    Flood("ENABLE_PUSH of 2", [1]) { RawFrame.settings([(2, 2)]).bytes },
    Flood("a frame larger than is allowed", [6]) {
      RawFrame(type: RawFrame.Kind.data, stream: 1, payload: Array(repeating: 0, count: 20_000)).bytes
    },
    Flood("padding longer than the frame", [1]) {
      RawFrame(type: RawFrame.Kind.headers, flags: 0xD, stream: 1, payload: [200, 1, 2]).bytes
    },
    Flood("a header block that is no HPACK", [9, 1]) {
      RawFrame(type: RawFrame.Kind.headers, flags: 5, stream: 1, payload: [0xFF, 0xFF, 0xFF, 0xFF, 0xFF]).bytes
    },
  ]
}

@Suite("Floods and broken rules of HTTP/2", .timeLimit(.minutes(3))) struct HTTP2FloodTests {
  @Test("a flood is answered by GOAWAY, the connection ends, and no service hears of it", arguments: Flood.all)
  func flood(_ flood: Flood) async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      let before = ResidentMemory.bytes()
      // The connection may end while it is still being sent.
      try? await client.send(flood.frames())
      let goAway = await client.first(of: RawFrame.Kind.goAway)
      #expect(goAway?.code.map { flood.codes.contains($0) } == true, "\(String(describing: goAway?.code))")
      await client.end()
      #expect(upstream.requests.count <= flood.reaching)
      #expect(ResidentMemory.bytes() - before < 64 << 20)
      // Others are not touched.
      #expect(try await gateway.get("/items").status == 200)
    }
  }

  @Test(
    "a broken rule of the connection ends it with the reason, and no service hears of it", arguments: Flood.mistakes)
  func mistake(_ mistake: Flood) async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let client: FrameClient
      if mistake.testDescription.hasPrefix("no preface") {
        client = try await FrameClient.connect(gateway.port, opening: HTTP2Frame.preface)
      } else {
        client = try await FrameClient.connect(gateway.port)
      }
      try await client.send(mistake.frames())
      let goAway = await client.first(of: RawFrame.Kind.goAway)
      #expect(goAway?.code.map { mistake.codes.contains($0) } == true, "\(String(describing: goAway?.code))")
      await client.end()
      #expect(upstream.requests.isEmpty)
    }
  }

  @Test("a malformed request ends its stream alone, and no service hears of it", arguments: MalformedRequest.all)
  func malformed(_ request: MalformedRequest) async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(RawFrame.split(.headers(1, request.fields, end: request.endsStream)))
      let answer = await client.answer(1)
      #expect(answer.status == request.fault.status, "\(answer)")
      #expect(upstream.requests.isEmpty)
      try await client.send(.get(3))
      #expect(await client.answer(3).status == 200)
      await client.close()
    }
  }

  @Test(
    "a body that is not what its head says ends the stream, and nothing of it is another request",
    arguments: [
      [RawFrame.data(1, "abcGET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n", end: true)],
      [RawFrame.data(1, "ab", end: true)],
      [RawFrame.data(1, "abc"), RawFrame.data(1, "GET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n", end: true)],
      [RawFrame.data(1, "ab"), RawFrame.headers(1, [("x-a", "b")])],
      [RawFrame.data(1, "abc"), RawFrame.headers(1, [(":path", "/smuggled")])],
      [RawFrame.data(1, "abc"), RawFrame.headers(1, [("x-a", "b\r\nc: d")])],
      [RawFrame.data(1, "abc"), RawFrame.headers(1, [("x-a", "b")], end: false)],
    ])
  func bodies(_ frames: [RawFrame]) async throws {
    let upstream = try await ScriptedUpstream { _ in .hang }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      let head = RawFrame.headers(1, RawFrame.request("POST", "/items") + [("content-length", "3")], end: false)
      try await client.send(head.bytes + frames.flatMap(\.bytes))
      let answer = await client.answer(1)
      #expect(answer.reset == 1, "\(answer)")
      #expect(!upstream.requests.contains { $0.head.contains("smuggled") })
      await client.close()
    }
  }

  @Test("more requests than may be under way are refused, and may be asked again")
  func tooMany() async throws {
    let upstream = try await ScriptedUpstream { _ in .hang }
    try await RunningGateway.run([upstream], configure: { $0.http2.concurrentStreams = 8 }) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send((0..<9).flatMap { RawFrame.get(UInt32(2 * $0 + 1)).bytes })
      let refused = await client.first(of: RawFrame.Kind.reset)
      #expect(refused?.stream == 17 && refused?.code == 7)
      #expect(upstream.requests.count <= 8)
      await client.close()
    }
  }

  @Test("streams count among connections, and one too many is refused as never taken")
  func full() async throws {
    let upstream = try await ScriptedUpstream { _ in .hang }
    let loops = 16
    try await RunningGateway.run([upstream], configure: { $0.limits.clientConnectionsPerLoop = 3 }) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send((0..<loops).flatMap { RawFrame.get(UInt32(2 * $0 + 1)).bytes })
      let refused = try #require(await client.first(of: RawFrame.Kind.reset))
      #expect(refused.code == 7)
      await client.close()
    }
  }

  @Test("who asks and reads nothing is held to a bound")
  func unread() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], configure: { $0.http2.unreadBytes = 65_536 }) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.setAutoRead(false)
      let before = ResidentMemory.bytes()
      let fields = RawFrame.request("HEAD", "/health/live")
      var stream: UInt32 = 1
      // Sending comes to its end when the gateway has had enough.
      for _ in 0..<20_000 {
        var bytes: [UInt8] = []
        for _ in 0..<50 {
          bytes += RawFrame.headers(stream, fields).bytes
          stream += 2
        }
        guard (try? await client.send(bytes)) != nil else { break }
      }
      #expect(stream < 2_000_000)
      #expect(ResidentMemory.bytes() - before < 64 << 20)
      #expect(try await gateway.get("/items").status == 200)
    }
  }
}
