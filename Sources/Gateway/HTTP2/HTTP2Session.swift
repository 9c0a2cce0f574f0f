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
  private var hasSettings = false
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
  private var scratch = ByteBuffer()
  private(set) var streams: [UInt32: HTTP2Stream] = [:]

  /// What may be sent on the connection as a whole, and what may come.
  var sendWindow = HTTP2Window.initial
  var receiveWindow = HTTP2ReceiveWindow(HTTP2Window.initial)
  /// With which streams of ours and of the other side's begin.
  var peerStreamWindow = HTTP2Window.initial
  private(set) var ownStreamWindow: Int
  private let settledStreamWindow: Int

  private var output = ByteBuffer()
  /// Streams that have something to send, in turn.
  private var sending = CircularBuffer<HTTP2Stream>()
  /// Streams that were reset, and have not heard of it.
  private var resets: [HTTP2Stream] = []
  private var isFlushScheduled = false

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
  func receivePong() {}
  /// Everything is read that there was.
  func readAll() {}
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
    readAll()
    context.fireChannelReadComplete()
  }

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

  // MARK: - Frames

  private func receive(_ frame: HTTP2Frame) throws(HTTP2Fault) {
    try note(frame)
    if frame.type != HTTP2Frame.Kind.continuation, block != nil {
      throw HTTP2Fault(.protocolError, "a header block is not brought to its end")
    }
    if !hasSettings {
      guard frame.type == HTTP2Frame.Kind.settings, !frame.has(HTTP2Frame.Flag.ack) else {
        throw HTTP2Fault(.protocolError, "the first frame is no SETTINGS")
      }
      hasSettings = true
    }
    switch frame.type {
    case HTTP2Frame.Kind.data: try receiveData(frame)
    case HTTP2Frame.Kind.headers: try receiveHeaders(frame)
    case HTTP2Frame.Kind.priority: try check(frame, length: 5, ofStream: true)
    case HTTP2Frame.Kind.reset: try receiveReset(frame)
    case HTTP2Frame.Kind.settings: try receiveSettings(frame)
    case HTTP2Frame.Kind.pushPromise: throw HTTP2Fault(.protocolError, "PUSH_PROMISE was not asked for")
    case HTTP2Frame.Kind.ping: try receivePing(frame)
    case HTTP2Frame.Kind.goAway: try receiveGoAway(frame)
    case HTTP2Frame.Kind.windowUpdate: try receiveWindowUpdate(frame)
    case HTTP2Frame.Kind.continuation: try receiveContinuation(frame)
    // What nobody knows is passed over (RFC 9113 §5.5).
    default: break
    }
  }

  private func check(_ frame: HTTP2Frame, length: Int?, ofStream: Bool) throws(HTTP2Fault) {
    guard ofStream == (frame.stream != 0) else { throw HTTP2Fault(.protocolError, "a frame of the wrong stream") }
    guard length == nil || frame.payload.readableBytes == length else {
      throw HTTP2Fault(.frameSizeError, "a frame of the wrong size")
    }
  }

  private func receiveData(_ frame: HTTP2Frame) throws(HTTP2Fault) {
    try check(frame, length: nil, ofStream: true)
    let content = try frame.content()
    let counted = frame.payload.readableBytes
    // One stream that is not read holds up no other: each has a window of its own, and the connection's is given back
    // before it can run out.
    let back = receiveWindow.take(counted)
    if back > 0 {
      output.writeWindowUpdate(0, back)
      scheduleFlush()
    }
    guard let stream = streams[frame.stream] else { return try receiveForNobody(frame.stream) }
    guard !stream.peerEnded else { return try fail(stream, .streamClosed) }
    guard stream.receiveWindow.receive(counted) else { return try fail(stream, .flowControlError) }
    try stream.receive(content, endsStream: frame.endsStream, counted: counted)
  }

  /// Frames of a stream that is not there.
  func receiveForNobody(_ stream: UInt32) throws(HTTP2Fault) {
    guard !isIdle(stream) else { throw HTTP2Fault(.protocolError, "a frame of a stream that was never opened") }
    guard mayLinger(stream) else { throw HTTP2Fault(.streamClosed, "a frame of a stream that is closed") }
  }

  private func receiveHeaders(_ frame: HTTP2Frame) throws(HTTP2Fault) {
    try check(frame, length: nil, ofStream: true)
    let block = Block(stream: frame.stream, endsStream: frame.endsStream, bytes: try frame.content())
    if frame.has(HTTP2Frame.Flag.endHeaders) { try receive(block) } else { self.block = block }
  }

  private func receiveContinuation(_ frame: HTTP2Frame) throws(HTTP2Fault) {
    guard var block, block.stream == frame.stream else { throw HTTP2Fault(.protocolError, "a stray CONTINUATION") }
    self.block = nil
    block.continuations += 1
    guard block.continuations <= maximumContinuations else {
      throw HTTP2Fault(.enhanceYourCalm, "a header block in too many frames")
    }
    block.bytes.writeImmutableBuffer(frame.payload)
    if frame.has(HTTP2Frame.Flag.endHeaders) { try receive(block) } else { self.block = block }
  }

  /// Reads a header block, which has to be done with every one, in their order: what they say refers to those before
  /// (RFC 7541 §2.2).
  func decode(
    _ block: Block, _ field: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void
  ) throws(HTTP2Fault) {
    var (listBytes, isWhole) = (0, false)
    let maximum = maximumListBytes
    do throws(HPACKDecoder.Malformed) {
      isWhole = try block.bytes.withUnsafeReadableBytes { (bytes) throws(HPACKDecoder.Malformed) -> Bool in
        try decoder.decode(bytes) { name, value in
          listBytes += name.count + value.count + 32
          guard listBytes <= maximum else { return false }
          field(name, value)
          return true
        }
      }
    } catch {
      throw HTTP2Fault(.compressionError, "a header block that is no HPACK")
    }
    guard isWhole else { throw HTTP2Fault(.enhanceYourCalm, "a header list that is far too large") }
  }

  private func receiveReset(_ frame: HTTP2Frame) throws(HTTP2Fault) {
    try check(frame, length: 4, ofStream: true)
    guard !isIdle(frame.stream) else {
      throw HTTP2Fault(.protocolError, "RST_STREAM of a stream that was never opened")
    }
    guard let stream = streams[frame.stream] else { return }
    let code = frame.payload.getInteger(at: frame.payload.readerIndex, as: UInt32.self)
    close(stream, code.flatMap(HTTP2Code.init(rawValue:)) ?? .cancel)
  }

  private func receiveSettings(_ frame: HTTP2Frame) throws(HTTP2Fault) {
    guard !frame.has(HTTP2Frame.Flag.ack) else {
      try check(frame, length: 0, ofStream: false)
      if ownStreamWindow != settledStreamWindow {
        ownStreamWindow = settledStreamWindow
        for stream in streams.values { stream.receiveWindow.resize(ownStreamWindow) }
      }
      return
    }
    try check(frame, length: nil, ofStream: false)
    let settings = try HTTP2Setting.read(frame.payload)
    for (setting, value) in settings {
      switch setting {
      case .headerTableSize: encoder.setPeerMaximum(value)
      case .initialWindowSize: try resizeStreams(to: value)
      default: break
      }
    }
    receive(settings: settings)
    output.writeFrameHeader(HTTP2Frame.Kind.settings, flags: HTTP2Frame.Flag.ack, stream: 0, length: 0)
    scheduleFlush()
  }

  private func resizeStreams(to size: Int) throws(HTTP2Fault) {
    let change = size - peerStreamWindow
    guard change != 0 else { return }
    peerStreamWindow = size
    for stream in streams.values {
      stream.sendWindow += change
      guard stream.sendWindow <= HTTP2Window.maximum else {
        throw HTTP2Fault(.flowControlError, "a stream's window beyond 2^31-1")
      }
      if change > 0 { sendSoon(stream) }
    }
  }

  private func receivePing(_ frame: HTTP2Frame) throws(HTTP2Fault) {
    try check(frame, length: 8, ofStream: false)
    guard !frame.has(HTTP2Frame.Flag.ack) else { return receivePong() }
    output.writeFrameHeader(HTTP2Frame.Kind.ping, flags: HTTP2Frame.Flag.ack, stream: 0, length: 8)
    output.writeImmutableBuffer(frame.payload)
    scheduleFlush()
  }

  private func receiveGoAway(_ frame: HTTP2Frame) throws(HTTP2Fault) {
    try check(frame, length: nil, ofStream: false)
    let payload = frame.payload
    guard let (last, code) = payload.getMultipleIntegers(at: payload.readerIndex, as: (UInt32, UInt32).self) else {
      throw HTTP2Fault(.frameSizeError, "GOAWAY that is cut")
    }
    receiveGoAway(last: last & 0x7FFF_FFFF, code)
  }

  private func receiveWindowUpdate(_ frame: HTTP2Frame) throws(HTTP2Fault) {
    try check(frame, length: 4, ofStream: frame.stream != 0)
    let word = frame.payload.getInteger(at: frame.payload.readerIndex, as: UInt32.self) ?? 0
    let increment = Int(word & 0x7FFF_FFFF)
    guard frame.stream != 0 else {
      guard increment > 0 else { throw HTTP2Fault(.protocolError, "a window that is opened by nothing") }
      sendWindow += increment
      guard sendWindow <= HTTP2Window.maximum else {
        throw HTTP2Fault(.flowControlError, "a window of more than 2^31-1")
      }
      return sending.isEmpty ? () : scheduleFlush()
    }
    guard !isIdle(frame.stream) else {
      throw HTTP2Fault(.protocolError, "WINDOW_UPDATE of a stream that was never opened")
    }
    guard let stream = streams[frame.stream] else { return }
    guard increment > 0 else { return try fail(stream, .protocolError) }
    stream.sendWindow += increment
    guard stream.sendWindow <= HTTP2Window.maximum else { return try fail(stream, .flowControlError) }
    sendSoon(stream)
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

  // MARK: - Writing

  /// A head, which no window holds up.
  ///
  /// - Parameter write: Writes the fields of the block.
  func sendHead(
    _ stream: HTTP2Stream, endsStream: Bool, _ write: (inout HPACKEncoder, inout ByteBuffer) -> Void
  ) {
    guard !isEnding else { return }
    writeBlock(of: stream, endsStream: endsStream, write)
    if endsStream {
      stream.sentHeadOnly()
      sendSoon(stream)
    } else {
      scheduleFlush()
    }
  }

  private func writeBlock(
    of stream: HTTP2Stream, endsStream: Bool, _ write: (inout HPACKEncoder, inout ByteBuffer) -> Void
  ) {
    stream.isKnown = true
    var block = ByteBuffer()
    swap(&block, &scratch)
    block.clear()
    encoder.beginBlock(into: &block)
    write(&encoder, &block)
    output.writeHeaders(block, stream: stream.id, endsStream: endsStream)
    swap(&block, &scratch)
  }

  /// Writes frames of the connection's own.
  func sendNow(_ write: (inout ByteBuffer) -> Void) {
    guard !isEnding else { return }
    write(&output)
    scheduleFlush()
  }

  /// The stream has something to send, or was waiting for a window.
  func sendSoon(_ stream: HTTP2Stream) {
    guard !stream.isSending, !stream.isOver, stream.hasOutput || stream.ownEnded else { return }
    stream.isSending = true
    sending.append(stream)
    scheduleFlush()
  }

  /// What is written in one round of the event loop goes out together: in fewer packets, and in fewer records of TLS.
  func scheduleFlush() {
    guard !isFlushScheduled, let context else { return }
    isFlushScheduled = true
    context.eventLoop.assumeIsolated().execute { self.flush() }
  }

  private func flush() {
    isFlushScheduled = false
    let gone = resets
    if !gone.isEmpty {
      resets = []
      for stream in gone { stream.closed(nil) }
    }
    guard let context, !isEnding else { return }
    // As long as something moves: a lap in which nothing does ends it.
    var left = sending.count
    while left > 0, !isEnding, context.channel.isWritable, let stream = sending.popFirst() {
      left -= 1
      let before = sendWindow
      let hasMore = sendFrame(of: stream)
      if hasMore { sending.append(stream) } else { stream.isSending = false }
      if stream.ownEnded { finish(stream) } else { stream.tellWritable() }
      if !hasMore || sendWindow != before { left = sending.count }
      if output.readableBytes >= 65_536 { pass(context) }
    }
    guard !isEnding else { return }
    pass(context)
    context.flush()
  }

  private func pass(_ context: ChannelHandlerContext) {
    guard output.readableBytes > 0 else { return }
    let bytes = output
    output = context.channel.allocator.buffer(capacity: min(81_920, bytes.readableBytes))
    context.write(wrapOutboundOut(bytes), promise: nil)
  }

  /// One frame, so that all get their turn.
  ///
  /// - Returns: Whether there is more that does not wait for its own window.
  private func sendFrame(of stream: HTTP2Stream) -> Bool {
    guard !stream.isOver else { return false }
    if let (count, endsStream) = stream.nextFrame(atMost: sendWindow) {
      sendWindow -= count
      output.writeFrameHeader(
        HTTP2Frame.Kind.data, flags: endsStream ? HTTP2Frame.Flag.endStream : 0, stream: stream.id, length: count)
      stream.take(count, endsStream: endsStream, into: &output)
      moved(count)
      stream.sentSome()
    }
    if let lines = stream.takeTrailers() { sendTrailers(lines, of: stream) }
    return stream.output.count > 0 && stream.sendWindow > 0
  }

  private func sendTrailers(_ lines: ByteBuffer, of stream: HTTP2Stream) {
    writeBlock(of: stream, endsStream: true) { encoder, block in
      let isRead = lines.withUnsafeReadableBytes { bytes in
        (try? HTTP2Lines.forEachField(bytes, from: 0, isRequest: false) { name, value, indexing in
          encoder.encode(name: name, value: value, indexing, into: &block)
        }) != nil
      }
      assert(isRead, "a trailer section is checked when it comes")
    }
  }

  private func finish(_ stream: HTTP2Stream) {
    guard !stream.isOver else { return }
    if stream.peerEnded { close(stream) } else { stream.sentAll() }
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
