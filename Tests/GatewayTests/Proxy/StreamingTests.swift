import Foundation
import NIOCore
import Synchronization
import Testing

@testable import Gateway

@Suite("Streaming", .serialized) struct StreamingTests {
  private static let size = 64 << 20

  @Test("a large answer to a client that does not read waits at the service, not in the gateway")
  func slowReader() async throws {
    let upstream = try await ScriptedUpstream { $0.head.contains("/health") ? .ok() : .large(Self.size) }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.setAutoRead(false)
      let before = ResidentMemory.bytes()
      try await client.send("GET /items HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
      // The answer cannot have been taken in whole: its log line is written when its last byte is.
      _ = await eventually { ResidentMemory.bytes() - before > 48 << 20 || Waiting.isOver() }
      #expect(ResidentMemory.bytes() - before < 48 << 20)
      #expect(gateway.log.entries.isEmpty)
      try await client.setAutoRead(true)
      var received = 0
      for await piece in client.stream { received += piece.readableBytes }
      #expect(received > Self.size)
      #expect(await eventually { gateway.log.entries.first?.responseBodyBytes == Self.size })
    }
  }

  @Test("who asks and asks without reading is not read any more, and gets every answer once it reads")
  func unreadAnswers() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.setAutoRead(false)
      // Its answers are more than both ends' sockets hold.
      let (rounds, many) = (600, 100)
      let requests = String(repeating: "GET /none HTTP/1.1\r\nhost: test\r\n\r\n", count: many)
      let sending = Task {
        for _ in 0..<rounds { try await client.send(requests) }
        try await client.send("GET /none HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
      }
      // Nothing is answered any more, whether because all is or because nobody reads.
      let last = Mutex((count: 0, at: ContinuousClock.now))
      _ = await eventually {
        let count = gateway.log.entries.count
        return last.withLock { last in
          if last.count != count { last = (count, .now) }
          return count > 0 && last.at.duration(to: .now) > .milliseconds(500)
        }
      }
      #expect(gateway.log.entries.count < rounds * many)
      try await client.setAutoRead(true)
      let answers = await client.rest()
      try await sending.value
      #expect(answers.components(separatedBy: "HTTP/1.1 404").count - 1 == rounds * many + 1)
    }
  }

  @Test("a large request streams through whole")
  func upload() async throws {
    let upstream = try await ScriptedUpstream(keepsBodies: false) { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send("POST /items HTTP/1.1\r\nhost: test\r\ncontent-length: \(Self.size)\r\n\r\n")
      let piece = ByteBuffer(repeating: 0x61, count: 1 << 20)
      for _ in 0..<(Self.size >> 20) { try await client.send(piece) }
      let response = try await client.response()
      #expect(response.status == 200 && upstream.receivedBytes > Self.size)
      await client.close()
    }
  }
}

/// A bound for looking at something that must not happen.
private enum Waiting {
  private static let start = ContinuousClock.now
  static func isOver() -> Bool { ContinuousClock.now - start > .seconds(1) }
}
