import Foundation
import GravityDiscovery
import NIOCore
import NIOPosix
import Patience
import Synchronization
import Testing

@testable import Gateway

/// What the gateway answers itself, and how often it has to be made for that.
@Suite("Documents of the gateway's own") struct LocalDocumentTests {
  /// Made only when the test lets it, and counted.
  private final class Maker: Sendable {
    private let state = Mutex((begun: 0, atOnce: 0, most: 0))
    private let gate = DispatchSemaphore(value: 0)
    var begun: Int { state.withLock { $0.begun } }
    var most: Int { state.withLock { $0.most } }
    func allow(_ count: Int = 1) { for _ in 0..<count { gate.signal() } }
    func make() -> [UInt8] {
      let number = state.withLock { state in
        state.begun += 1
        state.atOnce += 1
        state.most = max(state.most, state.atOnce)
        return state.begun
      }
      gate.wait()
      state.withLock { $0.atOnce -= 1 }
      return Array("up \(number)\n".utf8)
    }
  }

  @Test("however many ask for a document, it is made once, off their event loops, and is kept for a while")
  func once() async throws {
    let maker = Maker()
    let documents = ["/made": LocalDocument.rendered("text/plain", lasting: .seconds(3_600)) { maker.make() }]
    try await RunningGateway.run([], documents: documents) { gateway in
      try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<20 { group.addTask { try await gateway.get("/made").body } }
        try await eventually("it is being made") { maker.begun == 1 }
        // While it is being made the loops do other things.
        for _ in 0..<8 { #expect(try await gateway.get("/health/live").status == 200) }
        maker.allow(1)
        for try await text in group { #expect(text == "up 1\n") }
      }
      let head = try await gateway.ask("HEAD /made HTTP/1.1\r\nhost: test\r\n\r\n", hasBody: false)
      #expect(head.status == 200)
      #expect(head.header("content-length") == "5")
      #expect(try await gateway.get("/made").body == "up 1\n")
      #expect(maker.begun == 1)
    }
  }

  @Test("it is made anew when its time is over, one at a time, and for whoever asks meanwhile as well")
  func anew() async throws {
    let maker = Maker()
    let time = Mutex<Int64>(0)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let document = RenderedDocument(contentType: "text/plain", lasting: 1_000, now: { time.withLock { $0 } }) {
      maker.make()
    }
    func coming() throws -> EventLoopFuture<LocalReply> {
      guard case .coming(let future) = document.reply(on: loop) else { throw Unexpected(description: "it was kept") }
      return future
    }
    func text(_ future: EventLoopFuture<LocalReply>) async throws -> String {
      String(buffer: try await future.get().body)
    }
    let (first, second) = (try coming(), try coming())
    maker.allow()
    #expect(try await text(first) == "up 1\n")
    #expect(try await text(second) == "up 1\n")
    time.withLock { $0 = 999 }
    guard case .kept(let kept) = document.reply(on: loop) else { throw Unexpected(description: "it was not kept") }
    #expect(String(buffer: kept.body) == "up 1\n")
    time.withLock { $0 = 1_000 }
    let third = try coming()
    try await eventually("it is being made") { maker.begun == 2 }
    let fourth = try coming()
    maker.allow()
    #expect(try await text(third) == "up 2\n")
    #expect(try await text(fourth) == "up 2\n")
    #expect(maker.most == 1)
    try await group.shutdownGracefully()
  }

  @Test("what takes too long to be made is 503, and who asks on the same connection afterwards gets it")
  func late() async throws {
    let maker = Maker()
    let documents = ["/made": LocalDocument.rendered("text/plain", lasting: .seconds(3_600)) { maker.make() }]
    try await RunningGateway.run(
      [], documents: documents, configure: { $0.timeouts.verification = .milliseconds(20) }
    ) { gateway in
      let client = try await gateway.connect()
      try await client.send("GET /made HTTP/1.1\r\nhost: test\r\n\r\n")
      let refused = try await client.response()
      #expect(refused.status == 503)
      #expect(refused.body.contains("\"document_unavailable\""))
      maker.allow()
      try await eventually("it is there") {
        try await client.send("GET /made HTTP/1.1\r\nhost: test\r\n\r\n")
        return try await client.response().body == "up 1\n"
      }
      await client.close()
    }
  }

  @Test("the documents of health are those of the last look, made when it was over and not when somebody asks")
  func health() {
    let draining = Mutex(false)
    let board = HealthBoard(critical: ["auth"], isDraining: { draining.withLock { $0 } })
    #expect(board.ready.status == 503 && String(buffer: board.ready.body) == #"{"status":"starting"}"#)
    func finding(_ isUp: Bool) -> HealthBoard.Finding {
      .init(id: "auth-1", address: "127.0.0.1:1", isUp: isUp, latencyMilliseconds: 1.25)
    }
    board.update(["auth": [finding(true)]], at: Date(timeIntervalSince1970: 0))
    #expect(board.isReady && board.document.status == 200)
    #expect(String(buffer: board.document.body).contains(#""latency_ms":1.25"#))
    // The same octets for all that ask.
    let (one, other) = (board.document.body, board.document.body)
    one.withUnsafeReadableBytes { one in
      other.withUnsafeReadableBytes { other in #expect(one.baseAddress == other.baseAddress) }
    }
    board.update(["auth": [finding(false)]], at: Date(timeIntervalSince1970: 1))
    #expect(board.document.status == 503 && String(buffer: board.ready.body) == #"{"status":"down"}"#)
    board.update(["auth": [finding(true)]], at: Date(timeIntervalSince1970: 2))
    draining.withLock { $0 = true }
    #expect(!board.isReady && String(buffer: board.ready.body) == #"{"status":"draining"}"#)
  }
}
