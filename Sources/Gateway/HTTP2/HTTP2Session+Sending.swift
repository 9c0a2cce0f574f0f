import NIOCore

/// What is written: heads at once, bodies in turn and as far as the windows allow.
extension HTTP2Session {
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

  func pass(_ context: ChannelHandlerContext) {
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
}
