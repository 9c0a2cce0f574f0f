/// What a request's head says, as offsets into its bytes: nothing is copied, no `String` is made.
struct RequestHead {
  /// The whole head, its empty line included, in bytes.
  var length = 0
  var method = RequestMethod.get
  var target = RequestTarget()
  var isVersion10 = false
  /// Whether the client can take another response on this connection.
  var keepsAlive = true
  var framing = BodyFraming.none
  var host: ByteRange?
  /// The host without its port; empty where there is none.
  var hostName = ByteRange.empty
  var authorization: ByteRange?
  var expectsContinue = false
  /// A WebSocket handshake (RFC 6455 §4.1): `Connection: upgrade`, `Upgrade: websocket`, GET, HTTP/1.1, no body.
  var upgradesToWebSocket = false
  var requestID: ByteRange?
  /// `X-Request-Timeout-Ms`: how long the client waits; empty where it says two things.
  var requestTimeout: ByteRange?
  /// `grpc-timeout`, which travels on as well; empty where it says two things.
  var grpcTimeout: ByteRange?
  var traceparent: ByteRange?
  var tracestate: [ByteRange] = []
  /// `X-Forwarded-For`, which counts only from a trusted proxy; as are the next three.
  var forwardedFor: [ByteRange] = []
  var forwarded: [ByteRange] = []
  var forwardedProto: ByteRange?
  var forwardedHost: ByteRange?
  /// What travels on as it came.
  var kept = HeaderRuns()

  /// `Connection` lines that name other fields.
  private var connection: [ByteRange] = []
  private var hasUpgradeOption = false
  private var hasWebSocketUpgrade = false
  private var hasContentLength = false
  private var hasTransferEncoding = false
  private var namesOtherFields = false
  private var traceparentCount = 0

  init() {}

  /// Reads a complete head.
  ///
  /// - Parameter bytes: Exactly the head, from its first byte to the LF of its empty line, each line of which ends in
  ///   CR LF, as ``HeadScanner/headLength(_:from:)`` has seen.
  mutating func parse(_ bytes: UnsafeRawBufferPointer, limits: HeadLimits) throws(HeadFault) {
    reset()
    length = bytes.count
    var index = try parseRequestLine(bytes, limits)
    let end = bytes.count - 2
    var count = 0
    while index < end {
      let line = try HeadScanner.line(bytes, at: index)
      count += 1
      guard count <= limits.headerCount else { throw .tooManyHeaders }
      if line.hasUnderscore {
        // Not forwarded: `X_User_Id` would pass for `X-User-Id` where names become variables.
      } else if try takes(line, bytes) {
        kept.keep(ByteRange(index, line.next))
      }
      index = line.next
    }
    guard index == end else { throw .malformedHeader }
    try finish(bytes)
  }

  private mutating func reset() {
    method = .get
    isVersion10 = false
    keepsAlive = true
    framing = .none
    host = nil
    hostName = .empty
    authorization = nil
    expectsContinue = false
    upgradesToWebSocket = false
    requestID = nil
    requestTimeout = nil
    grpcTimeout = nil
    traceparent = nil
    tracestate.removeAll(keepingCapacity: true)
    forwardedFor.removeAll(keepingCapacity: true)
    forwarded.removeAll(keepingCapacity: true)
    forwardedProto = nil
    forwardedHost = nil
    kept.removeAll()
    connection.removeAll(keepingCapacity: true)
    hasUpgradeOption = false
    hasWebSocketUpgrade = false
    hasContentLength = false
    hasTransferEncoding = false
    namesOtherFields = false
    traceparentCount = 0
  }

  private mutating func parseRequestLine(
    _ bytes: UnsafeRawBufferPointer, _ limits: HeadLimits
  ) throws(HeadFault) -> Int {
    var index = 0
    while index < bytes.count, Octet.isToken(bytes[index]) { index += 1 }
    guard index > 0, index <= 32, index < bytes.count, bytes[index] == Octet.space else { throw .malformedRequestLine }
    let methodRange = ByteRange(0, index)
    let targetStart = index + 1
    index = targetStart
    while index < bytes.count, bytes[index] > Octet.space { index += 1 }
    guard index - targetStart <= limits.targetBytes else { throw .targetTooLong }
    let targetRange = ByteRange(targetStart, index)
    guard index + 11 <= bytes.count, bytes[index] == Octet.space,
      bytes[ByteRange(index + 1, index + 6)].elementsEqual("HTTP/".utf8), Octet.isDigit(bytes[index + 6]),
      bytes[index + 7] == Octet.dot, Octet.isDigit(bytes[index + 8]), bytes[index + 9] == Octet.carriageReturn,
      bytes[index + 10] == Octet.lineFeed
    else { throw .malformedRequestLine }
    switch (bytes[index + 6], bytes[index + 8]) {
    case (UInt8(ascii: "1"), UInt8(ascii: "1")): break
    case (UInt8(ascii: "1"), UInt8(ascii: "0")): (isVersion10, keepsAlive) = (true, false)
    default: throw .unsupportedVersion
    }
    guard let method = RequestMethod(bytes[methodRange]) else { throw .unknownMethod }
    self.method = method
    target = try RequestTarget.parse(bytes, targetRange)
    return index + 11
  }

  /// Looks at one header line; whether it travels on as it came.
  @inline(__always)
  private mutating func takes(_ line: HeadScanner.Line, _ bytes: UnsafeRawBufferPointer) throws(HeadFault) -> Bool {
    let name = bytes[line.name]
    switch name[0] | 0x20 {
    case UInt8(ascii: "a"):
      guard name.isEqualIgnoringCase("authorization") else { return true }
      guard authorization == nil else { throw .duplicateAuthorization }
      authorization = line.value
      return true
    case UInt8(ascii: "c"): return try takesConnectionOrContent(name, line, bytes)
    case UInt8(ascii: "e"):
      guard name.isEqualIgnoringCase("expect") else { return true }
      guard bytes[line.value].isEqualIgnoringCase("100-continue") else { throw .unsupportedExpectation }
      expectsContinue = true
      return false
    case UInt8(ascii: "g"):
      if name.isEqualIgnoringCase("grpc-timeout") { grpcTimeout = grpcTimeout == nil ? line.value : .empty }
      return true
    case UInt8(ascii: "h"):
      guard name.isEqualIgnoringCase("host") else { return !name.isEqualIgnoringCase("http2-settings") }
      guard host == nil else { throw .duplicateHost }
      guard Authority.isWellFormed(bytes[line.value]) else { throw .malformedHost }
      host = line.value
      hostName = ByteRange(line.value.start, line.value.start + Authority.host(bytes[line.value]).count)
      return false
    case UInt8(ascii: "t"): return try takesTransferOrTrace(name, line, bytes)
    case UInt8(ascii: "u"):
      guard name.isEqualIgnoringCase("upgrade") else { return true }
      if bytes[line.value].listContains("websocket") { hasWebSocketUpgrade = true }
      return false
    case UInt8(ascii: "f"):
      guard name.isEqualIgnoringCase("forwarded") else { return true }
      forwarded.append(line.value)
      return false
    case UInt8(ascii: "x"):
      guard name.hasPrefixIgnoringCase("x-") else { return true }
      return takesExtension(name, line)
    case UInt8(ascii: "p"), UInt8(ascii: "k"), UInt8(ascii: "r"), UInt8(ascii: "i"):
      return !HeaderRules.isHopByHop(name) && !HeaderRules.isIdentity(name)
    default: return true
    }
  }

  private mutating func takesConnectionOrContent(
    _ name: UnsafeRawBufferPointer, _ line: HeadScanner.Line, _ bytes: UnsafeRawBufferPointer
  ) throws(HeadFault) -> Bool {
    if name.isEqualIgnoringCase("connection") {
      takeConnection(line.value, bytes)
      return false
    }
    if name.isEqualIgnoringCase("content-length") {
      guard !hasContentLength else { throw .duplicateContentLength }
      hasContentLength = true
      let length = try HeadScanner.contentLength(bytes[line.value])
      framing = length > 0 ? .length(length) : .none
      return true
    }
    return !HeaderRules.isIdentity(name)
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
      } else if option.isEqualIgnoringCase("upgrade") {
        hasUpgradeOption = true
      } else {
        others = true
      }
    }
    if others {
      namesOtherFields = true
      connection.append(value)
    }
  }

  private mutating func takesTransferOrTrace(
    _ name: UnsafeRawBufferPointer, _ line: HeadScanner.Line, _ bytes: UnsafeRawBufferPointer
  ) throws(HeadFault) -> Bool {
    if name.isEqualIgnoringCase("transfer-encoding") {
      guard !hasTransferEncoding, !isVersion10, bytes[line.value].isEqualIgnoringCase("chunked") else {
        throw .unsupportedTransferEncoding
      }
      hasTransferEncoding = true
      return false
    }
    if name.isEqualIgnoringCase("traceparent") {
      traceparentCount += 1
      traceparent = traceparentCount == 1 ? line.value : nil
      return false
    }
    if name.isEqualIgnoringCase("tracestate") {
      tracestate.append(line.value)
      return false
    }
    return !name.isEqualIgnoringCase("te") && !HeaderRules.isIdentity(name)
  }

  private mutating func takesExtension(_ name: UnsafeRawBufferPointer, _ line: HeadScanner.Line) -> Bool {
    if name.isEqualIgnoringCase("x-request-id") {
      requestID = requestID == nil ? line.value : .empty
    } else if name.isEqualIgnoringCase("x-request-timeout-ms") {
      requestTimeout = requestTimeout == nil ? line.value : .empty
    } else if name.isEqualIgnoringCase("x-forwarded-for") {
      forwardedFor.append(line.value)
    } else if name.isEqualIgnoringCase("x-forwarded-proto") {
      forwardedProto = forwardedProto == nil ? line.value : .empty
    } else if name.isEqualIgnoringCase("x-forwarded-host") {
      forwardedHost = forwardedHost == nil ? line.value : .empty
    } else {
      return !HeaderRules.isIdentity(name)
    }
    return false
  }

  private mutating func finish(_ bytes: UnsafeRawBufferPointer) throws(HeadFault) {
    guard !(hasContentLength && hasTransferEncoding) else { throw .twoFramings }
    if hasTransferEncoding { framing = .chunked }
    guard let host else {
      guard isVersion10 else { throw .missingHost }
      guard target.authority == nil else { throw .authorityMismatch }
      return try removeNamedLines(bytes)
    }
    if let authority = target.authority, !bytes[authority].isEqualIgnoringCase(bytes[host]) {
      throw .authorityMismatch
    }
    if isVersion10 { expectsContinue = false }
    upgradesToWebSocket =
      hasUpgradeOption && hasWebSocketUpgrade && method == .get && !isVersion10 && framing == .none
    try removeNamedLines(bytes)
  }

  private mutating func removeNamedLines(_ bytes: UnsafeRawBufferPointer) throws(HeadFault) {
    guard namesOtherFields else { return }
    try kept.removeLines(named: connection, in: bytes)
  }
}
