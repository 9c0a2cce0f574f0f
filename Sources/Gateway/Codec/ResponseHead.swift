/// What a response's head says, as offsets into its bytes.
struct ResponseHead {
  var length = 0
  var status = 0
  /// What follows the status code on its line, its leading space included.
  var reason = ByteRange.empty
  var isVersion10 = false
  /// Whether the upstream can take another request on this connection.
  var keepsAlive = true
  /// What the fields say; HEAD, 1xx, 204 and 304 have no body whatever they say (RFC 9112 §6.3).
  var framing = BodyFraming.untilClose
  var isWebSocketUpgrade = false
  var isEventStream = false
  /// Whether it has a Content-Length line, which travels with the others.
  var hasContentLength = false
  /// Whether it says something about pages of other origins.
  var hasCORSFields = false
  var isHTML = false
  var security: SecurityFields = []
  var kept = HeaderRuns()
  private var connection: [ByteRange] = []
  private var hasTransferEncoding = false

  init() {}

  /// Reads a complete head; see ``RequestHead/parse(_:limits:)``.
  mutating func parse(_ bytes: UnsafeRawBufferPointer, limits: HeadLimits) throws(HeadFault) {
    reset()
    length = bytes.count
    var index = try parseStatusLine(bytes)
    let end = bytes.count - 2
    var count = 0
    while index < end {
      let line = try HeadScanner.line(bytes, at: index)
      count += 1
      guard count <= limits.headerCount else { throw .tooManyHeaders }
      if try takes(line, bytes) { kept.keep(ByteRange(index, line.next)) }
      index = line.next
    }
    guard index == end else { throw .malformedHeader }
    guard !(hasContentLength && hasTransferEncoding) else { throw .twoFramings }
    if hasTransferEncoding { framing = .chunked }
    if !connection.isEmpty { try kept.removeLines(named: connection, in: bytes) }
  }

  private mutating func reset() {
    isVersion10 = false
    keepsAlive = true
    framing = .untilClose
    isWebSocketUpgrade = false
    isEventStream = false
    hasContentLength = false
    hasCORSFields = false
    isHTML = false
    security = []
    hasTransferEncoding = false
    kept.removeAll()
    connection.removeAll(keepingCapacity: true)
  }

  private mutating func parseStatusLine(_ bytes: UnsafeRawBufferPointer) throws(HeadFault) -> Int {
    guard bytes.count >= 14, bytes[ByteRange(0, 7)].elementsEqual("HTTP/1.".utf8), bytes[8] == Octet.space,
      bytes[9] >= UInt8(ascii: "1"), bytes[9] <= UInt8(ascii: "5"), Octet.isDigit(bytes[10]), Octet.isDigit(bytes[11])
    else { throw .malformedStatusLine }
    switch bytes[7] {
    case UInt8(ascii: "1"): break
    case UInt8(ascii: "0"): (isVersion10, keepsAlive) = (true, false)
    default: throw .unsupportedVersion
    }
    status = Int(bytes[9] - 48) * 100 + Int(bytes[10] - 48) * 10 + Int(bytes[11] - 48)
    var index = 12
    guard bytes[index] == Octet.space || bytes[index] == Octet.carriageReturn else { throw .malformedStatusLine }
    while index < bytes.count, bytes[index] >= 0x20 && bytes[index] != 0x7F || bytes[index] == Octet.tab { index += 1 }
    guard index + 1 < bytes.count, bytes[index] == Octet.carriageReturn, bytes[index + 1] == Octet.lineFeed else {
      throw .malformedStatusLine
    }
    reason = ByteRange(12, index)
    return index + 2
  }

  @inline(__always)
  private mutating func takes(_ line: HeadScanner.Line, _ bytes: UnsafeRawBufferPointer) throws(HeadFault) -> Bool {
    let name = bytes[line.name]
    let value = bytes[line.value]
    switch name[0] | 0x20 {
    case UInt8(ascii: "a"):
      if name.hasPrefixIgnoringCase("access-control-") { hasCORSFields = true }
      return true
    case UInt8(ascii: "c"):
      if name.isEqualIgnoringCase("content-length") {
        guard !hasContentLength else { throw .duplicateContentLength }
        hasContentLength = true
        let length = try HeadScanner.contentLength(value)
        framing = length > 0 ? .length(length) : .none
      } else if name.isEqualIgnoringCase("connection") {
        takeConnection(line.value, bytes)
        return false
      } else if name.isEqualIgnoringCase("content-type") {
        isEventStream = value.hasPrefixIgnoringCase("text/event-stream")
        isHTML = value.hasPrefixIgnoringCase("text/html") || value.hasPrefixIgnoringCase("application/xhtml+xml")
      } else if name.isEqualIgnoringCase("content-security-policy") {
        security.insert(.content)
      }
      return true
    case UInt8(ascii: "t"):
      guard name.isEqualIgnoringCase("transfer-encoding") else { return !name.isEqualIgnoringCase("te") }
      guard !hasTransferEncoding, !isVersion10, value.isEqualIgnoringCase("chunked") else {
        throw .unsupportedTransferEncoding
      }
      hasTransferEncoding = true
      return false
    case UInt8(ascii: "u"):
      guard name.isEqualIgnoringCase("upgrade") else { return true }
      isWebSocketUpgrade = value.isEqualIgnoringCase("websocket")
      return false
    case UInt8(ascii: "x"): return takesExtension(name)
    case UInt8(ascii: "r"):
      if name.isEqualIgnoringCase("referrer-policy") { security.insert(.referrer) }
      return true
    case UInt8(ascii: "s"):
      if name.isEqualIgnoringCase("strict-transport-security") { security.insert(.transport) }
      return true
    case UInt8(ascii: "p"), UInt8(ascii: "k"): return !HeaderRules.isHopByHop(name)
    default: return true
    }
  }

  @inline(__always)
  private mutating func takesExtension(_ name: UnsafeRawBufferPointer) -> Bool {
    if name.isEqualIgnoringCase("x-content-type-options") {
      security.insert(.sniffing)
    } else if name.isEqualIgnoringCase("x-frame-options") {
      security.insert(.frame)
    } else {
      return !name.isEqualIgnoringCase("x-request-id")
    }
    return true
  }

  private mutating func takeConnection(_ value: ByteRange, _ bytes: UnsafeRawBufferPointer) {
    var others = false
    let list = bytes[value]
    list.forEachListMember { range in
      let option = list[range]
      if option.isEqualIgnoringCase("close") {
        keepsAlive = false
      } else if option.isEqualIgnoringCase("keep-alive") {
        if isVersion10 { keepsAlive = true }
      } else if !option.isEqualIgnoringCase("upgrade") {
        others = true
      }
    }
    if others { connection.append(value) }
  }
}
