import NIOCore

/// The head of an HTTP/2 request, as one of HTTP/1.1: all that decides about requests reads that one form.
///
/// HTTP/2's fields are lengths and octets, HTTP/1.1's are lines. So whatever could be taken for the end of a line, for
/// another field or for other framing is refused here (RFC 9113 §8.2, §8.3, §10.3), before anything is written that
/// somebody reads. What is left is checked as any head is (``RequestHead``).
struct HTTP2RequestHead {
  private let limits: HeadLimits
  /// Octets of what HTTP/1.1 has in another place than HTTP/2, where the ranges say.
  private var kept = ByteBuffer()
  private var method: ByteRange?
  private var path: ByteRange?
  private var scheme: ByteRange?
  private var authority: ByteRange?
  private var hasHost = false
  private var contentLength: Int?
  private var cookies: ByteBuffer?
  private var listBytes = 0
  private var wroteRequestLine = false
  private var fault: HeadFault?
  /// Of a request with a fault, too: what its messages are in, where it is a call of gRPC.
  private(set) var grpcType: [UInt8]?

  init(_ limits: HeadLimits) { self.limits = limits }

  var isHEAD: Bool { method.map { keeps($0, "HEAD") } ?? false }

  /// Takes the next field. What is no field is told by ``finish(endsStream:into:)``: the rest of the block has to be read
  /// all the same.
  mutating func take(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, into output: inout ByteBuffer
  ) {
    if name.isEqual("content-type") { grpcType = GRPCContentType.read(value) }
    guard fault == nil else { return }
    do throws(HeadFault) {
      // As SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 §6.5.2): never less than what is written for it.
      listBytes += name.count + value.count + 32
      guard listBytes <= limits.headBytes else { throw .headTooLarge }
      if name.first == Octet.colon {
        try takePseudo(name, value)
      } else {
        if !wroteRequestLine { try writeRequestLine(into: &output) }
        try takeField(name, value, into: &output)
      }
    } catch {
      fault = error
    }
  }

  // MARK: - Pseudo-header fields

  private mutating func takePseudo(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
  ) throws(HeadFault) {
    guard !wroteRequestLine else { throw .malformedPseudoField }
    let range = ByteRange(kept.readableBytes, kept.readableBytes + value.count)
    func set(_ field: inout ByteRange?) throws(HeadFault) {
      guard field == nil else { throw .malformedPseudoField }
      field = range
    }
    if name.isEqual(":method") {
      try set(&method)
    } else if name.isEqual(":path") {
      try set(&path)
    } else if name.isEqual(":scheme") {
      try set(&scheme)
    } else if name.isEqual(":authority") {
      try set(&authority)
    } else {
      throw .malformedPseudoField
    }
    kept.writeBytes(value)
  }

  private func keeps(_ range: ByteRange, _ text: StaticString) -> Bool {
    kept.withUnsafeReadableBytes { $0[range].isEqual(text) }
  }

  private mutating func writeRequestLine(into output: inout ByteBuffer) throws(HeadFault) {
    wroteRequestLine = true
    guard let method else { throw .malformedPseudoField }
    try kept.withUnsafeReadableBytes { (bytes) throws(HeadFault) in
      let method = bytes[method]
      guard (1...32).contains(method.count), method.allSatisfy(Octet.isToken) else { throw .malformedRequestLine }
      // CONNECT has neither path nor scheme (RFC 9113 §8.5), and asks for a tunnel to anywhere.
      guard !method.isEqual("CONNECT") else { throw .unknownMethod }
      guard let path = path.map({ bytes[$0] }), let scheme = scheme.map({ bytes[$0] }) else {
        throw .malformedPseudoField
      }
      guard scheme.isEqual("https") || scheme.isEqual("http") else { throw .malformedPseudoField }
      guard path.count <= limits.targetBytes else { throw .targetTooLong }
      guard path.first == Octet.slash, path.allSatisfy({ $0 > Octet.space && $0 != 0x7F }) else {
        throw .malformedTarget
      }
      output.writeBytes(method)
      output.writeStaticString(" ")
      output.writeBytes(path)
      output.writeStaticString(" HTTP/1.1\r\nconnection: close\r\n")
      if let authority { try Self.writeHost(bytes[authority], into: &output) }
    }
  }

  private static func writeHost(_ name: UnsafeRawBufferPointer, into output: inout ByteBuffer) throws(HeadFault) {
    guard Authority.isWellFormed(name) else { throw .malformedHost }
    output.writeStaticString("host: ")
    output.writeBytes(name)
    output.writeStaticString("\r\n")
  }

  // MARK: - Fields

  private mutating func takeField(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, into output: inout ByteBuffer
  ) throws(HeadFault) {
    guard HTTP2Field.isName(name), HTTP2Field.isValue(value) else { throw .malformedHeader }
    guard !HTTP2Field.isOfConnection(name) else { throw .connectionField }
    switch name.count {
    case 2 where name.isEqual("te"):
      // Of one connection; this one kind is allowed (RFC 9113 §8.2.2), and ends here.
      guard value.isEqual("trailers") else { throw .connectionField }
    case 4 where name.isEqual("host"): try takeHost(value, into: &output)
    case 14 where name.isEqual("content-length"):
      guard contentLength == nil else { throw .duplicateContentLength }
      contentLength = try HeadScanner.contentLength(value)
    case 6 where name.isEqual("cookie"):
      // Browsers send one field for each, HTTP/1.1 knows but one (RFC 9113 §8.2.3).
      if cookies == nil { cookies = ByteBuffer() } else { cookies?.writeStaticString("; ") }
      cookies?.writeBytes(value)
    default: HTTP2Field.write(name, value, into: &output)
    }
  }

  /// `Host` beside `:authority` says the same (RFC 9113 §8.3.1), or stands for it.
  private mutating func takeHost(
    _ value: UnsafeRawBufferPointer, into output: inout ByteBuffer
  ) throws(HeadFault) {
    guard !hasHost else { throw .duplicateHost }
    hasHost = true
    guard let authority else { return try Self.writeHost(value, into: &output) }
    let agrees = kept.withUnsafeReadableBytes { $0[authority].isEqualIgnoringCase(value) }
    guard agrees else { throw .authorityMismatch }
  }

  // MARK: - End

  /// Appends what ends the head, the last of its connection (`connection: close`): a stream has one request.
  ///
  /// - Parameter endsStream: Whether no body follows.
  /// - Returns: How the body's end is known, as the head says it.
  /// - Throws: ``HeadFault``; what is in `output` then means nothing.
  mutating func finish(endsStream: Bool, into output: inout ByteBuffer) throws(HeadFault) -> BodyFraming {
    if let fault { throw fault }
    if !wroteRequestLine { try writeRequestLine(into: &output) }
    guard authority != nil || hasHost else { throw .missingHost }
    if let cookies {
      output.writeStaticString("cookie: ")
      output.writeImmutableBuffer(cookies)
      output.writeStaticString("\r\n")
    }
    var framing = BodyFraming.none
    if let contentLength {
      // A length that no body follows is a mistake (RFC 9113 §8.1.1).
      guard contentLength == 0 || !endsStream else { throw .malformedContentLength }
      framing = contentLength > 0 ? .length(contentLength) : .none
      output.writeStaticString("content-length: ")
      output.writeString(String(contentLength))
      output.writeStaticString("\r\n")
    } else if !endsStream {
      framing = .chunked
      output.writeStaticString("transfer-encoding: chunked\r\n")
    }
    output.writeStaticString("\r\n")
    return framing
  }
}
