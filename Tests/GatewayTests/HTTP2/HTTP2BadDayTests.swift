import NIOCore
import NIOEmbedded
import Testing

@testable import Gateway

/// What peers of HTTP/2 do that is allowed, and what was once done wrong with it.
@Suite("HTTP/2 on a bad day", .timeLimit(.minutes(2))) struct HTTP2BadDayTests {
  @Test("a stream to a service that both sides have ended is not reset")
  func noResets() async throws {
    let upstream = try await FrameUpstream { request in RawFrame.ok(request.stream, "well") }
    try await HTTP2UpstreamTests.run([upstream], configure: { _ in }) { gateway in
      for _ in 0..<50 {
        let answer = try await gateway.get("/items")
        #expect(answer.status == 200)
      }
      let answer = try await gateway.ask("POST /items HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\n\r\nhello")
      #expect(answer.status == 200)
      #expect(upstream.resets.isEmpty, "\(upstream.resets)")
    }
  }

  @Test("a service that says interim answer after interim answer has given none", arguments: [16, 17])
  func interims(count: Int) async throws {
    let upstream = try await FrameUpstream { request in
      Array(repeating: .headers(request.stream, [(":status", "103"), ("link", "</a>")], end: false), count: count)
        + RawFrame.ok(request.stream, "well")
    }
    try await HTTP2UpstreamTests.run([upstream], configure: { $0.retries.attempts = 1 }) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.get(1))
      let answer = await client.answer(1)
      #expect(answer.status == (count > 16 ? 502 : 200) && answer.interims.count == (count > 16 ? 0 : 16), "\(answer)")
      await client.close()
    }
  }

  @Test("a body that is nothing but padding for a while uses no window up")
  func padding() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok("well") }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.headers(1, RawFrame.request("POST", "/items"), end: false))
      let padded = RawFrame(
        type: RawFrame.Kind.data, flags: 8, stream: 1, payload: [255] + Array(repeating: 0, count: 255))
      for _ in 0..<20 { try await client.send(Array(repeating: padded.bytes, count: 60).flatMap(\.self)) }
      try await client.send(.data(1, "hello", end: true))
      let answer = await client.answer(1)
      #expect(answer.status == 200 && answer.body == "well", "\(answer)")
      await client.close()
    }
  }

  @Test("a client that says it goes is served what it asks as long as something is under way")
  func clientGoes() async throws {
    let upstream = try await ScriptedUpstream { request in request.head.contains("/items/slow") ? .hang : .ok("well") }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.get(1, "/items/slow"))
      try await client.send(RawFrame(type: RawFrame.Kind.goAway, payload: Array(repeating: 0, count: 8)), .get(3))
      #expect(await client.answer(3).status == 200)
      try await client.send(.reset(1))
      await client.end()
    }
  }

  @Test("a request that was given up before anything of it was said is not reset")
  func neverSaid() throws {
    let session = HTTP2ServiceSession(HeadLimits())
    let channel = EmbeddedChannel(handler: session)
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    let asker = Asker()
    let streams = (0..<2).map { _ in HTTP2ServiceStream(session, asker) }
    for stream in streams { #expect(session.open(stream)) }
    streams[1].write(ByteBuffer(string: "GET / HTTP/1.1\r\nhost: a\r\n\r\n"))
    for stream in streams { stream.close() }
    channel.embeddedEventLoop.run()
    var (bytes, resets) = (ByteBuffer(), [UInt32]())
    while var next = try channel.readOutbound(as: ByteBuffer.self) { bytes.writeBuffer(&next) }
    bytes.moveReaderIndex(forwardBy: HTTP2Frame.preface.count)
    while let frame = try HTTP2Frame.take(&bytes) {
      if frame.type == HTTP2Frame.Kind.reset { resets.append(frame.stream) }
    }
    #expect(resets == [3] && session.streams.isEmpty)
    _ = try? channel.finish()
  }

  private final class Asker: HTTP2Asker {
    let takesAnswer = true
    func receive(answer bytes: ByteBuffer) {}
    func streamBecameWritable() {}
    func streamEnded(_ end: HTTP2ServiceStream.End) {}
  }
}
