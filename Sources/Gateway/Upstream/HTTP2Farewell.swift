import NIOCore

/// Sees whether HTTP/2's machinery has given up a connection to a service: it says GOAWAY then, before it reports the
/// error, and says it for nothing else.
final class HTTP2Farewell: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var frames = HTTP2FrameScanner(preface: HTTP2Guard.preface.count)
  private(set) var wasSaid = false

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    unwrapOutboundIn(data).withUnsafeReadableBytes { bytes in
      frames.scan(bytes) { if $0.type == HTTP2FrameScanner.FrameType.goAway { wasSaid = true } }
    }
    context.write(data, promise: promise)
  }
}
