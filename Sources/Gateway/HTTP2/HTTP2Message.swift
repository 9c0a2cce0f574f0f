import NIOCore

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
    /// 1xx; others follow. As HTTP/1.1 has it; see ``HTTP2Lines``.
    case interim(ByteBuffer)
    case head(ByteBuffer)
    /// Never empty.
    case data(ByteBuffer)
    /// The message is whole. Said once.
    ///
    /// - Parameter trailers: Lines, and the empty one that ends them; nil where there are none.
    case end(trailers: ByteBuffer?)
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

  init(_ kind: Kind) { self.kind = kind }

  var isEnded: Bool { if case .ended = state { true } else { false } }
  /// Whether nothing follows but the end, without trailers: the last part may say so.
  var isEnding: Bool { if case .ending = state { true } else { false } }
  /// Whether the end of the connection is the end of the answer.
  var isUntilClose: Bool { if case .untilClose = state { true } else { false } }

  struct Malformed: Error {}

  mutating func append(_ bytes: ByteBuffer) {
    guard input.readableBytes > 0 else { return input = bytes }
    input = input.rest
    input.writeImmutableBuffer(bytes)
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
      return .end(trailers: lines.readableBytes > 2 ? lines : nil)
    } catch {
      throw Malformed()
    }
  }

  // MARK: - Head

  private mutating func readHead() throws(Malformed) -> Part? {
    var head = HTTP2Lines.Summary()
    do throws(HeadFault) {
      let isRequest = isRequest
      let length = try input.withUnsafeReadableBytes { (bytes) throws(HeadFault) -> Int? in
        guard let length = try HeadScanner.headLength(bytes) else { return nil }
        head = try HTTP2Lines.summary(bytes[ByteRange(0, length)], isRequest: isRequest)
        return length
      }
      guard let length else { return nil }
      return begin(head, input.readSlice(length: length) ?? ByteBuffer())
    } catch {
      throw Malformed()
    }
  }

  private mutating func begin(_ head: HTTP2Lines.Summary, _ lines: ByteBuffer) -> Part {
    guard head.status >= 200 else { return .interim(lines) }
    var omitsBody = false
    if case .answer(let isHead) = kind { omitsBody = isHead || head.status == 204 || head.status == 304 }
    state =
      if omitsBody {
        .ending
      } else if head.isChunked {
        .chunks
      } else if let length = head.length {
        length > 0 ? .length(left: length) : .ending
      } else {
        isRequest ? .ending : .untilClose
      }
    return .head(lines)
  }

  private var isRequest: Bool { if case .request = kind { true } else { false } }
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
