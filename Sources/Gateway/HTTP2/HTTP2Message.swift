import NIOCore
import NIOHPACK
import NIOHTTP2

/// Takes apart a message that is written for a peer of HTTP/1.1, as one of HTTP/2 gets it.
///
/// It reads what the gateway wrote, whose framing was checked when it came. What it cannot read is a message that is not
/// whole.
struct HTTP2Message {
  enum Kind {
    /// To a service.
    case request
    /// To a client.
    ///
    /// - Parameter omitsBody: Whether the request was HEAD.
    case answer(omitsBody: Bool)
  }

  enum Part {
    /// 1xx; others follow.
    case interim(HPACKHeaders)
    case head(HPACKHeaders)
    /// Never empty.
    case data(ByteBuffer)
    /// The message is whole. Said once.
    case end(trailers: HPACKHeaders?)
  }

  private enum State {
    case head
    case length(left: Int)
    case chunks
    case trailers
    case untilClose
    case ending
    case ended
  }
  private var state = State.head
  private var input = ByteBuffer()
  private var chunks = ChunkScanner()
  private var section = TrailerSection()
  private let kind: Kind
  /// What ``nextFrame()`` has not given out yet.
  private var held: HTTP2Frame.FramePayload?

  init(_ kind: Kind) { self.kind = kind }

  var isEnded: Bool { if case .ended = state { true } else { false } }
  /// Whether the end of the connection is the end of the answer.
  var isUntilClose: Bool { if case .untilClose = state { true } else { false } }

  struct Malformed: Error {}

  mutating func append(_ bytes: ByteBuffer) {
    if input.readableBytes == 0 { input = bytes } else { input.writeImmutableBuffer(bytes) }
  }

  /// The connection would end here, and so does a body that lasts until then.
  mutating func close() { if isUntilClose { state = .ended } }

  /// The next part; nil when more bytes are needed, or none follows.
  mutating func next() throws(Malformed) -> Part? {
    switch state {
    case .head: return try readHead()
    case .length(let left):
      guard input.readableBytes > 0 else { return nil }
      let taken = min(left, input.readableBytes)
      state = taken == left ? .ending : .length(left: left - taken)
      return input.readSlice(length: taken).map { .data($0) }
    case .untilClose:
      guard input.readableBytes > 0 else { return nil }
      return input.readSlice(length: input.readableBytes).map { .data($0) }
    case .chunks: return try readChunks()
    case .trailers: return try readTrailers()
    case .ending:
      state = .ended
      return .end(trailers: nil)
    case .ended:
      // HEAD's answers may come with a body where the gateway refused before it knew the method.
      input.clear()
      return nil
    }
  }

  /// The next frame of what has come. Not all of them to a closure: what is written may answer at once, and come back here.
  ///
  /// - Returns: Whether it is the last for now, too; nil when there is none.
  mutating func nextFrame() throws(Malformed) -> (frame: HTTP2Frame.FramePayload, isLast: Bool)? {
    // One part behind, so that the last can say that it is.
    while let part = try next() {
      if case .end(nil) = part, let before = held {
        held = before.ending
        continue
      }
      let ready = held
      held = part.payload
      if let ready { return (ready, false) }
    }
    guard let last = held else { return nil }
    held = nil
    return (last, true)
  }

  // MARK: - Body

  /// The next run of content; chunks are small where a service streams, so runs are not joined.
  private mutating func readChunks() throws(Malformed) -> Part? {
    while input.readableBytes > 0 {
      var run: ByteRange?
      var scanner = chunks
      let taken: Int
      do throws(ChunkScanner.Malformed) {
        taken = try input.withUnsafeReadableBytes { (bytes) throws(ChunkScanner.Malformed) -> Int in
          try scanner.scanRun(bytes) { run = $0 }
        }
      } catch {
        throw Malformed()
      }
      chunks = scanner
      // Before it is passed: what lies behind the reader is not given out.
      let content = run.flatMap { input.getSlice(at: input.readerIndex + $0.start, length: $0.count) }
      input.moveReaderIndex(forwardBy: taken)
      if scanner.isAtTrailers {
        state = .trailers
        return try readTrailers()
      }
      if let content { return .data(content) }
    }
    return nil
  }

  private mutating func readTrailers() throws(Malformed) -> Part? {
    guard input.readableBytes > 0 else { return nil }
    do throws(HeadFault) {
      guard case .complete(let lines) = try section.take(&input) else { return nil }
      state = .ended
      guard lines.readableBytes > 2 else { return .end(trailers: nil) }
      var fields = HPACKHeaders()
      try lines.withUnsafeReadableBytes { (bytes) throws(HeadFault) in
        var ignored = Framing()
        try Self.readLines(bytes, from: 0, &ignored, into: &fields, isRequest: false)
      }
      return .end(trailers: fields.isEmpty ? nil : fields)
    } catch {
      throw Malformed()
    }
  }

  // MARK: - Head

  private struct Framing {
    var length: Int?
    var isChunked = false
  }

  private mutating func readHead() throws(Malformed) -> Part? {
    var framing = Framing()
    var fields = HPACKHeaders()
    var status = 200
    do throws(HeadFault) {
      let (kind, isRequest) = (kind, isRequest)
      let length = try input.withUnsafeReadableBytes { (bytes) throws(HeadFault) -> Int? in
        guard let length = try HeadScanner.headLength(bytes) else { return nil }
        let head = bytes[ByteRange(0, length)]
        fields.reserveCapacity(24)
        let lines =
          switch kind {
          case .request: try Self.readRequestLine(head, into: &fields)
          case .answer: try Self.readStatus(head, &status, into: &fields)
          }
        try Self.readLines(head, from: lines, &framing, into: &fields, isRequest: isRequest)
        return length
      }
      guard let length else { return nil }
      input.moveReaderIndex(forwardBy: length)
    } catch {
      throw Malformed()
    }
    guard status >= 200 else { return .interim(fields) }
    var omitsBody = false
    if case .answer(let isHead) = kind { omitsBody = isHead || status == 204 || status == 304 }
    state =
      if omitsBody {
        .ending
      } else if framing.isChunked {
        .chunks
      } else if let length = framing.length {
        length > 0 ? .length(left: length) : .ending
      } else {
        isRequest ? .ending : .untilClose
      }
    return .head(fields)
  }

  private var isRequest: Bool { if case .request = kind { true } else { false } }

  /// - Returns: Where the lines begin.
  private static func readStatus(
    _ bytes: UnsafeRawBufferPointer, _ status: inout Int, into fields: inout HPACKHeaders
  ) throws(HeadFault) -> Int {
    guard bytes.count >= 14, bytes[ByteRange(0, 9)].elementsEqual("HTTP/1.1 ".utf8), bytes[9] >= 0x31,
      bytes[9] <= 0x35, Octet.isDigit(bytes[10]), Octet.isDigit(bytes[11])
    else { throw .malformedStatusLine }
    status = Int(bytes[9] - 48) * 100 + Int(bytes[10] - 48) * 10 + Int(bytes[11] - 48)
    // HTTP/2 has no switching of protocols (RFC 9113 §8.6).
    guard status != 101 else { throw .malformedStatusLine }
    fields.add(name: ":status", value: String(status))
    return lineEnd(bytes, from: 12)
  }

  private static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var index = start
    while index < bytes.count, bytes[index] != Octet.lineFeed { index += 1 }
    return index + 1
  }

  /// - Returns: Where the lines begin.
  private static func readRequestLine(
    _ bytes: UnsafeRawBufferPointer, into fields: inout HPACKHeaders
  ) throws(HeadFault) -> Int {
    let next = lineEnd(bytes, from: 0)
    let line = bytes[ByteRange(0, next)]
    guard let first = line.firstIndex(of: Octet.space), let second = line[(first + 1)...].firstIndex(of: Octet.space)
    else { throw .malformedRequestLine }
    fields.add(name: ":method", value: String(decoding: line[..<first], as: UTF8.self))
    fields.add(name: ":scheme", value: "http")
    fields.add(
      name: ":path", value: String(decoding: line[(first + 1)..<second], as: UTF8.self), indexing: .nonIndexable)
    // The others stand behind this one, wherever the line of the host is (RFC 9113 §8.3).
    var index = next
    while index < bytes.count - 2 {
      let line = try HeadScanner.line(bytes, at: index)
      if bytes[line.name].isEqualIgnoringCase("host") {
        fields.add(name: ":authority", value: String(decoding: bytes[line.value], as: UTF8.self))
        break
      }
      index = line.next
    }
    // What a service says behind its answer is passed on; some ask for this before they do (RFC 9113 §8.2.2).
    fields.add(name: "te", value: "trailers")
    return next
  }

  /// Reads the lines up to the empty one that ends `bytes`.
  private static func readLines(
    _ bytes: UnsafeRawBufferPointer, from start: Int, _ framing: inout Framing, into fields: inout HPACKHeaders,
    isRequest: Bool
  ) throws(HeadFault) {
    var index = start
    while index < bytes.count - 2 {
      let line = try HeadScanner.line(bytes, at: index)
      index = line.next
      let name = bytes[line.name].lowercasedText
      let value = bytes[line.value]
      switch name {
      case "connection", "proxy-connection", "keep-alive", "upgrade": continue
      case "host", "te":
        // Said already.
        if isRequest { continue }
      case "transfer-encoding":
        framing.isChunked = true
        continue
      case "content-length": framing.length = try HeadScanner.contentLength(value)
      default: break
      }
      fields.add(name: name, value: String(decoding: value, as: UTF8.self), indexing: indexing(name))
    }
  }

  /// What differs with every answer would only push the rest out of the table that both sides remember (RFC 7541
  /// §7.1.3); what is secret is not to be guessed from how well it compresses.
  private static func indexing(_ name: String) -> HPACKIndexing {
    switch name {
    case "set-cookie", "cookie", "authorization", "proxy-authenticate": .neverIndexed
    case "x-request-id", "content-length", "etag", "last-modified", "ratelimit", "location", "traceparent",
      "tracestate", "x-request-timeout-ms", "idempotency-key", "forwarded", "x-forwarded-for", "grpc-message",
      "grpc-timeout":
      .nonIndexable
    default: .indexable
    }
  }
}

extension ChunkScanner {
  /// As ``scan(_:content:)``, but stops after the first run of content.
  mutating func scanRun(
    _ bytes: UnsafeRawBufferPointer, content: (ByteRange) -> Void
  ) throws(Malformed) -> Int {
    var index = 0
    while index < bytes.count, !isAtTrailers {
      // Between chunks a byte at a time; in one, all that is there.
      let end = contentLeft > 0 ? min(bytes.count, index + contentLeft) : index + 1
      var run: ByteRange?
      let taken = try scan(bytes[ByteRange(index, end)]) { run = $0 }
      if let run {
        content(ByteRange(index + run.start, index + run.end))
        return index + taken
      }
      index += taken
    }
    return index
  }
}

extension UnsafeRawBufferPointer {
  /// ASCII in lower case, as HTTP/2 has names of fields.
  fileprivate var lowercasedText: String {
    String(unsafeUninitializedCapacity: count) { output in
      for index in 0..<count {
        let byte = self[index]
        output[index] = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
      }
      return count
    }
  }
}

extension HTTP2Message.Part {
  fileprivate var payload: HTTP2Frame.FramePayload {
    switch self {
    case .interim(let fields), .head(let fields): .headers(.init(headers: fields))
    case .data(let bytes): .data(.init(data: .byteBuffer(bytes)))
    case .end(let trailers?): .headers(.init(headers: trailers, endStream: true))
    case .end(nil): .data(.init(data: .byteBuffer(ByteBuffer()), endStream: true))
    }
  }
}

extension HTTP2Frame.FramePayload {
  /// The same as the stream's last frame.
  fileprivate var ending: HTTP2Frame.FramePayload {
    switch self {
    case .headers(var frame):
      frame.endStream = true
      return .headers(frame)
    case .data(var frame):
      frame.endStream = true
      return .data(frame)
    default: return self
    }
  }
}
