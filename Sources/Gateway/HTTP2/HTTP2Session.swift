import NIOCore

/// A connection of HTTP/2 (RFC 9113): frames, header blocks, windows, and what is written to it. What a client or a service
/// may do with it is said by those that inherit from it.
///
/// One handler of a channel for all streams, rather than a channel for each: a request over HTTP/2 is to cost little more
/// than one over HTTP/1.1.
class HTTP2Session: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = Never
  typealias OutboundOut = ByteBuffer

  let limits: HeadLimits
  private(set) var context: ChannelHandlerContext?
  /// A frame that is not whole yet.
  private(set) var input: ByteBuffer?
  /// A header block that is not whole yet.
  var block: Block?
  private var hasBegun = false
  var hasSettings = false
  /// A mistake was made, and told; nothing more is read or written.
  private(set) var isEnding = false

  struct Block {
    var stream: UInt32
    var endsStream: Bool
    var bytes: ByteBuffer
    /// CONTINUATION frames so far.
    var continuations = 0
  }

  var decoder = HPACKDecoder()
  var encoder = HPACKEncoder()
  var scratch = ByteBuffer()
  private(set) var streams: [UInt32: HTTP2Stream] = [:]

  /// What may be sent on the connection as a whole, and what may come.
  var sendWindow = HTTP2Window.initial
  var receiveWindow = HTTP2ReceiveWindow(HTTP2Window.initial)
  /// With which streams of ours and of the other side's begin.
  var peerStreamWindow = HTTP2Window.initial
  var ownStreamWindow: Int
  let settledStreamWindow: Int

  var output = ByteBuffer()
  /// Streams that have something to send, in turn.
  var sending = CircularBuffer<HTTP2Stream>()
  /// Streams for which something has come with what is being read.
  private var arriving: [HTTP2Stream] = []
  /// Streams that were reset, and have not heard of it.
  var resets: [HTTP2Stream] = []
  var isFlushScheduled = false

  /// - Parameter streamWindow: Octets of a body that are taken while nobody takes them on.
  init(_ limits: HeadLimits, streamWindow: Int) {
    self.limits = limits
    settledStreamWindow = streamWindow
    // Until the other side has heard of another size, it goes by the one of the standard.
    ownStreamWindow = max(streamWindow, HTTP2Window.initial)
  }

  // MARK: - For those that inherit

  /// Takes what comes before all frames.
  ///
  /// - Returns: Whether that is over.
  func readPreface(_ bytes: inout ByteBuffer) throws(HTTP2Fault) -> Bool { true }
  /// Looks at a frame before it is read.
  func note(_ frame: HTTP2Frame) throws(HTTP2Fault) {}
  /// A header block is whole. It has to be read by ``decode(_:_:)``, whatever becomes of it.
  func receive(_ block: Block) throws(HTTP2Fault) {}
  /// Settings of the other side's, which are in force.
  func receive(settings: [(HTTP2Setting, Int)]) {}
  func receiveGoAway(last: UInt32, _ code: UInt32) {}
  /// Octets of bodies were sent.
  func moved(_ count: Int) {}
  /// A stream is closed and forgotten.
  func forgot(_ stream: HTTP2Stream) {}
  /// The other side made a mistake of one stream's, for which that was reset.
  func noteStreamError() throws(HTTP2Fault) {}
  /// The last that is told of a connection that is given up.
  func gaveUp(_ fault: HTTP2Fault) {}
  /// Whether nobody has opened the stream.
  func isIdle(_ stream: UInt32) -> Bool { true }
  /// Whether frames of a stream that is closed may still come.
  func mayLinger(_ stream: UInt32) -> Bool { true }
  /// The highest stream of the other side's that was or will be worked on.
  var lastStream: UInt32 { 0 }
  /// Octets of a field list, as RFC 9113 §6.5.2 counts, beyond which the connection ends.
  var maximumListBytes: Int { 2 * limits.headBytes }
  /// CONTINUATION frames after one HEADERS frame.
  var maximumContinuations: Int { 8 }
  /// Octets written that the other side does not read, beyond which the connection ends. What is answered to frames is not
  /// held up by HTTP/2's windows, so whoever asks without reading could fill the memory.
  var maximumUnreadBytes: Int { 1 << 20 }

  // MARK: - Channel

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    closeStreams()
  }

  func channelActive(context: ChannelHandlerContext) { context.fireChannelActive() }

  func channelInactive(context: ChannelHandlerContext) {
    closeStreams()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func closeStreams() {
    isEnding = true
    input = nil
    arriving.removeAll()
    sending.removeAll()
    let left = resets + streams.values
    resets.removeAll()
    streams.removeAll()
    for stream in left {
      let wasReset = stream.isOver
      stream.isOver = true
      if !wasReset { forgot(stream) }
      stream.closed(nil)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isEnding else { return }
    var bytes = unwrapInboundIn(data)
    do throws(HTTP2Fault) {
      guard isRead(context) else { throw HTTP2Fault(.enhanceYourCalm, "nothing is read of what is answered") }
      try read(&bytes)
    } catch {
      giveUp(error)
    }
  }

  /// Whether the other side takes what it is sent.
  private func isRead(_ context: ChannelHandlerContext) -> Bool {
    guard !context.channel.isWritable else { return true }
    guard let waiting = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes) else { return true }
    return waiting <= maximumUnreadBytes
  }

  private func read(_ bytes: inout ByteBuffer) throws(HTTP2Fault) {
    if var waiting = input {
      input = nil
      guard hasBegun else {
        waiting.writeBuffer(&bytes)
        return try readFrames(&waiting)
      }
      // Only what completes its frame is put behind it.
      while true {
        let missing = try HTTP2Frame.missing(in: waiting)
        guard missing > 0 else { break }
        guard let more = bytes.readSlice(length: min(missing, bytes.readableBytes)), more.readableBytes > 0 else {
          return input = waiting
        }
        waiting.writeImmutableBuffer(more)
      }
      if let frame = try HTTP2Frame.take(&waiting) { try receive(frame) }
    }
    try readFrames(&bytes)
  }

  private func readFrames(_ bytes: inout ByteBuffer) throws(HTTP2Fault) {
    if !hasBegun { hasBegun = try readPreface(&bytes) }
    if hasBegun {
      while !isEnding, let frame = try HTTP2Frame.take(&bytes) { try receive(frame) }
    }
    guard bytes.readableBytes > 0, !isEnding else { return }
    input = bytes.rest
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    let arrived = arriving
    if !arrived.isEmpty {
      arriving = []
      for stream in arrived {
        stream.isArriving = false
        stream.deliver()
      }
    }
    context.fireChannelReadComplete()
  }

  func hasArrived(_ stream: HTTP2Stream) { arriving.append(stream) }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, !sending.isEmpty { scheduleFlush() }
    context.fireChannelWritabilityChanged()
  }

  // MARK: - Beginning

  /// Says what has to be known of this side, before anything else.
  func begin(preface: [UInt8] = [], _ settings: [(HTTP2Setting, Int)], connectionWindow: Int) {
    output.writeBytes(preface)
    output.writeSettings(settings + [(.initialWindowSize, settledStreamWindow)])
    let connectionWindow = min(connectionWindow, HTTP2Window.maximum)
    if connectionWindow > HTTP2Window.initial {
      output.writeWindowUpdate(0, connectionWindow - HTTP2Window.initial)
      receiveWindow = HTTP2ReceiveWindow(connectionWindow)
    }
    scheduleFlush()
  }

  // MARK: - Streams

  func open(_ stream: HTTP2Stream, _ id: UInt32) {
    streams[id] = stream
    stream.opened(id)
  }

  /// The other side broke a rule of one stream (RFC 9113 §5.4.2).
  func fail(_ stream: HTTP2Stream, _ code: HTTP2Code) throws(HTTP2Fault) {
    reset(stream, code)
    try noteStreamError()
  }

  /// Ends a stream before its end. It hears of that in a moment: whoever asks for it is in the middle of something.
  func reset(_ stream: HTTP2Stream, _ code: HTTP2Code) {
    guard !stream.isOver else { return }
    stream.isOver = true
    streams[stream.id] = nil
    resets.append(stream)
    // Nothing is left to be reset where both sides have ended it, and nobody knows one that was never asked for.
    if !isEnding, stream.isKnown, !(stream.peerEnded && stream.ownEnded) { output.writeReset(stream.id, code) }
    scheduleFlush()
    forgot(stream)
  }

  /// The stream is closed by both sides, or by the other one.
  func close(_ stream: HTTP2Stream, _ code: HTTP2Code? = nil) {
    guard !stream.isOver else { return }
    stream.isOver = true
    streams[stream.id] = nil
    forgot(stream)
    stream.closed(code)
  }

  /// The other side has ended its message.
  func endedByPeer(_ stream: HTTP2Stream) {
    stream.peerEnded = true
    // In a moment, as all that is closed is.
    if stream.ownEnded { sendSoon(stream) }
  }

  func giveBack(_ count: Int, to stream: HTTP2Stream) {
    guard !isEnding else { return }
    output.writeWindowUpdate(stream.id, count)
    scheduleFlush()
  }

  // MARK: - Ends

  /// The other side has broken the rules or floods: it is told so, and not listened to any more. The connection ends a
  /// moment later, so that what it was told gets through.
  func giveUp(_ fault: HTTP2Fault) {
    guard !isEnding, let context else { return }
    output.writeGoAway(lastStream: lastStream, fault.code)
    pass(context)
    isEnding = true
    input = nil
    arriving.removeAll()
    context.flush()
    gaveUp(fault)
    try? context.channel.syncOptions?.setOption(.autoRead, value: false)
    context.close(mode: .output, promise: nil)
  }

  /// Closes the connection once everything that was written is out.
  func closeOnceWritten() {
    guard let context, !isEnding else { return }
    pass(context)
    let isOut = context.eventLoop.makePromise(of: Void.self)
    isOut.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.context?.close(promise: nil) }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: isOut)
  }
}
