import NIOCore

/// Joins what streams write in one round of the event loop, so that it goes out together: in fewer packets, and in fewer
/// records of TLS, of which each frame would be one, and a DATA frame two.
final class HTTP2Gatherer: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Most octets of a write that are worth copying.
  private static let small = 4_096
  /// Octets that are joined at most: as many as one record holds (RFC 8446 §5.1).
  private static let most = 16_384

  private var context: ChannelHandlerContext?
  private var gathered = ByteBuffer()
  private var promises: [EventLoopPromise<Void>] = []
  /// Whether it goes out at the end of this round.
  private var flushes = false

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    pass(context)
    if flushes { context.flush() }
    self.context = nil
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let bytes = unwrapOutboundIn(data)
    guard bytes.readableBytes <= Self.small else {
      pass(context)
      return context.write(data, promise: promise)
    }
    if gathered.readableBytes + bytes.readableBytes > Self.most { pass(context) }
    gathered.writeImmutableBuffer(bytes)
    if let promise { promises.append(promise) }
  }

  /// Hands on what was joined.
  private func pass(_ context: ChannelHandlerContext) {
    guard gathered.readableBytes > 0 || !promises.isEmpty else { return }
    let bytes = gathered
    gathered = context.channel.allocator.buffer(capacity: min(bytes.readableBytes, 1_024))
    guard !promises.isEmpty else { return context.write(wrapOutboundOut(bytes), promise: nil) }
    let waiting = promises
    promises.removeAll()
    let written = context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenComplete { result in
      for promise in waiting { promise.completeWith(result) }
    }
    context.write(wrapOutboundOut(bytes), promise: written)
  }

  func flush(context: ChannelHandlerContext) {
    guard !flushes else { return }
    flushes = true
    context.eventLoop.assumeIsolated().execute { [weak self] in self?.flushNow() }
  }

  private func flushNow() {
    guard flushes, let context else { return }
    flushes = false
    pass(context)
    context.flush()
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    pass(context)
    flushNow()
    context.close(mode: mode, promise: promise)
  }
}
