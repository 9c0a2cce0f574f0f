import NIOCore
import Patience
import Synchronization
import Testing

@testable import Gateway

/// What becomes of one stream is no matter of those beside it.
@Suite("Requests that share a connection of HTTP/2", .timeLimit(.minutes(1))) struct SharedConnectionTests {
  /// Remembers the requests to `/items/slow…`, which it leaves unanswered.
  private final class Waiting: Sendable {
    private let requests = Mutex<[FrameRequest]>([])
    var all: [FrameRequest] { requests.withLock { $0 } }
    func takes(_ request: FrameRequest) -> Bool {
      guard request.path.hasPrefix("/items/slow") else { return false }
      requests.withLock { $0.append(request) }
      return true
    }
  }

  /// A gateway before a service with which a request is under way, on stream 1 of the client's connection: it has to end
  /// well after whatever `body` does.
  private static func run(
    settings: [(UInt16, UInt32)] = [], answersAtHead: Bool = false,
    _ script: @escaping @Sendable (FrameRequest) -> [RawFrame],
    _ body: @Sendable (FrameClient, FrameUpstream, _ connection: Int) async throws -> Void
  ) async throws {
    let waiting = Waiting()
    let upstream = try await FrameUpstream(settings: settings, answersAtHead: answersAtHead) { request in
      if request.path.hasPrefix("/health") { return RawFrame.ok(request.stream) }
      return waiting.takes(request) ? [] : script(request)
    }
    try await HTTP2UpstreamTests.run(
      [upstream],
      configure: {
        $0.retries.attempts = 1
        $0.timeouts.connect = .seconds(20)
        $0.breaker.consecutiveFailures = 1_000_000
        $0.breaker.failureRatio = 2
        $0.ejection.isOn = false
      }
    ) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.get(1, "/items/slow"))
      try await eventually("the slow one waits") { waiting.all.count == 1 }
      let slow = try #require(waiting.all.first)
      try await body(client, upstream, slow.connection)
      try await upstream.send(RawFrame.ok(slow.stream, "well"), on: slow.connection)
      let answer = await client.answer(1)
      #expect(answer.status == 200 && answer.body == "well" && answer.isWhole, "\(answer)")
      await client.close()
    }
  }

  @Test("a service may ask as often as it likes whether the gateway is there, as those of gRPC do while data flows")
  func pings() async throws {
    try await Self.run({ RawFrame.ok($0.stream) }) { client, upstream, connection in
      let ping = RawFrame(type: RawFrame.Kind.ping, payload: Array(repeating: 7, count: 8))
      try await upstream.send(Array(repeating: ping, count: 600), on: connection)
      try await client.send(.get(3, "/items/next"))
      #expect(await client.answer(3).status == 200)
      #expect(upstream.requests.last?.connection == connection)
    }
  }

  @Test("a service may end hundreds of streams with an error, and another goes on")
  func resets() async throws {
    try await Self.run({ [.reset($0.stream, 2)] }) { client, upstream, connection in
      for batch in 0..<6 {
        let streams = (0..<50).map { UInt32(2 * (50 * batch + $0) + 3) }
        try await client.send(streams.flatMap { RawFrame.get($0, "/items/reset").bytes })
        for stream in streams { #expect(await client.answer(stream).status == 502) }
      }
      #expect(upstream.requests.allSatisfy { $0.connection == connection })
    }
  }

  @Test(
    "an answer that is none ends its own stream",
    arguments: [
      [(":status", "200"), ("content-length", "5")], [(":status", "200"), ("Upper", "a")],
      [(":status", "200"), ("connection", "close")], [("x", "y")], [(":status", "100")],
    ] as [[(String, String)]])
  func malformed(_ fields: [(String, String)]) async throws {
    try await Self.run({ [.headers($0.stream, fields)] }) { client, upstream, connection in
      for stream in [UInt32(3), 5] {
        try await client.send(.get(stream, "/items/bad"))
        #expect(await client.answer(stream).status == 502)
      }
      #expect(upstream.requests.allSatisfy { $0.connection == connection })
    }
  }

  @Test("a body of another length than was announced ends its own stream, and so do trailers that are no end")
  func wrongBody() async throws {
    try await Self.run({ request in
      let head = RawFrame.headers(request.stream, [(":status", "200"), ("content-length", "5")], end: false)
      switch request.path {
      case "/items/long": return [head, .data(request.stream, "123456789", end: true)]
      case "/items/short": return [head, .data(request.stream, "12", end: true)]
      default: return [head, .headers(request.stream, [("x-a", "b")], end: false)]
      }
    }) { client, upstream, connection in
      for (stream, path) in [(UInt32(3), "/items/long"), (5, "/items/short"), (7, "/items/other")] {
        try await client.send(.get(stream, path))
        let answer = await client.answer(stream)
        #expect(!answer.isWhole || answer.status == 502, "\(answer)")
      }
      #expect(upstream.requests.allSatisfy { $0.connection == connection })
    }
  }

  @Test("a service may go on for a while with streams that their client took back, however many")
  func late() async throws {
    // Fewer than a connection has before the service has said how many it may have.
    let count = 80
    try await Self.run({ RawFrame.ok($0.stream) }) { client, upstream, connection in
      let streams = (0..<count).map { UInt32(2 * $0 + 3) }
      try await client.send(streams.flatMap { RawFrame.get($0, "/items/slow-\($0)").bytes })
      try await eventually("the service has all") { upstream.requests.count == count + 1 }
      try await client.send(streams.flatMap { RawFrame.reset($0).bytes })
      // Stream 1 is the slow one, or one that asks for the service's health.
      try await eventually("all are taken back") { upstream.resets.count { $0.stream > 1 } == count }
      for request in upstream.requests where request.path != "/items/slow" {
        try await upstream.send(RawFrame.ok(request.stream, "late"), on: connection)
      }
      try await client.send(.get(1_001, "/items/next"))
      #expect(await client.answer(1_001).status == 200)
      #expect(upstream.requests.last?.connection == connection)
    }
  }

  @Test("what a service goes on with after its streams were taken back takes nothing of the others' window")
  func lateData() async throws {
    // A connection has 4 MiB on the way at most.
    let piece = String(repeating: "a", count: 16_384)
    try await Self.run({ request in
      request.path == "/items/large"
        ? [.headers(request.stream, [(":status", "200")], end: false)] : RawFrame.ok(request.stream)
    }) { client, upstream, connection in
      for round in 0..<40 {
        let stream = UInt32(2 * round + 3)
        try await client.send(.get(stream, "/items/slow-\(stream)"))
        try await eventually("the service has it") { upstream.requests.last?.path == "/items/slow-\(stream)" }
        let request = try #require(upstream.requests.last)
        try await client.send(.reset(stream))
        try await eventually("it is taken back") { upstream.resets.contains { $0.stream == request.stream } }
        try await upstream.send(
          [.headers(request.stream, [(":status", "200")], end: false)]
            + Array(repeating: .data(request.stream, piece), count: 15), on: connection)
      }
      // 9.6 MB of nothing; a service that keeps count has room for more.
      try await client.send(.get(1_001, "/items/next"))
      #expect(await client.answer(1_001).status == 200)
      #expect(upstream.requests.last?.connection == connection)
    }
  }

  @Test("frames of no data, now and then, are no flood of a service's")
  func emptyData() async throws {
    try await Self.run({ request in
      let empty = Array(repeating: RawFrame.data(request.stream, ""), count: 20)
      let parts = (0..<20).flatMap { _ in [RawFrame.data(request.stream, "a")] + empty }
      return [.headers(request.stream, [(":status", "200")], end: false)] + parts + [
        .data(request.stream, "b", end: true)
      ]
    }) { client, upstream, connection in
      try await client.send(.get(3, "/items/next"))
      let answer = await client.answer(3)
      #expect(answer.status == 200 && answer.body == String(repeating: "a", count: 20) + "b", "\(answer)")
    }
  }

  @Test(
    "an answer that comes before the request's end, and with it that the rest is not wanted, arrives whole",
    arguments: ["", "early"])
  func early(_ body: String) async throws {
    try await Self.run(answersAtHead: true, { RawFrame.ok($0.stream, body) + [.reset($0.stream, 0)] }) {
      client, upstream, connection in
      for stream in [UInt32(3), 5, 7] {
        try await client.send(
          .headers(stream, RawFrame.request("POST", "/items/early"), end: false), .data(stream, "first"))
        let answer = await client.answer(stream)
        #expect(answer.status == 200 && answer.body == body && answer.isWhole, "\(answer)")
        try await client.send(.data(stream, "second"))
      }
      #expect(upstream.requests.allSatisfy { $0.connection == connection })
    }
  }

  @Test("requests that GOAWAY names as not taken go to another connection, and so do those that wait for a stream")
  func goAway() async throws {
    let refused = Mutex(false)
    let upstream = try await FrameUpstream(settings: [(3, 1)]) { request in
      if request.path.hasPrefix("/health") { return RawFrame.ok(request.stream) }
      if request.path == "/items/slow" { return [] }
      let isFirst = refused.withLock { before in
        defer { before = true }
        return !before
      }
      return isFirst ? [.goAway(last: 0)] : RawFrame.ok(request.stream, "\(request.connection)")
    }
    try await HTTP2UpstreamTests.run([upstream], configure: { $0.timeouts.connect = .seconds(20) }) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      try await client.send(.headers(1, RawFrame.request("POST", "/items/1")))
      let answer = await client.answer(1)
      #expect(answer.status == 200, "\(answer)")
      // As many as there may be connections, and one that waits.
      for count in 1...9 {
        try await client.send(.headers(UInt32(2 * count + 1), RawFrame.request("POST", "/items/slow")))
        guard count < 9 else { break }
        try await eventually("\(count) wait") { upstream.requests.count { $0.path == "/items/slow" } == count }
      }
      let slow = upstream.requests.filter { $0.path == "/items/slow" }
      #expect(Set(slow.map(\.connection)).count == 8)
      for request in slow { try await upstream.send(.goAway(last: request.stream), on: request.connection) }
      // Whoever waited is asked on a new connection, and those that are under way end where they are.
      try await eventually("the ninth waits, too") { upstream.requests.count { $0.path == "/items/slow" } == 9 }
      for request in upstream.requests where request.path == "/items/slow" {
        try await upstream.send(RawFrame.ok(request.stream, "well"), on: request.connection)
      }
      for count in 1...9 {
        let answer = await client.answer(UInt32(2 * count + 1))
        #expect(answer.status == 200 && answer.body == "well", "\(count): \(answer)")
      }
      await client.close()
    }
  }

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
        // A window that is opened by nothing.
        try await client.send(.get(stream, "/items"), .windowUpdate(stream, 0))
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
