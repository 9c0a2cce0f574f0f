import NIOCore
import NIOHPACK
import NIOHTTP2

/// One stream to a service as a connection of HTTP/1.1 with one request: what is written there goes out as frames, what
/// comes is handed on as HTTP/1.1. So ``UpstreamConnection`` reads one form of answers, and all that is decided about
/// them is decided once.
final class HTTP2UpstreamStream: ChannelDuplexHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = HTTP2Frame.FramePayload

  private let limits: HeadLimits
  private var request = HTTP2Message(.request)
  private var asksHEAD = false
  private var inbound = ByteBuffer()
  private var hasHead = false
  private var body = HTTP2Body(.none)
  private var isOver = false
  /// Told once, when the stream is gone.
  private var onEnd: (HTTP2UpstreamStream) -> Void
  /// Whether the service has said anything.
  private(set) var wasHeard = false

  init(_ limits: HeadLimits, onEnd: @escaping (HTTP2UpstreamStream) -> Void) {
    self.limits = limits
    self.onEnd = onEnd
  }

  func handlerRemoved(context: ChannelHandlerContext) { ended() }

  /// The stream is gone, or there never was one.
  func ended() {
    let tell = onEnd
    onEnd = { _ in }
    tell(self)
  }

  // MARK: - The request

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isOver else { return fail(promise) }
    request.append(unwrapOutboundIn(data))
    do throws(HTTP2Message.Malformed) {
      while let (frame, isLast) = try request.nextFrame() {
        if case .headers(let head) = frame, head.headers.first(name: ":method") == "HEAD" { asksHEAD = true }
        context.write(wrapOutboundOut(frame), promise: isLast ? promise : nil)
        if isLast { return }
      }
      promise?.succeed(())
    } catch {
      fail(promise)
      reset(context, .internalError)
    }
  }

  private func fail(_ promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.ioOnClosedChannel) }

  // MARK: - The answer

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isOver else { return }
    wasHeard = true
    switch unwrapInboundIn(data) {
    case .headers(let frame) where !hasHead: readHead(context, frame)
    case .headers(let frame):
      guard frame.endStream else { return malformed(context) }
      end(context, frame.headers)
    case .data(let frame):
      guard hasHead, case .byteBuffer(let bytes) = frame.data, (try? body.write(bytes, into: &inbound)) != nil else {
        return malformed(context)
      }
      if frame.endStream { end(context, nil) }
    default: break
    }
  }

  private func readHead(_ context: ChannelHandlerContext, _ frame: HTTP2Frame.FramePayload.Headers) {
    do throws(HeadFault) {
      let kind = try HTTP2ResponseHead.write(
        frame.headers, endsStream: frame.endStream, answersHEAD: asksHEAD, limits: limits, into: &inbound)
      guard case .final(let framing) = kind else { return }
      hasHead = true
      body = HTTP2Body(framing)
      if frame.endStream { end(context, nil) }
    } catch {
      malformed(context)
    }
  }

  private func end(_ context: ChannelHandlerContext, _ trailers: HPACKHeaders?) {
    guard (try? body.end(trailers, into: &inbound)) != nil else { return malformed(context) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    deliver(context)
    context.fireChannelReadComplete()
  }

  func channelInactive(context: ChannelHandlerContext) {
    deliver(context)
    context.fireChannelInactive()
  }

  private func deliver(_ context: ChannelHandlerContext) {
    guard inbound.readableBytes > 0 else { return }
    let bytes = inbound
    inbound = ByteBuffer()
    context.fireChannelRead(wrapInboundOut(bytes))
  }

  /// What comes is no answer (RFC 9113 §8.1.1).
  struct Malformed: Error {}

  private func malformed(_ context: ChannelHandlerContext) {
    inbound = ByteBuffer()
    reset(context, .protocolError)
    context.fireErrorCaught(Malformed())
  }

  private func reset(_ context: ChannelHandlerContext, _ code: HTTP2ErrorCode) {
    guard !isOver else { return }
    isOver = true
    context.writeAndFlush(wrapOutboundOut(.rstStream(code)), promise: nil)
  }
}
