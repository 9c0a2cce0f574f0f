import NIOCore

/// Whoever has asked a service something over HTTP/2, and gets the answer as HTTP/1.1 has it.
protocol HTTP2Asker: AnyObject {
  /// Whether more of the answer is wanted now; else ``HTTP2ServiceStream/deliver()`` says when.
  var takesAnswer: Bool { get }
  func receive(answer bytes: ByteBuffer)
  /// More of the request may be written.
  func streamBecameWritable()
  /// Nothing more comes.
  ///
  /// - Parameter end: Whether the answer was brought to its end, and else what was wrong.
  func streamEnded(_ end: HTTP2ServiceStream.End)
}

/// One stream to a service as a connection of HTTP/1.1 with one request: what is written to it goes out as frames, what
/// comes is handed on as HTTP/1.1. So ``UpstreamConnection`` reads one form of answers, and all that is decided about
/// them is decided once.
final class HTTP2ServiceStream: HTTP2Stream {
  enum End {
    case whole
    /// The connection or the stream was broken off.
    case broken
    /// The service has done nothing with the request.
    case untaken
    /// What came is no answer (RFC 9113 §8.1.1).
    case malformed
  }

  /// Interim answers to one request; more is no HTTP server.
  private static let maximumInterims = 16

  private let service: HTTP2ServiceSession
  private weak var asker: (any HTTP2Asker)?
  private var request = HTTP2Message(.request)
  private var asksHEAD = false
  private var inbound = ByteBuffer()
  private var counted = 0
  private var hasHead = false
  /// Interim answers so far; they come under no window.
  private var interims = 0
  private var body = HTTP2Body(.none)
  /// nil while it goes on.
  private var end: End?
  /// Whether the service has said anything.
  private(set) var wasHeard = false

  init(_ service: HTTP2ServiceSession, _ asker: any HTTP2Asker) {
    self.service = service
    self.asker = asker
    super.init(service)
  }

  private var isOpen: Bool { id != 0 }

  /// Whether more of the request may be written.
  var takesMore: Bool { !isOver && isOpen && isWritable }

  // MARK: - The request

  override func opened(_ id: UInt32) {
    super.opened(id)
    sendRequest()
    asker?.streamBecameWritable()
  }

  func write(_ bytes: ByteBuffer) {
    guard !isOver else { return }
    request.append(bytes)
    if isOpen { sendRequest() }
  }

  private func sendRequest() {
    do throws(HTTP2Message.Malformed) {
      while let part = try request.next() {
        switch part {
        case .interim(let lines), .head(let lines): try sendHead(lines)
        case .data(let data): send(data)
        case .end(let trailers): if !ownEnded { sendEnd(trailers) }
        }
      }
      service.sendSoon(self)
    } catch {
      fail(.broken, .internalError)
    }
  }

  private func sendHead(_ lines: ByteBuffer) throws(HTTP2Message.Malformed) {
    var isRead = false
    service.sendHead(self, endsStream: request.isEnding) { encoder, block in
      lines.withUnsafeReadableBytes { bytes in
        guard let line = HTTP2Lines.requestLine(bytes) else { return }
        asksHEAD = bytes[line.method].isEqual("HEAD")
        func encode(_ name: StaticString, _ value: UnsafeRawBufferPointer, _ indexing: HPACKEncoder.Indexing) {
          let name = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
          encoder.encode(name: name, value: value, indexing, into: &block)
        }
        func encode(_ name: StaticString, _ value: StaticString) {
          encode(name, UnsafeRawBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount), .indexable)
        }
        encode(":method", bytes[line.method], .indexable)
        encode(":scheme", "http")
        encode(":path", bytes[line.target], .nonIndexable)
        // The others stand behind this one, wherever the line of the host is (RFC 9113 §8.3).
        if let host = HTTP2Lines.host(bytes, from: line.end) { encode(":authority", bytes[host], .indexable) }
        // What a service says behind its answer is passed on; some ask for this before they do (RFC 9113 §8.2.2).
        encode("te", "trailers")
        isRead =
          (try? HTTP2Lines.forEachField(bytes, from: line.end, isRequest: true) { name, value, indexing in
            encoder.encode(name: name, value: value, indexing, into: &block)
          }) != nil
      }
    }
    guard isRead else { throw HTTP2Message.Malformed() }
  }

  override func becameWritable() { asker?.streamBecameWritable() }

  // MARK: - The answer

  func receive(_ block: HTTP2Session.Block) throws(HTTP2Fault) {
    wasHeard = true
    guard hasHead else { return try receiveHead(block) }
    var trailers = HTTP2Trailers()
    try service.decode(block) { name, value in trailers.take(name, value) }
    guard block.endsStream else { return fail(.malformed, .protocolError) }
    finish(trailers)
  }

  private func receiveHead(_ block: HTTP2Session.Block) throws(HTTP2Fault) {
    var head = HTTP2ResponseHead(service.limits)
    var output = ByteBuffer()
    output.reserveCapacity(block.bytes.readableBytes * 2 + 128)
    try service.decode(block) { name, value in head.take(name, value, into: &output) }
    do throws(HeadFault) {
      let kind = try head.finish(endsStream: block.endsStream, answersHEAD: asksHEAD, into: &output)
      if inbound.readableBytes == 0 { inbound = output } else { inbound.writeImmutableBuffer(output) }
      deliverSoon()
      guard case .final(let body) = kind else {
        interims += 1
        return interims <= Self.maximumInterims ? () : fail(.malformed, .protocolError)
      }
      hasHead = true
      self.body = body
      if block.endsStream { finish(nil) }
    } catch {
      fail(.malformed, .protocolError)
    }
  }

  override func receive(_ data: ByteBuffer, endsStream: Bool, counted: Int) {
    wasHeard = true
    // Padding goes nowhere.
    taken(counted - data.readableBytes)
    self.counted += data.readableBytes
    guard hasHead, (try? body.write(data, into: &inbound)) != nil else { return fail(.malformed, .protocolError) }
    if endsStream { finish(nil) } else { deliverSoon() }
  }

  private func finish(_ trailers: HTTP2Trailers?) {
    guard (try? body.end(trailers, into: &inbound)) != nil else { return fail(.malformed, .protocolError) }
    service.endedByPeer(self)
    deliverSoon()
  }

  /// What is wrong with it is told once the stream is closed; what came before goes to nobody.
  private func fail(_ end: End, _ code: HTTP2Code) {
    self.end = end
    inbound = ByteBuffer()
    service.reset(self, code)
  }

  /// If it is wanted.
  override func deliver() {
    guard !isArriving, inbound.readableBytes > 0, let asker, asker.takesAnswer else { return }
    let (bytes, counted) = (inbound, counted)
    inbound = ByteBuffer()
    self.counted = 0
    asker.receive(answer: bytes)
    if counted > 0 { taken(counted) }
    // It was closed while nobody took the last of it.
    if isOver { tellEnd() }
  }

  // MARK: - The end

  /// Nobody waits for the answer any more.
  func close() {
    asker = nil
    inbound = ByteBuffer()
    if isOpen { service.reset(self, .cancel) } else { leave() }
  }

  /// The service has left the connection and does nothing with it.
  func leave() {
    guard !isOver else { return }
    end = .untaken
    guard !isOpen else { return service.close(self) }
    isOver = true
    service.forgot(self)
    closed(nil)
  }

  override func closed(_ code: HTTP2Code?) {
    isArriving = false
    // What a service says of a stream whose answer is whole takes nothing from that (RFC 9113 §8.1).
    if end == nil { end = peerEnded ? .whole : code == .refusedStream ? .untaken : .broken }
    if end == .whole, inbound.readableBytes > 0 { return deliver() }
    tellEnd()
  }

  private func tellEnd() {
    guard inbound.readableBytes == 0 || end != .whole, let asker, let end else { return }
    self.asker = nil
    asker.streamEnded(end)
  }
}
