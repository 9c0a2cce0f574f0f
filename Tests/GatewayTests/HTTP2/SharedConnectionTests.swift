import NIOCore
import Testing

@testable import Gateway

/// What becomes of one stream is no matter of those beside it.
@Suite("Requests that share a connection of HTTP/2", .timeLimit(.minutes(1))) struct SharedConnectionTests {
  @Test("a client may go on for a while with bodies that nobody wants, and its connection lives on")
  func refusedBodies() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      let streams = (0..<100).map { UInt32(2 * $0 + 1) }
      try await client.send(
        streams.flatMap { RawFrame.headers($0, RawFrame.request("POST", "/mine"), end: false).bytes })
      for stream in streams { #expect(await client.answer(stream).status == 401) }
      // It has not heard that they ended.
      try await client.send(streams.flatMap { RawFrame.data($0, String(repeating: "a", count: 300)).bytes })
      try await client.send(.get(1_001))
      #expect(await client.answer(1_001).status == 200)
      await client.close()
    }
  }

  @Test("a client's mistakes end their streams, and its connection only where they are many in a short time")
  func mistakes() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run(
      [upstream],
      configure: {
        $0.http2.streamErrors = 4
        $0.http2.window = .nanoseconds(1)
      }
    ) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      for stream in stride(from: UInt32(1), to: 41, by: 2) {
        try await client.send(.get(stream, "/items", [("connection", "close")]))
        #expect(await client.answer(stream).reset == 1)
      }
      try await client.send(.get(41))
      #expect(await client.answer(41).status == 200)
      await client.close()
    }
  }

  @Test("a stream whose client takes none of its answer ends when its time is up")
  func unreadAnswer() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok("hello") }
    try await RunningGateway.run([upstream], configure: { $0.timeouts.transferIdle = .milliseconds(300) }) { gateway in
      // No window: heads come, bodies do not.
      let client = try await FrameClient.connect(gateway.port, settings: [(4, 0)])
      try await client.send(.get(1), .get(3, "/nowhere"))
      for stream in [UInt32(1), 3] {
        let answer = await client.answer(stream)
        #expect(answer.status > 0 && answer.body.isEmpty && answer.reset != nil, "\(answer)")
      }
      await client.close()
    }
  }
}
