import Foundation
import GravityDiscovery
import NIOCore
import NIOPosix
import Patience
import Synchronization
import Testing

@testable import Gateway

@Suite("Streaming", .serialized) struct StreamingTests {
  private static let size = 128 << 20

  @Test("a large answer to a client that does not read waits at the service, not in the gateway")
  func slowReader() async throws {
    let upstream = try await ScriptedUpstream { $0.head.contains("/health") ? .ok() : .large(Self.size) }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.setAutoRead(false)
      let before = ResidentMemory.bytes()
      try await client.send("GET /items HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
      // The answer cannot have been taken in whole: its log line is written when its last byte is.
      try await eventually("it had time to take in too much") {
        ResidentMemory.bytes() - before > 96 << 20 || Waiting.isOver()
      }
      #expect(ResidentMemory.bytes() - before < 96 << 20)
      #expect(gateway.log.entries.isEmpty)
      try await client.setAutoRead(true)
      var received = 0
      for await piece in client.stream { received += piece.readableBytes }
      #expect(received > Self.size)
      try await eventually("the answer is logged") { gateway.log.entries.first?.responseBodyBytes == Self.size }
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
      try await eventually("nothing is answered any more") {
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

  @Test("over HTTP/2 a large request to a service that does not read waits at the client, and goes on when it reads")
  func unreadUpload() async throws {
    let upstream = try await UnreadingUpstream(answersAfter: Self.size)
    let instance = ServiceInstance(id: "items-1", service: "items", host: "127.0.0.1", port: upstream.port)
    try await RunningGateway.run([], others: [instance]) { gateway in
      let client = try await FrameClient.connect(gateway.port)
      let sent = Mutex(0)
      let fields = RawFrame.request("POST", "/items") + [("content-length", "\(Self.size)")]
      try await client.send(.headers(1, fields, end: false))
      let sending = Task {
        // As much as the windows allow (RFC 9113 §6.9), in frames of the size that all take.
        var (connection, stream) = (65_535, 65_535)
        while sent.withLock({ $0 }) < Self.size {
          let count = min(16_384, connection, stream, Self.size - sent.withLock { $0 })
          guard count > 0 else {
            guard let frame = await client.windowFrame() else { return }
            if frame.stream == 0 { connection += frame.increment } else { stream += frame.increment }
            // Streams have the gateway's window from here on, and not before it has read this (RFC 9113 §6.5.3).
            if frame.type == RawFrame.Kind.settings { try await client.send(RawFrame.settingsTaken) }
            continue
          }
          (connection, stream) = (connection - count, stream - count)
          let left = sent.withLock { sent in
            sent += count
            return Self.size - sent
          }
          try await client.send(.data(1, String(repeating: "x", count: count), end: left == 0))
        }
      }
      let last = Mutex((count: 0, at: ContinuousClock.now))
      try await eventually("nothing is taken any more") {
        let count = sent.withLock { $0 }
        return last.withLock { last in
          if last.count != count { last = (count, .now) }
          return count > 65_535 && last.at.duration(to: .now) > .milliseconds(500)
        }
      }
      // Sockets on the way hold some megabytes, too.
      #expect(sent.withLock { $0 } < Self.size / 2, "\(sent.withLock { $0 })")
      try await upstream.read()
      try await sending.value
      #expect(await client.answer(1).status == 200)
      #expect(upstream.received > Self.size)
      await client.close()
    }
    await upstream.close()
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

/// Takes connections, and reads nothing until it is told to; then it answers each that has said enough.
private final class UnreadingUpstream: Sendable {
  final class Counts: Sendable {
    let state = Mutex((channels: [any Channel](), reads: false, received: 0))
  }
  private let counts = Counts()
  private let channel: any Channel
  let port: Int

  /// - Parameter count: Bytes of a connection that are more than its request's body.
  init(answersAfter count: Int) async throws {
    let counts = counts
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(UnreadingHandler(counts, count))
        }
      }.bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress!.port!
  }

  var received: Int { counts.state.withLock { $0.received } }

  func read() async throws {
    let channels = counts.state.withLock { state in
      state.reads = true
      return state.channels
    }
    for channel in channels where channel.isActive { try await channel.setOption(.autoRead, value: true).get() }
  }

  func close() async { try? await channel.close() }
}

private final class UnreadingHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let counts: UnreadingUpstream.Counts
  private let enough: Int
  private var count = 0

  init(_ counts: UnreadingUpstream.Counts, _ enough: Int) { (self.counts, self.enough) = (counts, enough) }

  func channelActive(context: ChannelHandlerContext) {
    let reads = counts.state.withLock { state in
      state.channels.append(context.channel)
      return state.reads
    }
    if reads { context.channel.setOption(.autoRead, value: true).whenComplete { _ in } }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let before = count
    count += unwrapInboundIn(data).readableBytes
    counts.state.withLock { $0.received += count - before }
    guard before <= enough, count > enough else { return }
    let answer = ByteBuffer(string: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
