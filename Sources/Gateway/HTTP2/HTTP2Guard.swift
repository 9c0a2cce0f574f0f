import NIOCore

/// Stands before HTTP/2's own machinery and looks at the frames that come and go: bounds what that leaves unbounded, and
/// sees when it gives a connection up.
final class HTTP2Guard: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Octets of the client's preface (RFC 9113 §3.4).
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  private let worker: Worker
  private let unreadBytes: Int
  private var context: ChannelHandlerContext?
  private var inbound = HTTP2FrameScanner(preface: preface.count)
  private var outbound = HTTP2FrameScanner()
  private var budget: HTTP2FrameBudget
  /// The highest stream that the client has opened.
  private(set) var lastStreamID: UInt32 = 0
  /// Whether the connection was given up for a mistake of the client's.
  private(set) var hasGivenUp = false
  private(set) var isFlooded = false
  /// Told of a flood, after the client was.
  var onFlood: () -> Void = {}

  init(_ worker: Worker) {
    self.worker = worker
    let configuration = worker.state.configuration.http2
    unreadBytes = configuration.unreadBytes
    budget = HTTP2FrameBudget(
      capacity: configuration.smallFrames, perSecond: configuration.smallFramesPerSecond, now: worker.coarseNow)
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    onFlood = {}
  }

  // MARK: - In

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Whoever floods is not listened to any more.
    guard !isFlooded else { return }
    let bytes = unwrapInboundIn(data)
    let now = worker.coarseNow
    var isWithinBudget = true
    bytes.withUnsafeReadableBytes { raw in
      inbound.scan(raw) { frame in
        if frame.type == HTTP2FrameScanner.FrameType.headers { lastStreamID = max(lastStreamID, frame.streamID) }
        if !budget.receive(frame, now: now) { isWithinBudget = false }
      }
    }
    guard isWithinBudget, isReading(context) else { return flooded() }
    context.fireChannelRead(data)
  }

  /// Whether the client takes what it is sent. What is answered to frames is not held up by HTTP/2's windows, so whoever
  /// asks without reading could fill the memory.
  private func isReading(_ context: ChannelHandlerContext) -> Bool {
    guard !context.channel.isWritable else { return true }
    guard let waiting = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes) else { return true }
    return waiting <= unreadBytes
  }

  private func flooded() {
    isFlooded = true
    sayGoAway(.enhanceYourCalm, lastStreamID: lastStreamID)
    onFlood()
  }

  // MARK: - Out

  enum Reason: UInt32 {
    case noError = 0x0
    case enhanceYourCalm = 0xB
  }

  /// Writes a GOAWAY past HTTP/2's machinery, which would take no request any more after its own: until a client has
  /// heard it, requests are on their way that it has a right to (RFC 9113 §6.8).
  func sayGoAway(_ reason: Reason, lastStreamID: UInt32) {
    guard let context else { return }
    var frame = ByteBuffer()
    frame.writeMultipleIntegers(UInt8(0), UInt16(8), HTTP2FrameScanner.FrameType.goAway, UInt8(0), UInt32(0))
    frame.writeMultipleIntegers(lastStreamID, reason.rawValue)
    context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
  }

  /// Closes the connection once everything that was written is out.
  func closeOnceWritten() {
    guard let context else { return }
    let isOut = context.eventLoop.makePromise(of: Void.self)
    isOut.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.context?.close(promise: nil) }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: isOut)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let bytes = unwrapOutboundIn(data)
    var moved = 0
    var goesAway = false
    bytes.withUnsafeReadableBytes { raw in
      outbound.scan(raw) { frame in
        if frame.type == HTTP2FrameScanner.FrameType.data { moved += frame.length }
        if frame.type == HTTP2FrameScanner.FrameType.goAway { goesAway = true }
      }
      // A GOAWAY is written whole: header, last stream, reason.
      if goesAway, raw.count >= 17 { hasGivenUp = hasGivenUp || raw[13..<17].contains { $0 != 0 } }
    }
    if moved > 0 { budget.moved(moved) }
    context.write(data, promise: promise)
  }
}
