import NIOCore
import NIOSSL

/// Between the socket and a ``RedisConnection``.
final class RedisChannelHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let connection: RedisConnection
  private var decoder: RESPDecoder

  init(_ connection: RedisConnection, limits: RESPDecoder.Limits) {
    self.connection = connection
    decoder = RESPDecoder(limits: limits)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    decoder.feed(unwrapInboundIn(data))
    var replies: [RESPValue] = []
    do throws(RESPFault) {
      while let reply = try decoder.next() { replies.append(reply) }
      connection.deliver(replies)
    } catch {
      connection.deliver(replies)
      connection.close(RedisError(.unavailable, "the server does not speak RESP3: \(error)"))
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { connection.flush() }
    context.fireChannelWritabilityChanged()
  }

  func channelInactive(context: ChannelHandlerContext) {
    connection.close(RedisError(.unavailable, "the server closed the connection"))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    connection.close(RedisError(.unavailable, error.connectionFailure))
  }
}
