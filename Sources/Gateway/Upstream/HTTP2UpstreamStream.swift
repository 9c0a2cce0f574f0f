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
  private var hasAsked = false
  private var asksHEAD = false
  private var inbound = ByteBuffer()
  private var hasHead = false
  private var body = HTTP2Body(.none)
  private var isOver = false
  /// nil where nobody else is on it.
  weak var connection: HTTP2UpstreamConnection?
  /// Whether its head waits until the service allows another stream.
  var waits = false
  /// Whether it left the connection before its head was out.
  private var hasLeft = false
  /// Told once, when the stream is gone.
  private var onEnd: (HTTP2UpstreamStream) -> Void
  /// Whether the service has said anything.
  private(set) var wasHeard = false
  private var context: ChannelHandlerContext?

  init(_ limits: HeadLimits, onEnd: @escaping (HTTP2UpstreamStream) -> Void) {
    self.limits = limits
    self.onEnd = onEnd
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    ended()
  }

  /// The stream is gone, or there never was one.
  func ended() {
    let tell = onEnd
    onEnd = { _ in }
    tell(self)
  }

  /// The service has left the connection, and done nothing with this request.
  struct Untaken: Error {}

  /// Leaves the connection before the service has heard of the request.
  func leave() {
    isOver = true
    hasLeft = true
    context?.fireErrorCaught(Untaken())
  }

  func channelActive(context: ChannelHandlerContext) {
    context.fireChannelActive()
    // It was left before there was anybody to tell.
    if hasLeft { context.fireErrorCaught(Untaken()) }
  }

  /// The machinery tells of a stream that GOAWAY names as not taken (RFC 9113 §6.8) as of one that was broken off.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let closed = error as? NIOHTTP2Errors.StreamClosed, connection?.takes(closed.streamID) == false {
      return context.fireErrorCaught(Untaken())
    }
    context.fireErrorCaught(error)
  }

  // MARK: - The request

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isOver else { return fail(promise) }
    request.append(unwrapOutboundIn(data))
    do throws(HTTP2Message.Malformed) {
      while let (frame, isLast) = try request.nextFrame() {
        let written = note(frame, context, isLast ? promise : nil)
        context.write(wrapOutboundOut(frame), promise: written)
        if isLast { return }
      }
      promise?.succeed(())
    } catch {
      fail(promise)
      reset(context, .internalError)
    }
  }

  /// Sees the head go.
  ///
  /// - Returns: The promise to write the frame with.
  private func note(
    _ frame: HTTP2Frame.FramePayload, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
  ) -> EventLoopPromise<Void>? {
    guard !hasAsked, case .headers(let head) = frame else { return promise }
    hasAsked = true
    if head.headers.first(name: ":method") == "HEAD" { asksHEAD = true }
    guard let connection else { return promise }
    guard waits else {
      // It is flushed before anything else is read.
      connection.heard(self)
      return promise
    }
    let isOut = context.eventLoop.makePromise(of: Void.self)
    isOut.futureResult.assumeIsolated().whenSuccess { [weak self] in
      guard let self else { return }
      self.connection?.heard(self)
    }
    isOut.futureResult.cascade(to: promise)
    return isOut
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
