import NIOCore

/// What each frame does (RFC 9113 §6).
extension HTTP2Session {
  func receive(_ frame: HTTP2Frame) throws(HTTP2Fault) {
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
    guard !frame.has(HTTP2Frame.Flag.ack) else { return }
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
}
