import GravityDiscovery
import NIOCore
import NIOHTTP2
import NIOPosix

/// Asks one instance whether it is ready.
enum HealthProbe {
  /// - Returns: Whether it answered 2xx within `timeout`.
  static func isUp(_ shared: UpstreamInstance, path: String, timeout: Duration, on group: any EventLoopGroup) async
    -> Bool
  {
    let loop = group.next()
    let instance = shared.instance
    let amount = TimeAmount.nanoseconds(timeout.nanoseconds)
    let answer = loop.makePromise(of: Int.self)
    let connecting = ClientBootstrap(group: loop).connectTimeout(amount)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let probe = ProbeHandler(host: instance.host, path: path, timeout: amount, answer: answer)
          guard instance.speaksHTTP2 else { return try channel.pipeline.syncOperations.addHandler(probe) }
          try ask(probe, overHTTP2: channel)
        }
      }
    do {
      let channel =
        if let address = shared.address {
          try await connecting.connect(to: address).get()
        } else {
          try await connecting.connect(host: instance.host, port: instance.port).get()
        }
      channel.closeFuture.whenComplete { _ in answer.fail(ChannelError.eof) }
      let status = try await answer.futureResult.get()
      channel.close(promise: nil)
      return (200..<300).contains(status)
    } catch {
      answer.fail(error)
      return false
    }
  }

  /// The connection ends with the answer, or with the time for it.
  private static func ask(_ probe: ProbeHandler, overHTTP2 channel: any Channel) throws {
    let http2 = NIOHTTP2Handler.toService(on: channel.eventLoop)
    try channel.pipeline.syncOperations.addHandler(http2)
    let bound = NIOLoopBound(probe, eventLoop: channel.eventLoop)
    try http2.syncMultiplexer().createStreamChannel(promise: nil) { stream in
      stream.closeFuture.whenComplete { _ in channel.close(promise: nil) }
      return stream.eventLoop.makeCompletedFuture {
        try stream.pipeline.syncOperations.addHandlers([HTTP2UpstreamStream(HeadLimits()) { _ in }, bound.value])
      }
    }
  }
}

private final class ProbeHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let request: String
  private let timeout: TimeAmount
  private let answer: EventLoopPromise<Int>
  private var received = ByteBuffer()
  private var deadline: Scheduled<Void>?

  init(host: String, path: String, timeout: TimeAmount, answer: EventLoopPromise<Int>) {
    let authority = host.contains(":") ? "[\(host)]" : host
    request =
      "GET \(path) HTTP/1.1\r\nhost: \(authority)\r\nuser-agent: gravity-gateway\r\nconnection: close\r\n\r\n"
    self.timeout = timeout
    self.answer = answer
  }

  func channelActive(context: ChannelHandlerContext) {
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    received.writeBuffer(&bytes)
    guard received.readableBytes <= 65_536,
      let length = received.withUnsafeReadableBytes({ (try? HeadScanner.headLength($0)) ?? nil })
    else { return }
    var head = ResponseHead()
    let parsed: Void? = received.withUnsafeReadableBytes {
      try? head.parse($0[ByteRange(0, length)], limits: HeadLimits())
    }
    answer.succeed(parsed == nil ? 0 : head.status)
    context.close(promise: nil)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
    answer.fail(ChannelError.eof)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
