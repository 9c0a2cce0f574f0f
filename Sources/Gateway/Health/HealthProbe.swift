import GravityDiscovery
import NIOCore
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
    let connecting = ClientBootstrap(group: loop).connectTimeout(amount)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            ProbeHandler(host: instance.host, path: path, timeout: amount, loop: channel.eventLoop))
        }
      }
    do {
      let channel =
        if let address = shared.address {
          try await connecting.connect(to: address).get()
        } else {
          try await connecting.connect(host: instance.host, port: instance.port).get()
        }
      let answer = try await channel.pipeline.handler(type: ProbeHandler.self).map { $0.answer }.get()
      return (200..<300).contains(try await answer.get())
    } catch {
      return false
    }
  }
}

private final class ProbeHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let request: String
  private let timeout: TimeAmount
  private let promise: EventLoopPromise<Int>
  private var received = ByteBuffer()
  private var deadline: Scheduled<Void>?

  var answer: EventLoopFuture<Int> { promise.futureResult }

  init(host: String, path: String, timeout: TimeAmount, loop: any EventLoop) {
    let authority = host.contains(":") ? "[\(host)]" : host
    request =
      "GET \(path) HTTP/1.1\r\nhost: \(authority)\r\nuser-agent: gravity-gateway\r\nconnection: close\r\n\r\n"
    self.timeout = timeout
    promise = loop.makePromise()
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
    promise.succeed(parsed == nil ? 0 : head.status)
    context.close(promise: nil)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
    promise.fail(ChannelError.eof)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
