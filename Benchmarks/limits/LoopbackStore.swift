import GravityLimits
import NIOCore
import NIOPosix
import Synchronization

/// A store behind a socket, with a protocol of the least there is: the number of claims, and an answer to it. What is
/// measured with it is the way there and back, which no store can spare.
final class LoopbackStore: LimitStore {
  private let channel: any Channel
  private let waiting: Waiting

  private final class Waiting: Sendable {
    private let list = Mutex<[CheckedContinuation<Void, any Error>]>([])
    func add(_ continuation: CheckedContinuation<Void, any Error>) { list.withLock { $0.append(continuation) } }
    func next() -> CheckedContinuation<Void, any Error>? {
      list.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }
  }

  init(port: Int, group: any EventLoopGroup) async throws {
    let waiting = Waiting()
    self.waiting = waiting
    channel = try await ClientBootstrap(group: group)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Answers(waiting))
        }
      }.connect(host: "127.0.0.1", port: port).get()
  }

  func take(_ claims: [LimitClaim]) async throws(LimitStoreError) -> [LimitGrant] {
    do {
      try await withCheckedThrowingContinuation { continuation in
        channel.eventLoop.execute {
          self.waiting.add(continuation)
          self.channel.writeAndFlush(ByteBuffer(integer: UInt32(claims.count)), promise: nil)
        }
      }
    } catch {
      throw LimitStoreError("\(error)")
    }
    return claims.map { LimitGrant(taken: $0.wanted, remaining: 1_000, retryAfter: 0, reset: 1_000) }
  }

  static func serve(on group: any EventLoopGroup) async throws -> any Channel {
    try await ServerBootstrap(group: group)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Echo()) }
      }.bind(host: "127.0.0.1", port: 0).get()
  }

  private final class Answers: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let waiting: Waiting
    private var bytes = 0
    init(_ waiting: Waiting) { self.waiting = waiting }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      bytes += unwrapInboundIn(data).readableBytes
      while bytes >= 4 {
        bytes -= 4
        waiting.next()?.resume()
      }
    }
    func channelInactive(context: ChannelHandlerContext) {
      while let last = waiting.next() { last.resume(throwing: ChannelError.ioOnClosedChannel) }
    }
  }

  private final class Echo: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      context.writeAndFlush(data, promise: nil)
    }
  }
}
