import NIOCore

/// Reading answers.
extension UpstreamConnection {
  /// Interim responses to one request that are passed on; more is no HTTP server.
  private static var maximumInterims: Int { 16 }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { receive(unwrapInboundIn(data)) }

  func receive(_ read: ByteBuffer) {
    var bytes = read
    // Bytes that nobody asked for: the connection cannot be trusted with the next request.
    guard let client else { return close() }
    switch phase {
    case .connecting, .idle, .closed: close()
    case .tunnel: client.deliver(bytes, flush: true)
    case .body: readBody(&bytes, client)
    case .head:
      if var waiting = input {
        input = nil
        waiting.writeBuffer(&bytes)
        readHeads(&waiting, client)
      } else {
        readHeads(&bytes, client)
      }
    }
  }

  private func readHeads(_ bytes: inout ByteBuffer, _ client: ClientConnection) {
    while phase == .head, bytes.readableBytes > 0 {
      do throws(HeadFault) {
        guard try readHead(&bytes) else { return }
      } catch {
        return fail(client, .malformed)
      }
      guard head.status >= 200 || head.status == 101 else {
        guard passInterim(&bytes, client) else { return }
        continue
      }
      begin(&bytes, client)
    }
  }

  /// - Returns: Whether a whole head was there; else it waits for more.
  private func readHead(_ bytes: inout ByteBuffer) throws(HeadFault) -> Bool {
    let from = scanned
    let found = try bytes.withUnsafeReadableBytes { (raw) throws(HeadFault) -> Int? in
      try HeadScanner.headLength(raw, from: from)
    }
    guard let length = found else {
      guard bytes.readableBytes <= worker.headLimits.headBytes else { throw .headTooLarge }
      scanned = bytes.readableBytes
      input = bytes.rest
      return false
    }
    scanned = 0
    guard length <= worker.headLimits.headBytes else { throw .headTooLarge }
    let limits = worker.headLimits
    try bytes.withUnsafeReadableBytes { (raw) throws(HeadFault) in
      try head.parse(raw[ByteRange(0, length)], limits: limits)
    }
    return true
  }

  private func passInterim(_ bytes: inout ByteBuffer, _ client: ClientConnection) -> Bool {
    client.exchange.interims += 1
    guard client.exchange.interims <= Self.maximumInterims else {
      fail(client, .malformed)
      return false
    }
    // HTTP/1.0 knows no interim responses (RFC 9110 §15.2).
    if !client.head.isVersion10 {
      output.clear(minimumCapacity: head.length)
      bytes.withUnsafeReadableBytes { ResponseHeadWriter.writeInterim(head, $0, into: &output) }
      client.deliver(output, flush: true)
    }
    bytes.moveReaderIndex(forwardBy: head.length)
    return true
  }

  private func begin(_ bytes: inout ByteBuffer, _ client: ClientConnection) {
    let isUpgrade = head.status == 101
    guard !isUpgrade || client.head.upgradesToWebSocket && head.isWebSocketUpgrade else {
      return fail(client, .malformed)
    }
    let now = worker.readClock()
    if head.status >= 500, let instance = client.setsAside(status: head.status, now: now) {
      return setAside(&bytes, client, instance)
    }
    client.responseBegan(status: head.status, isStreaming: head.isEventStream || isUpgrade, now: now)
    let hasBody = client.head.method != .head && head.status != 204 && head.status != 304 && !isUpgrade
    let route = client.exchange.route
    if head.hasCORSFields, route?.cors != nil {
      bytes.withUnsafeReadableBytes { raw in
        head.kept.remove(in: raw) { $0.hasPrefixIgnoringCase("access-control-") }
      }
    }
    var codingLines: [UInt8] = []
    if let rules = route?.compression {
      codingLines = prepareEncoding(bytes, client, rules, hasBody: hasBody)
    }
    let isChunked = encoder != nil || head.framing == .chunked && head.status != 204
    let decodes = encoder != nil || isChunked && client.head.isVersion10
    body = BodyReader(hasBody ? head.framing : .none, decodesChunks: decodes)
    if body.isUntilClose || decodes && encoder == nil || head.framing == .untilClose && hasBody { client.keeps = false }
    let additions = ResponseHeadWriter.Additions(
      requestID: client.exchange.requestID, closes: !client.keeps, promisesKeepAlive: client.head.isVersion10,
      isChunked: encoder != nil || isChunked && !decodes, upgradesToWebSocket: isUpgrade,
      limitFields: client.exchange.limitFields, security: route?.security, isSecure: client.exchange.isSecure,
      cors: client.exchange.corsLines, coding: codingLines)
    // Written in a variable of its own: a property would have its exclusive access checked for every piece.
    var written = ByteBuffer()
    swap(&written, &output)
    written.clear(minimumCapacity: head.length + 256 + (bytes.readableBytes <= 16_384 ? bytes.readableBytes : 0))
    bytes.withUnsafeReadableBytes { ResponseHeadWriter.write(head, $0, additions, into: &written) }
    swap(&written, &output)
    bytes.moveReaderIndex(forwardBy: head.length)
    if isUpgrade { return beginTunnel(&bytes, client) }
    phase = .body
    if let encoder { return encodeBody(&bytes, encoder, client, behind: output) }
    deliverFirst(&bytes, client)
  }

  /// The answer goes to nobody: another instance is asked. The connection is good for more where the answer is whole.
  private func setAside(_ bytes: inout ByteBuffer, _ client: ClientConnection, _ instance: LoopInstance) {
    self.client = nil
    bytes.moveReaderIndex(forwardBy: head.length)
    body = BodyReader(client.head.method == .head ? .none : head.framing)
    while let piece = (try? body.next(&bytes)) ?? nil, !body.isDone { _ = piece }
    if body.isDone, head.keepsAlive, bytes.readableBytes == 0 { goIdle() } else { close() }
    client.tryAgain(instance)
  }

  private func beginTunnel(_ bytes: inout ByteBuffer, _ client: ClientConnection) {
    phase = .tunnel
    if bytes.readableBytes > 0 { output.writeBuffer(&bytes) }
    client.tunnelBegan(output)
  }

  /// A small body goes with the head in one write.
  private func deliverFirst(_ bytes: inout ByteBuffer, _ client: ClientConnection) {
    guard bytes.readableBytes <= 16_384 else {
      client.deliver(output, flush: false)
      return readBody(&bytes, client)
    }
    do throws(BodyReader.Malformed) {
      while let piece = try body.next(&bytes) {
        output.writeImmutableBuffer(piece)
        client.exchange.responseBodyBytes += piece.readableBytes
        if body.isDone { break }
      }
    } catch {
      return fail(client, .malformed)
    }
    if body.isDone { finish(bytes, output, client) } else { client.deliver(output, flush: true) }
  }

  private func readBody(_ bytes: inout ByteBuffer, _ client: ClientConnection) {
    if let encoder { return encodeBody(&bytes, encoder, client, behind: ByteBuffer()) }
    do throws(BodyReader.Malformed) {
      while let piece = try body.next(&bytes) {
        client.exchange.responseBodyBytes += piece.readableBytes
        if body.isDone { return finish(bytes, piece, client) }
        if piece.readableBytes > 0 {
          needsFlush = true
          client.deliver(piece, flush: false)
        }
      }
    } catch {
      return fail(client, .malformed)
    }
  }

  /// The answer is whole: back to the pool where nothing speaks against it, before the client goes on to its next
  /// request.
  func finish(_ rest: ByteBuffer, _ last: ByteBuffer, _ client: ClientConnection) {
    self.client = nil
    needsFlush = false
    if head.keepsAlive, rest.readableBytes == 0, client.phase == .done { goIdle() } else { close() }
    client.responseEnded(last)
  }

  func fail(_ client: ClientConnection, _ failure: ClientConnection.AttemptFailure) {
    self.client = nil
    close()
    client.upstreamFailed(failure)
  }
}
