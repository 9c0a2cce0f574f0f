import NIOCore
import NIOHPACK

/// The head of an HTTP/2 request, as one of HTTP/1.1: all that decides about requests reads that one form.
///
/// HTTP/2's fields are lengths and octets, HTTP/1.1's are lines. So whatever could be taken for the end of a line, for
/// another field or for other framing is refused here (RFC 9113 §8.2, §8.3, §10.3), before anything is written that
/// somebody reads. What is left is checked as any head is (``RequestHead``).
struct HTTP2RequestHead {
  private let limits: HeadLimits
  private var method: String?
  private var path: String?
  private var scheme: String?
  private var authority: String?
  private var host: String?
  private var contentLength: Int?
  private var cookies: ByteBuffer?
  private var listBytes = 0
  private var wroteRequestLine = false

  private init(_ limits: HeadLimits) { self.limits = limits }

  /// Appends the head to `output`, the last of its connection (`connection: close`): a stream has one request.
  ///
  /// - Parameter endsStream: Whether no body follows.
  /// - Returns: How the body's end is known, as the head says it.
  /// - Throws: ``HeadFault``; what is in `output` then means nothing.
  static func write(
    _ fields: HPACKHeaders, endsStream: Bool, limits: HeadLimits, into output: inout ByteBuffer
  ) throws(HeadFault) -> BodyFraming {
    var head = HTTP2RequestHead(limits)
    for (name, value, _) in fields {
      // As SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 §6.5.2): never less than what is written for it.
      head.listBytes += name.utf8.count + value.utf8.count + 32
      guard head.listBytes <= limits.headBytes else { throw .headTooLarge }
      if name.utf8.first == Octet.colon {
        try head.takePseudo(name, value)
      } else {
        if !head.wroteRequestLine { try head.writeRequestLine(into: &output) }
        try head.take(name, value, into: &output)
      }
    }
    if !head.wroteRequestLine { try head.writeRequestLine(into: &output) }
    return try head.finish(endsStream: endsStream, into: &output)
  }

  // MARK: - Pseudo-header fields

  private mutating func takePseudo(_ name: String, _ value: String) throws(HeadFault) {
    guard !wroteRequestLine else { throw .malformedPseudoField }
    switch name {
    case ":method": try Self.set(&method, value)
    case ":path": try Self.set(&path, value)
    case ":scheme": try Self.set(&scheme, value)
    case ":authority": try Self.set(&authority, value)
    default: throw .malformedPseudoField
    }
  }

  private static func set(_ field: inout String?, _ value: String) throws(HeadFault) {
    guard field == nil else { throw .malformedPseudoField }
    field = value
  }

  private mutating func writeRequestLine(into output: inout ByteBuffer) throws(HeadFault) {
    wroteRequestLine = true
    guard let method else { throw .malformedPseudoField }
    guard (1...32).contains(method.utf8.count), method.utf8.allSatisfy(Octet.isToken) else {
      throw .malformedRequestLine
    }
    // CONNECT has neither path nor scheme (RFC 9113 §8.5), and asks for a tunnel to anywhere.
    guard method != "CONNECT" else { throw .unknownMethod }
    guard let path, let scheme else { throw .malformedPseudoField }
    guard scheme == "https" || scheme == "http" else { throw .malformedPseudoField }
    guard path.utf8.count <= limits.targetBytes else { throw .targetTooLong }
    guard path.utf8.first == Octet.slash, path.utf8.allSatisfy({ $0 > Octet.space && $0 != 0x7F }) else {
      throw .malformedTarget
    }
    output.writeString(method)
    output.writeStaticString(" ")
    output.writeString(path)
    output.writeStaticString(" HTTP/1.1\r\nconnection: close\r\n")
    guard let authority else { return }
    try writeHost(authority, into: &output)
  }

  private func writeHost(_ name: String, into output: inout ByteBuffer) throws(HeadFault) {
    guard Self.isAuthority(name) else { throw .malformedHost }
    output.writeStaticString("host: ")
    output.writeString(name)
    output.writeStaticString("\r\n")
  }

  private static func isAuthority(_ text: String) -> Bool {
    text.withBytes { Authority.isWellFormed($0) }
  }

  // MARK: - Fields

  private mutating func take(_ name: String, _ value: String, into output: inout ByteBuffer) throws(HeadFault) {
    guard HTTP2Field.isName(name), HTTP2Field.isValue(value) else { throw .malformedHeader }
    guard !HTTP2Field.isOfConnection(name) else { throw .connectionField }
    switch name {
    case "te":
      // Of one connection; this one kind is allowed (RFC 9113 §8.2.2), and ends here.
      guard value == "trailers" else { throw .connectionField }
    case "host": try takeHost(value, into: &output)
    case "content-length":
      guard contentLength == nil else { throw .duplicateContentLength }
      let length: Result<Int, HeadFault> = value.withBytes { bytes in
        do throws(HeadFault) { return .success(try HeadScanner.contentLength(bytes)) } catch { return .failure(error) }
      }
      contentLength = try length.get()
    case "cookie":
      // Browsers send one field for each, HTTP/1.1 knows but one (RFC 9113 §8.2.3).
      if cookies == nil { cookies = ByteBuffer() } else { cookies?.writeStaticString("; ") }
      cookies?.writeString(value)
    default: HTTP2Field.write(name, value, into: &output)
    }
  }

  /// `Host` beside `:authority` says the same (RFC 9113 §8.3.1), or stands for it.
  private mutating func takeHost(_ value: String, into output: inout ByteBuffer) throws(HeadFault) {
    guard host == nil else { throw .duplicateHost }
    host = value
    guard let authority else { return try writeHost(value, into: &output) }
    let agrees = authority.withBytes { one in value.withBytes { one.isEqualIgnoringCase($0) } }
    guard agrees else { throw .authorityMismatch }
  }

  private func finish(endsStream: Bool, into output: inout ByteBuffer) throws(HeadFault) -> BodyFraming {
    guard authority != nil || host != nil else { throw .missingHost }
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
      output.writeDecimal(contentLength)
      output.writeStaticString("\r\n")
    } else if !endsStream {
      framing = .chunked
      output.writeStaticString("transfer-encoding: chunked\r\n")
    }
    output.writeStaticString("\r\n")
    return framing
  }
}

/// What HTTP/2's fields are made of (RFC 9113 §8.2).
enum HTTP2Field {
  /// A token without upper case.
  static func isName(_ name: String) -> Bool {
    let bytes = name.utf8
    return !bytes.isEmpty && bytes.allSatisfy { Octet.isToken($0) && !($0 >= 0x41 && $0 <= 0x5A) }
  }

  /// No control character but the tab, no white space at the ends.
  static func isValue(_ value: String) -> Bool {
    value.withBytes { bytes in
      guard let first = bytes.first, let last = bytes.last else { return true }
      guard first != Octet.space, first != Octet.tab, last != Octet.space, last != Octet.tab else { return false }
      return bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == Octet.tab }
    }
  }

  /// Fields that belong to one connection of HTTP/1.1 and make a message of HTTP/2 malformed (RFC 9113 §8.2.2).
  static func isOfConnection(_ name: String) -> Bool {
    switch name {
    case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "http2-settings": true
    default: false
    }
  }

  static func write(_ name: String, _ value: String, into output: inout ByteBuffer) {
    output.writeString(name)
    output.writeStaticString(": ")
    output.writeString(value)
    output.writeStaticString("\r\n")
  }
}

extension String {
  @inline(__always)
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    // Strings made of decoded octets lie in one piece; others are copied.
    utf8.withContiguousStorageIfAvailable { body(UnsafeRawBufferPointer($0)) } ?? Array(utf8).withUnsafeBytes(body)
  }
}
