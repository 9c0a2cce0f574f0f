import NIOCore
import NIOHPACK
import NIOHTTP2

/// One stream of HTTP/2 as a connection of HTTP/1.1 with one request: what comes is handed to a ``ClientConnection``,
/// what that writes goes back as frames. So routing, identity, limits, retries, deadlines and the log exist once.
final class HTTP2Exchange: ChannelDuplexHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = HTTP2Frame.FramePayload

  let connection: HTTP2Connection
  private var client: ClientConnection?
  private var context: ChannelHandlerContext?
  private var isCounted = false
  /// Whether what has come may go on; see ``HTTP2Connection``.
  private var isStarted = false
  /// What was read and is not handed on yet.
  private var inbound = ByteBuffer()
  private var hasHead = false
  private var fault: HeadFault?
  /// Of a request with a fault, which nobody else reads.
  private var grpcType: [UInt8]?
  private var body = HTTP2Body(.none)
  private var requestEnded = false
  private var answer = HTTP2Message(.answer(omitsBody: false))
  private var isClosing = false
  private var isOver = false

  init(_ connection: HTTP2Connection) { self.connection = connection }

  func makeClient() -> ClientConnection {
    let client = ClientConnection(worker: connection.worker, transport: .stream(self))
    self.client = client
    return client
  }

  // MARK: - Channel

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    client = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    // Not taken at all, so the client may ask again elsewhere (RFC 9113 §8.7).
    guard !connection.isFull else { return reset(.refusedStream) }
    isCounted = true
    connection.opened(self)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    isOver = true
    guard isCounted else { return }
    isCounted = false
    connection.closed(self)
    context.fireChannelInactive()
  }

  /// A stream that was reset: the end follows.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {}

  // MARK: - The request

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isOver, fault == nil else { return }
    switch unwrapInboundIn(data) {
    case .headers(let frame) where !hasHead: readHead(frame)
    case .headers(let frame):
      guard frame.endStream else { return reset(.protocolError) }
      endRequest(frame.headers)
    case .data(let frame):
      guard case .byteBuffer(let bytes) = frame.data else { return reset(.internalError) }
      guard hasHead, (try? body.write(bytes, into: &inbound)) != nil else { return reset(.protocolError) }
      if frame.endStream { endRequest(nil) }
    default: break
    }
  }

  private func readHead(_ frame: HTTP2Frame.FramePayload.Headers) {
    hasHead = true
    answer = HTTP2Message(.answer(omitsBody: frame.headers.first(name: ":method") == "HEAD"))
    do throws(HeadFault) {
      let framing = try HTTP2RequestHead.write(
        frame.headers, endsStream: frame.endStream, limits: connection.worker.headLimits, into: &inbound)
      body = HTTP2Body(framing)
    } catch {
      inbound.clear()
      fault = error
      grpcType = frame.headers.first(name: "content-type")?.withBytes { GRPCContentType.read($0) }
    }
    if frame.endStream { requestEnded = true }
  }

  private func endRequest(_ trailers: HPACKHeaders?) {
    guard (try? body.end(trailers, into: &inbound)) != nil else { return reset(.protocolError) }
    requestEnded = true
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if isStarted { deliver() }
    context.fireChannelReadComplete()
  }

  /// The connection has read all there was.
  func start() {
    isStarted = true
    deliver()
  }

  private func deliver() {
    guard let context, !isOver else { return }
    if let fault {
      guard let client else { return }
      self.client = nil
      return client.refuseMalformed(fault, grpc: grpcType)
    }
    guard inbound.readableBytes > 0 else { return }
    let bytes = inbound
    inbound = ByteBuffer()
    context.fireChannelRead(wrapInboundOut(bytes))
  }

  // MARK: - The answer

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isOver else { return fail(promise) }
    answer.append(unwrapOutboundIn(data))
    do throws(HTTP2Message.Malformed) {
      while let (frame, isLast) = try answer.nextFrame() {
        context.write(wrapOutboundOut(frame), promise: isLast ? promise : nil)
        if isLast { return }
      }
      promise?.succeed(())
    } catch {
      fail(promise)
      reset(.internalError)
    }
  }

  private func fail(_ promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.ioOnClosedChannel) }

  /// What closing the connection says in HTTP/1.1.
  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    promise?.succeed(())
    guard !isOver, mode != .input else { return }
    // Once more: what was to be read to the end was not in time.
    guard !isClosing else { return mode == .all ? reset(.cancel) : () }
    isClosing = true
    if answer.isUntilClose {
      answer.close()
      let isOut = context.eventLoop.makePromise(of: Void.self)
      isOut.futureResult.assumeIsolated().whenSuccess { [weak self] in self?.finish() }
      context.writeAndFlush(
        wrapOutboundOut(.data(.init(data: .byteBuffer(ByteBuffer()), endStream: true))), promise: isOut)
      return
    }
    if answer.isEnded { finish() } else { reset(.cancel) }
  }

  /// The answer is out. What the client still sends is read by nobody, and it is no mistake (RFC 9113 §8.1).
  private func finish() {
    if !requestEnded { reset(.noError) }
  }

  /// The answer cannot be brought to its end.
  func abort() { reset(.internalError) }

  /// Ends the stream so that the client sees that the answer is not whole, unless it is.
  private func reset(_ code: HTTP2ErrorCode) {
    guard let context, !isOver else { return }
    isOver = true
    context.writeAndFlush(wrapOutboundOut(.rstStream(code)), promise: nil)
  }
}
