import NIOCore

/// A request of HTTP/2 and its answer as a connection of HTTP/1.1 with one request: what comes is handed to a
/// ``ClientConnection``, what that writes goes back as frames. So routing, identity, limits, retries, deadlines and the
/// log exist once.
final class HTTP2Exchange: HTTP2Stream {
  let connection: HTTP2Connection
  private var client: ClientConnection?
  /// What was read and is not handed on yet, and by how much it used up the window.
  private var inbound = ByteBuffer()
  private var counted = 0
  private var fault: HeadFault?
  /// Nobody reads what comes.
  private var isDiscarding = false
  /// Of a request with a fault, which nobody else reads.
  private var grpcType: [UInt8]?
  private var body = HTTP2Body(.none)
  private var answer = HTTP2Message(.answer(omitsBody: false))
  private var isClosing = false

  init(_ connection: HTTP2Connection) {
    self.connection = connection
    super.init(connection)
  }

  // MARK: - The request

  func receiveHead(_ block: HTTP2Session.Block) throws(HTTP2Fault) {
    var head = HTTP2RequestHead(connection.limits)
    var output = ByteBuffer()
    output.reserveCapacity(block.bytes.readableBytes * 2 + 128)
    try connection.decode(block) { name, value in head.take(name, value, into: &output) }
    let client = ClientConnection(worker: connection.worker, transport: .stream(self))
    self.client = client
    client.began(on: self)
    answer = HTTP2Message(.answer(omitsBody: head.isHEAD))
    do throws(HeadFault) {
      body = HTTP2Body(try head.finish(endsStream: block.endsStream, into: &output))
      inbound = output
    } catch {
      fault = error
      grpcType = head.grpcType
    }
    if block.endsStream { connection.endedByPeer(self) }
    deliverSoon()
  }

  func receiveTrailers(_ block: HTTP2Session.Block) throws(HTTP2Fault) {
    var trailers = HTTP2Trailers()
    try connection.decode(block) { name, value in trailers.take(name, value) }
    guard !peerEnded else { return try connection.fail(self, .streamClosed) }
    guard block.endsStream else { return try connection.fail(self, .protocolError) }
    try receiveEnd(trailers)
  }

  override func receive(_ data: ByteBuffer, endsStream: Bool, counted: Int) throws(HTTP2Fault) {
    if isDiscarding || fault != nil {
      taken(counted)
    } else {
      // Padding goes nowhere.
      taken(counted - data.readableBytes)
      self.counted += data.readableBytes
      guard (try? body.write(data, into: &inbound)) != nil else { return try connection.fail(self, .protocolError) }
    }
    if endsStream { try receiveEnd(nil) } else { deliverSoon() }
  }

  private func receiveEnd(_ trailers: HTTP2Trailers?) throws(HTTP2Fault) {
    if !isDiscarding, fault == nil, (try? body.end(trailers, into: &inbound)) == nil {
      return try connection.fail(self, .protocolError)
    }
    connection.endedByPeer(self)
    deliverSoon()
  }

  /// If the client's request takes it.
  override func deliver() {
    guard !isOver, !isArriving, let client else { return }
    if let fault {
      self.fault = nil
      isDiscarding = true
      return client.refuseMalformed(fault, grpc: grpcType)
    }
    guard inbound.readableBytes > 0, client.mayRead else { return }
    let (bytes, counted) = (inbound, counted)
    inbound = ByteBuffer()
    self.counted = 0
    client.receive(bytes)
    if counted > 0 { taken(counted) }
  }

  // MARK: - The answer

  func write(_ bytes: ByteBuffer) {
    guard !isOver else { return }
    answer.append(bytes)
    do throws(HTTP2Message.Malformed) {
      while let part = try answer.next() {
        switch part {
        case .interim(let lines): sendHead(lines, endsStream: false)
        case .head(let lines): sendHead(lines, endsStream: answer.isEnding)
        case .data(let data): send(data)
        case .end(let trailers): if !ownEnded { sendEnd(trailers) }
        }
      }
      connection.sendSoon(self)
    } catch {
      connection.reset(self, .internalError)
    }
  }

  private func sendHead(_ lines: ByteBuffer, endsStream: Bool) {
    connection.sendHead(self, endsStream: endsStream) { encoder, block in
      lines.withUnsafeReadableBytes { bytes in
        // It was read once already, by ``HTTP2Message``.
        guard let status = try? HTTP2Lines.status(bytes) else { return }
        encoder.encodeStatus(status, into: &block)
        let start = HTTP2Lines.firstLineEnd(bytes)
        try? HTTP2Lines.forEachField(bytes, from: start, isRequest: false) { name, value, indexing in
          encoder.encode(name: name, value: value, indexing, into: &block)
        }
      }
    }
  }

  override func becameWritable() { client?.transportBecameWritable() }

  override func sentSome() { client?.noteSent() }

  /// What the client still sends is read by nobody, and it is no mistake (RFC 9113 §8.1).
  override func sentAll() { if isClosing { connection.reset(self, .noError) } }

  /// What closing the connection says in HTTP/1.1: the answer ends here.
  func close() {
    // Once more: the client takes nothing of what was to be brought to its end.
    guard !isClosing else { return connection.reset(self, .cancel) }
    isClosing = true
    if answer.isUntilClose {
      answer.close()
      sendEnd(nil)
      connection.sendSoon(self)
    }
    guard answer.isEnded else { return connection.reset(self, .cancel) }
    if ownEnded, !peerEnded { connection.reset(self, .noError) }
  }

  /// The answer cannot be brought to its end: the client sees that it is not whole.
  func abort() { connection.reset(self, .internalError) }

  override func closed(_ code: HTTP2Code?) {
    inbound = ByteBuffer()
    let client = client
    self.client = nil
    client?.transportEnded()
  }
}
