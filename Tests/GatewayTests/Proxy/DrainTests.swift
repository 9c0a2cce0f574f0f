import NIOCore
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
        #expect(await eventually { answered.value > 100 })
        await gateway.group.triggerGracefulShutdown()
        try await tasks.waitForAll()
      }
      #expect(asked.value == answered.value)
      #expect(await eventually { (try? await RawClient.connect(gateway.port)) == nil })
    }
  }

  @Test("a request that is under way when draining begins is answered, and its connection closed")
  func inFlight() async throws {
    let upstream = try await ScriptedUpstream { $0.head.contains("/slow") ? .hang : .ok() }
    try await RunningGateway.run([upstream], configure: { $0.timeouts.firstByte = .milliseconds(300) }) { gateway in
      let client = try await gateway.connect()
      try await client.send("GET /items/slow HTTP/1.1\r\nhost: test\r\n\r\n")
      #expect(await eventually { upstream.requests.count == 1 })
      await gateway.group.triggerGracefulShutdown()
      let response = try await client.response()
      #expect(response.status == 504)
      #expect(await client.rest() == "")
    }
  }
}
