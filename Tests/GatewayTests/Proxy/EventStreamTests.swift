import Gateway
import GravityDiscovery
import NIOCore
import NIOPosix
import Patience
import ServiceLifecycle
import Testing

@Suite("Event streams") struct EventStreamTests {
  private static let head =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

  private static func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }

  /// - Returns: the client, with the answer's head read, and the service's end of its connection.
  private static func open(
    _ gateway: RunningGateway, _ upstream: PushingUpstream, head: String = head
  ) async throws -> (client: RawClient, service: any Channel) {
    let client = try await gateway.connect()
    try await client.send("GET /items HTTP/1.1\r\nhost: test\r\n\r\n")
    let service = try await upstream.next()
    try await service.writeAndFlush(ByteBuffer(string: head))
    var seen = ""
    while !seen.hasSuffix("\r\n\r\n") { seen += try await client.bytes(1) }
    #expect(seen.hasPrefix("HTTP/1.1 200 OK\r\n"))
    return (client, service)
  }

  @Test("each event reaches the client when it is sent, and does not wait for the next")
  func atOnce() async throws {
    let upstream = try await PushingUpstream()
    try await RunningGateway.run([]) { gateway in
      gateway.registry.register(upstream.instance)
      let (client, service) = try await Self.open(gateway, upstream)
      for number in 1...3 {
        let event = Self.chunk("event: saga\ndata: {\"number\":\(number)}\n\n")
        try await service.writeAndFlush(ByteBuffer(string: event))
        // The next one is not sent before this one is here.
        #expect(try await client.bytes(event.utf8.count) == event)
      }
      await client.close()
      // Whoever went away is not listened to any longer.
      try await service.closeFuture.get()
    }
    try await upstream.close()
  }

  @Test("a stream that is silent stays open where another answer that stands still is cut off")
  func silence() async throws {
    let upstream = try await PushingUpstream()
    try await RunningGateway.run([], configure: { $0.timeouts.transferIdle = .milliseconds(60) }) { gateway in
      gateway.registry.register(upstream.instance)
      let (client, service) = try await Self.open(gateway, upstream)
      let (other, _) = try await Self.open(
        gateway, upstream, head: "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\n")
      await other.waitForEnd()
      let heartbeat = Self.chunk(": \n\n")
      try await service.writeAndFlush(ByteBuffer(string: heartbeat))
      #expect(try await client.bytes(heartbeat.utf8.count) == heartbeat)
      await client.close()
    }
    try await upstream.close()
  }

  @Test("when the gateway drains, a stream ends instead of being waited for")
  func draining() async throws {
    let upstream = try await PushingUpstream()
    // Longer than the test waits: what it sees is no time-out.
    try await RunningGateway.run([], configure: { $0.drainTimeout = .seconds(60) }) { gateway in
      gateway.registry.register(upstream.instance)
      let (client, service) = try await Self.open(gateway, upstream)
      await gateway.group.triggerGracefulShutdown()
      try await eventually("the service's connection ends") { !service.isActive }
      #expect(await client.rest() == "")
    }
    try await upstream.close()
  }
}

/// A service that answers what and when the test says: each request's connection is handed to it.
private final class PushingUpstream: Sendable {
  private let server: any Channel
  private let requests: AsyncStream<any Channel>

  init() async throws {
    let (requests, feed) = AsyncStream.makeStream(of: (any Channel).self)
    self.requests = requests
    server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Handler(feed)) }
      }.bind(host: "127.0.0.1", port: 0).get()
  }

  var instance: ServiceInstance {
    ServiceInstance(id: "pushing", service: "items", host: "127.0.0.1", port: server.localAddress?.port ?? 0)
  }

  /// The connection of the next request, which has come whole: it has no body.
  func next() async throws -> any Channel {
    for await channel in requests { return channel }
    throw Unexpected(description: "no request came")
  }

  func close() async throws { try await server.close() }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let feed: AsyncStream<any Channel>.Continuation
    private var head = ""
    init(_ feed: AsyncStream<any Channel>.Continuation) { self.feed = feed }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      head += String(buffer: unwrapInboundIn(data))
      guard head.hasSuffix("\r\n\r\n") else { return }
      // The gateway looks at its services' health on its own.
      if head.hasPrefix("GET /items ") {
        feed.yield(context.channel)
      } else {
        context.writeAndFlush(NIOAny(ByteBuffer(string: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")), promise: nil)
      }
      head = ""
    }
  }
}
