import NIOCore
import NIOPosix

/// A TCP client that sends what it is told, well-formed or not.
final class RawClient: Sendable {
  private let channel: any Channel
  private let iterator: Received
  let stream: AsyncStream<ByteBuffer>

  /// What has come and was not asked for yet.
  actor Received {
    private var iterator: AsyncStream<ByteBuffer>.Iterator
    private var buffer = ByteBuffer()
    private var isEnded = false
    init(_ stream: AsyncStream<ByteBuffer>) { iterator = stream.makeAsyncIterator() }

    /// - Returns: false at the end.
    private func more() async -> Bool {
      guard !isEnded else { return false }
      var iterator = iterator
      let next = await iterator.next(isolation: self)
      self.iterator = iterator
      guard var next else {
        isEnded = true
        return false
      }
      buffer.writeBuffer(&next)
      return true
    }

    func response(hasBody: Bool) async throws -> RawResponse {
      while true {
        if let response = try RawResponse.read(&buffer, hasBody: hasBody, isEnded: isEnded) { return response }
        guard await more() || isEnded else { throw Unexpected(description: "ended") }
        if isEnded, let last = try RawResponse.read(&buffer, hasBody: hasBody, isEnded: true) { return last }
        if isEnded { throw Unexpected(description: "the connection ended after \(String(buffer: buffer))") }
      }
    }

    /// Everything until the connection ends.
    func rest() async -> String {
      while await more() {}
      return String(buffer: buffer)
    }

    /// What has come up to now, once it fulfils `condition`.
    func received(_ condition: (ByteBuffer) -> Bool) async throws -> ByteBuffer {
      while !condition(buffer) {
        guard await more() else { throw Unexpected(description: "the connection ended") }
      }
      return buffer
    }

    func bytes(_ count: Int) async throws -> String {
      while buffer.readableBytes < count {
        guard await more() else { throw Unexpected(description: "the connection ended") }
      }
      return buffer.readString(length: count)!
    }
  }

  static func connect(_ port: Int) async throws -> RawClient {
    let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: false)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Collector(continuation))
        }
      }.connect(host: "127.0.0.1", port: port).get()
    return RawClient(channel, stream)
  }

  private init(_ channel: any Channel, _ stream: AsyncStream<ByteBuffer>) {
    self.channel = channel
    self.stream = stream
    iterator = Received(stream)
  }

  func send(_ text: String) async throws { try await send(ByteBuffer(string: text)) }
  func send(_ bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes) }

  /// The next response.
  func response(hasBody: Bool = true) async throws -> RawResponse { try await iterator.response(hasBody: hasBody) }
  /// Everything until the connection ends.
  func rest() async -> String { await iterator.rest() }
  func received(_ condition: @Sendable (ByteBuffer) -> Bool) async throws -> ByteBuffer {
    try await iterator.received(condition)
  }
  func bytes(_ count: Int) async throws -> String { try await iterator.bytes(count) }
  func close() async { try? await channel.close() }
  func setAutoRead(_ isOn: Bool) async throws { try await channel.setOption(.autoRead, value: isOn).get() }
  func waitForEnd() async { try? await channel.closeFuture.get() }
}

private final class Collector: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer
  private let continuation: AsyncStream<ByteBuffer>.Continuation
  init(_ continuation: AsyncStream<ByteBuffer>.Continuation) { self.continuation = continuation }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) { continuation.yield(unwrapInboundIn(data)) }
  func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

struct Unexpected: Error, CustomStringConvertible {
  var description: String
}
