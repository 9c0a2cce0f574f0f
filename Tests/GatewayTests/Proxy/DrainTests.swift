import NIOCore
import Patience
import ServiceLifecycle
import Testing

@testable import Gateway

@Suite("Draining") struct DrainTests {
  @Test("requests in flight and those on kept connections are answered, new connections are not taken")
  func drains() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    // A client that the machine holds up for a while is not to be taken for one that asks no more.
    let patient: @Sendable (inout GatewayConfiguration) -> Void = { configuration in
      configuration.drainQuiet = .seconds(15)
    }
    try await RunningGateway.run([upstream], configure: patient) { gateway in
      let asked = WordVerifier.Counted()
      let answered = WordVerifier.Counted()
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for _ in 0..<8 {
          tasks.addTask {
            let client = try await gateway.connect()
            while true {
              asked.add()
              try await client.send("GET /items HTTP/1.1\r\nhost: test\r\n\r\n")
              let response = try await client.response()
              #expect(response.status == 200)
              answered.add()
              if response.header("connection") == "close" { return }
            }
          }
        }
        try await eventually("requests flow") { answered.value > 100 }
        await gateway.group.triggerGracefulShutdown()
        try await tasks.waitForAll()
      }
      #expect(asked.value == answered.value)
      try await eventually("nobody listens any more") { (try? await RawClient.connect(gateway.port)) == nil }
    }
  }

  /// Waits for real time: what is told from what here is how long a connection has been silent.
  @Test("a connection that was silent long before hears of it with its next answer, and loses no request")
  func silent() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], configure: { $0.drainQuiet = .seconds(4) }) { gateway in
      let client = try await gateway.connect()
      try await client.send("GET /items HTTP/1.1\r\nhost: test\r\n\r\n")
      #expect(try await client.response().status == 200)
      let since = ContinuousClock.now
      try await eventually("it is silent for longer than a drain waits") { ContinuousClock.now > since + .seconds(5) }
      await gateway.group.triggerGracefulShutdown()
      try await eventually("nobody listens any more") { (try? await RawClient.connect(gateway.port)) == nil }
      try await client.send("GET /items HTTP/1.1\r\nhost: test\r\n\r\n")
      let last = try await client.response()
      #expect(last.status == 200 && last.header("connection") == "close")
      #expect(await client.rest() == "")
    }
  }

  @Test("before it drains it asks clients to come back elsewhere, and serves those who come")
  func leaving() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send("GET /items HTTP/1.1\r\nhost: test\r\n\r\n")
      #expect(try await client.response().header("connection") == nil)
      let frames = try await FrameClient.connect(gateway.port)
      try await frames.send(.get(1))
      #expect(await frames.answer(1).status == 200)
      gateway.gateway.leave()
      let told = try #require(await frames.first(of: RawFrame.Kind.goAway))
      #expect(told.code == 0 && told.payload.prefix(4) == [0x7F, 0xFF, 0xFF, 0xFF])
      try await frames.send(.get(3))
      #expect(await frames.answer(3).status == 200)
      try await client.send("GET /items HTTP/1.1\r\nhost: test\r\n\r\n")
      let last = try await client.response()
      #expect(last.status == 200 && last.header("connection") == "close")
      let next = try await gateway.get("/items")
      #expect(next.status == 200 && next.header("connection") == "close")
      #expect(try await gateway.get("/health/ready").status == 503)
      await frames.close()
    }
  }

  @Test("a WebSocket through which nothing passes holds up no drain")
  func webSocket() async throws {
    let upstream = try await ScriptedUpstream { _ in
      .echo("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n")
    }
    try await RunningGateway.run([upstream], configure: { $0.drainTimeout = .seconds(600) }) { gateway in
      let client = try await gateway.connect()
      try await client.send(
        "GET /ws HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n\r\n")
      #expect(try await client.response(hasBody: false).status == 101)
      try await client.send("hello")
      #expect(try await client.bytes(5) == "hello")
      await gateway.group.triggerGracefulShutdown()
      #expect(await client.rest() == "")
    }
  }

  @Test("a request that is under way when draining begins is answered, and its connection closed")
  func inFlight() async throws {
    let upstream = try await ScriptedUpstream { $0.head.contains("/slow") ? .hang : .ok() }
    try await RunningGateway.run([upstream], configure: { $0.timeouts.firstByte = .milliseconds(300) }) { gateway in
      let client = try await gateway.connect()
      try await client.send("GET /items/slow HTTP/1.1\r\nhost: test\r\n\r\n")
      try await eventually("the service is asked") { upstream.requests.count == 1 }
      await gateway.group.triggerGracefulShutdown()
      let response = try await client.response()
      #expect(response.status == 504)
      #expect(await client.rest() == "")
    }
  }
}
