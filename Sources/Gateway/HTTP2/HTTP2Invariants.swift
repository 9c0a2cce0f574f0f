import NIOCore

/// What must hold of the mapping between HTTP/2 and HTTP/1.1 for any fields and bytes whatever.
enum HTTP2Invariants {
  typealias Broken = CodecInvariants.Broken
  private typealias Field = (name: [UInt8], value: [UInt8])

  /// Reads `bytes` as a list of fields (`name US value RS`, after an octet whose lowest bit says whether no body follows),
  /// as an HPACK block, as frames, as the body of DATA frames and as an answer.
  static func check(_ bytes: [UInt8]) throws(Broken) {
    guard let first = bytes.first else { return }
    let endsStream = first & 1 == 1
    try checkHead(listed(bytes.dropFirst()), endsStream: endsStream)
    if let fields = try decoded(bytes.dropFirst()) { try checkHead(fields, endsStream: endsStream) }
    try checkFrames(bytes)
    try checkBody(bytes)
    try checkAnswer(bytes, omitsBody: endsStream)
  }

  private static func listed(_ bytes: ArraySlice<UInt8>) -> [Field] {
    bytes.split(separator: 0x1E).compactMap { record in
      let sides = record.split(separator: 0x1F, maxSplits: 1, omittingEmptySubsequences: false)
      return sides.count == 2 ? (Array(sides[0]), Array(sides[1])) : nil
    }
  }

  /// The fields of an HPACK block; nil where it is none. What they are does not change on the way through our own encoder.
  private static func decoded(_ bytes: ArraySlice<UInt8>) throws(Broken) -> [Field]? {
    var decoder = HPACKDecoder()
    guard let fields = read(Array(bytes), &decoder) else { return nil }
    var (encoder, block) = (HPACKEncoder(), ByteBuffer())
    encoder.beginBlock(into: &block)
    for (index, field) in fields.enumerated() {
      let indexing: HPACKEncoder.Indexing =
        switch index % 3 {
        case 0: .indexable
        case 1: .nonIndexable
        default: .neverIndexed
        }
      field.name.withUnsafeBytes { name in
        field.value.withUnsafeBytes { encoder.encode(name: name, value: $0, indexing, into: &block) }
      }
    }
    var other = HPACKDecoder()
    guard let again = read(Array(block.readableBytesView), &other), again.elementsEqual(fields, by: ==) else {
      throw Broken(description: "fields are others once they were encoded and decoded")
    }
    return fields
  }

  private static func read(_ block: [UInt8], _ decoder: inout HPACKDecoder) -> [Field]? {
    var fields: [Field] = []
    var bytes = 0
    // One long field can be named by one octet each time.
    let isWhole = try? block.withUnsafeBytes { (block) throws(HPACKDecoder.Malformed) -> Bool in
      try decoder.decode(block) { name, value in
        bytes += name.count + value.count
        guard bytes <= 1 << 20 else { return false }
        fields.append((Array(name), Array(value)))
        return true
      }
    }
    return isWhole == true ? fields : nil
  }

  // MARK: - Frames

  /// What is read does not depend on how it is cut, and nothing of it is lost.
  private static func checkFrames(_ bytes: [UInt8]) throws(Broken) {
    let whole = frames(bytes, step: max(1, bytes.count))
    guard whole == frames(bytes, step: 1) else { throw Broken(description: "frames depend on how they are cut") }
    var again = ByteBuffer()
    for frame in whole.frames {
      again.writeFrameHeader(frame.type, flags: frame.flags, stream: frame.stream, length: frame.payload.readableBytes)
      again.writeImmutableBuffer(frame.payload)
      guard let content = try? frame.content() else { continue }
      guard content.readableBytes <= frame.payload.readableBytes else {
        throw Broken(description: "a frame with more in it than it has")
      }
    }
    // But for the bit that nobody may read (RFC 9113 §4.1).
    let taken = bytes.prefix(again.readableBytes)
    guard taken.count == again.readableBytes, zip(taken, again.readableBytesView).allSatisfy({ $0 & 0x7F == $1 & 0x7F })
    else { throw Broken(description: "a frame is another one once it was read and written") }
  }

  private struct Frames: Equatable {
    var frames: [HTTP2Frame] = []
    var isFaulty = false
  }

  private static func frames(_ bytes: [UInt8], step: Int) -> Frames {
    var (read, input, index) = (Frames(), ByteBuffer(), 0)
    while index < bytes.count, !read.isFaulty {
      let end = min(bytes.count, index + step)
      input.writeBytes(bytes[index..<end])
      index = end
      do throws(HTTP2Fault) {
        while let frame = try HTTP2Frame.take(&input) { read.frames.append(frame) }
      } catch {
        read.isFaulty = true
      }
    }
    return read
  }

  // MARK: - Requests

  /// One head, and the one that the fields tell of.
  private static func checkHead(_ fields: [Field], endsStream: Bool) throws(Broken) {
    var output = ByteBuffer()
    let limits = HeadLimits()
    var request = HTTP2RequestHead(limits)
    for field in fields {
      field.name.withUnsafeBytes { name in field.value.withUnsafeBytes { request.take(name, $0, into: &output) } }
    }
    guard let framing = try? request.finish(endsStream: endsStream, into: &output) else { return }
    let text = String(buffer: output)
    func broken(_ what: String) -> Broken { Broken(description: "\(what): \(text)") }
    let length = output.withUnsafeReadableBytes { (try? HeadScanner.headLength($0)) ?? nil }
    guard length == output.readableBytes else { throw broken("not exactly one head") }
    guard output.readableBytes <= limits.headBytes else { throw broken("longer than was counted") }
    // Two lines for each field at most: the request line, connection, host and framing stand for pseudo-fields.
    guard text.split(separator: "\r\n", omittingEmptySubsequences: false).count <= fields.count + 5 else {
      throw broken("more lines than fields")
    }
    var head = RequestHead()
    let isRead = output.withUnsafeReadableBytes { (try? head.parse($0, limits: limits)) != nil }
    // It may still be refused for what HTTP/1.1 forbids, too.
    guard isRead else { return }
    func part(_ range: ByteRange) -> String {
      output.withUnsafeReadableBytes { String(decoding: $0[range], as: UTF8.self) }
    }
    func first(_ name: String) -> String? {
      fields.first { $0.name.elementsEqual(name.utf8) }.map { String(decoding: $0.value, as: UTF8.self) }
    }
    let host = (first(":authority") ?? first("host") ?? "")
    guard head.method.name == first(":method"),
      part(ByteRange(head.target.path.start, head.target.query.end)) == first(":path"),
      head.host.map(part)?.lowercased() == host.lowercased()
    else { throw broken("another method, target or host") }
    guard head.framing == framing, !head.keepsAlive, !head.upgradesToWebSocket, !head.isVersion10 else {
      throw broken("another framing or fate of the connection")
    }
    guard !endsStream || framing == .none else { throw broken("a body where none follows") }
  }

  /// What DATA frames carry arrives, all of it and no more.
  private static func checkBody(_ bytes: [UInt8]) throws(Broken) {
    let step = Int(bytes[0] % 7) + 1
    for framing in [BodyFraming.chunked, .length(bytes.count), .length(max(1, bytes.count - 1)), .none] {
      var body = HTTP2Body(framing)
      var output = ByteBuffer()
      var index = 0
      var isTaken = true
      do throws(HTTP2Body.Malformed) {
        while index < bytes.count {
          let end = min(bytes.count, index + step)
          try body.write(ByteBuffer(bytes: bytes[index..<end]), into: &output)
          index = end
        }
        try body.end(nil, into: &output)
      } catch {
        isTaken = false
      }
      let fits = framing == .chunked || framing == .length(bytes.count)
      guard isTaken == fits else {
        throw Broken(description: "a body of another length is taken, or one that fits is not")
      }
      guard isTaken else {
        if case .length(let announced) = framing, output.readableBytes > announced {
          throw Broken(description: "more of a body than was announced")
        }
        continue
      }
      var reader = BodyReader(framing, decodesChunks: true)
      var read: [UInt8] = []
      while !reader.isDone, let piece = try? reader.next(&output) { read += piece.readableBytesView }
      guard reader.isDone, output.readableBytes == 0, read == bytes else {
        throw Broken(description: "a body does not arrive as it was sent")
      }
    }
  }

  // MARK: - Answers

  /// An answer as it goes to the client, and whether it could be read to its end or to where the bytes end.
  private struct Told: Equatable {
    var fields: [String] = []
    var data: [UInt8] = []
    var isEnded = false
    var isMalformed = false
  }

  private static func checkAnswer(_ bytes: [UInt8], omitsBody: Bool) throws(Broken) {
    let whole = try tell(bytes, step: max(1, bytes.count), omitsBody)
    let pieces = try tell(bytes, step: 1, omitsBody)
    guard whole == pieces else { throw Broken(description: "an answer depends on how it is cut") }
    guard !whole.isMalformed, let content = content(bytes, omitsBody: omitsBody) else { return }
    guard whole.data == content else { throw Broken(description: "an answer's body is another one") }
  }

  /// The body as it is read where it comes from a service; nil where that takes it for no answer, or not for a whole one.
  private static func content(_ bytes: [UInt8], omitsBody: Bool) -> [UInt8]? {
    var (rest, head) = (ByteBuffer(bytes: bytes), ResponseHead())
    repeat {
      let length = rest.withUnsafeReadableBytes { (try? HeadScanner.headLength($0)) ?? nil }
      guard let length else { return nil }
      let isRead = rest.withUnsafeReadableBytes {
        (try? head.parse($0[ByteRange(0, length)], limits: HeadLimits())) != nil
      }
      guard isRead, head.status != 101 else { return nil }
      rest.moveReaderIndex(forwardBy: length)
    } while head.status < 200
    let isEmpty = omitsBody || head.status == 204 || head.status == 304
    var reader = BodyReader(isEmpty ? .none : head.framing, decodesChunks: true)
    var content: [UInt8] = []
    while !reader.isDone {
      guard let piece = try? reader.next(&rest) else { break }
      content += piece.readableBytesView
    }
    return reader.isDone || reader.isUntilClose ? content : nil
  }

  private static func tell(_ bytes: [UInt8], step: Int, _ omitsBody: Bool) throws(Broken) -> Told {
    var (told, answer, index) = (Told(), HTTP2Message(.answer(omitsBody: omitsBody)), 0)
    var forbidden: String?
    while index < bytes.count, !told.isMalformed {
      let end = min(bytes.count, index + step)
      answer.append(ByteBuffer(bytes: bytes[index..<end]))
      index = end
      do throws(HTTP2Message.Malformed) {
        while let part = try answer.next() {
          switch part {
          case .interim(let lines), .head(let lines):
            lines.withUnsafeReadableBytes { tell($0, from: HTTP2Lines.firstLineEnd($0), &told, &forbidden) }
          case .end(let lines?): lines.withUnsafeReadableBytes { tell($0, from: 0, &told, &forbidden) }
          case .data(let data): told.data += data.readableBytesView
          case .end(nil): break
          }
        }
      } catch {
        told.isMalformed = true
      }
    }
    if let forbidden { throw Broken(description: "an answer has a field that HTTP/2 forbids: \(forbidden)") }
    told.isEnded = answer.isEnded
    if omitsBody, !told.data.isEmpty { throw Broken(description: "a body that HEAD does not have") }
    return told
  }

  private static func tell(
    _ lines: UnsafeRawBufferPointer, from start: Int, _ told: inout Told, _ forbidden: inout String?
  ) {
    let isRead: Void? = try? HTTP2Lines.forEachField(lines, from: start, isRequest: false) { name, value, _ in
      let text = String(decoding: name, as: UTF8.self)
      told.fields.append("\(text): \(String(decoding: value, as: UTF8.self))")
      let isField = HTTP2Field.isName(name) && !HTTP2Field.isOfConnection(name) && HTTP2Field.isValue(value)
      if !isField { forbidden = text }
    }
    if isRead == nil { forbidden = "what was read before cannot be read again" }
  }
}
