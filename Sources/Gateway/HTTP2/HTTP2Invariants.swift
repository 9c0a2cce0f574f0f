import NIOCore
import NIOHPACK

/// What must hold of the mapping between HTTP/2 and HTTP/1.1 for any fields and bytes whatever.
enum HTTP2Invariants {
  typealias Broken = CodecInvariants.Broken

  /// Reads `bytes` as a list of fields (`name US value RS`, after an octet whose lowest bit says whether no body follows),
  /// as an HPACK block, as the body of DATA frames and as an answer.
  static func check(_ bytes: [UInt8]) throws(Broken) {
    guard let first = bytes.first else { return }
    let endsStream = first & 1 == 1
    try checkHead(listed(bytes.dropFirst()), endsStream: endsStream)
    var block = ByteBuffer(bytes: bytes.dropFirst())
    var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
    if let fields = try? decoder.decodeHeaders(from: &block) { try checkHead(fields, endsStream: endsStream) }
    try checkBody(bytes)
    try checkAnswer(bytes, omitsBody: endsStream)
  }

  private static func listed(_ bytes: ArraySlice<UInt8>) -> HPACKHeaders {
    var fields = HPACKHeaders()
    for record in bytes.split(separator: 0x1E) {
      let sides = record.split(separator: 0x1F, maxSplits: 1, omittingEmptySubsequences: false)
      // Other names come from HPACK blocks alone: a list of fields cannot be made of them.
      guard sides.count == 2, sides[0].allSatisfy({ $0 < 0x80 }) else { continue }
      fields.add(name: String(decoding: sides[0], as: UTF8.self), value: String(decoding: sides[1], as: UTF8.self))
    }
    return fields
  }

  // MARK: - Requests

  /// One head, and the one that the fields tell of.
  private static func checkHead(_ fields: HPACKHeaders, endsStream: Bool) throws(Broken) {
    var output = ByteBuffer()
    let limits = HeadLimits()
    guard
      let framing = try? HTTP2RequestHead.write(fields, endsStream: endsStream, limits: limits, into: &output)
    else { return }
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
    let host = (fields.first(name: ":authority") ?? fields.first(name: "host") ?? "")
    guard head.method.name == fields.first(name: ":method"),
      part(ByteRange(head.target.path.start, head.target.query.end)) == fields.first(name: ":path"),
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
          case .interim(let fields), .head(let fields), .end(let fields?):
            for (name, value, _) in fields {
              told.fields.append("\(name): \(value)")
              let isName = name == ":status" || HTTP2Field.isName(name) && !HTTP2Field.isOfConnection(name)
              if !isName || !HTTP2Field.isValue(value) { forbidden = name }
            }
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
}
