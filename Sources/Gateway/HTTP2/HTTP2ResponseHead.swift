import NIOCore

/// The head of an HTTP/2 answer, as one of HTTP/1.1: all that reads answers reads that one form.
///
/// Whatever could be taken for the end of a line, for another field or for other framing is refused here, before anything
/// is written that somebody reads (RFC 9113 §8.2, §8.3.2); see ``HTTP2RequestHead`` for the way in.
struct HTTP2ResponseHead {
  enum Kind: Equatable {
    /// 1xx; others follow.
    case interim
    /// The body that follows, framed as the head says it.
    case final(HTTP2Body)
  }

  private let limits: HeadLimits
  private var status: Int?
  private var contentLength: Int?
  private var expectsTrailers = false
  private var listBytes = 0
  private var fault: HeadFault?

  init(_ limits: HeadLimits) { self.limits = limits }

  /// Takes the next field. What is no field is told by ``finish(endsStream:answersHEAD:into:)``: the rest of the block has
  /// to be read all the same.
  mutating func take(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, into output: inout ByteBuffer
  ) {
    guard fault == nil else { return }
    do throws(HeadFault) {
      guard status != nil else { return try takeStatus(name, value, into: &output) }
      listBytes += name.count + value.count + 32
      guard listBytes <= limits.headBytes else { throw .headTooLarge }
      // A second pseudo-header field is no name of a field.
      guard HTTP2Field.isName(name), HTTP2Field.isValue(value) else { throw .malformedHeader }
      guard !HTTP2Field.isOfConnection(name) else { throw .connectionField }
      switch name.count {
      case 14 where name.isEqual("content-length"):
        guard contentLength == nil else { throw .duplicateContentLength }
        contentLength = try HeadScanner.contentLength(value)
        // Written last, if at all.
        return
      case 7 where name.isEqual("trailer"): expectsTrailers = true
      case 12 where name.isEqual("content-type"):
        if GRPCContentType.read(value) != nil { expectsTrailers = true }
      default: break
      }
      HTTP2Field.write(name, value, into: &output)
    } catch {
      fault = error
    }
  }

  /// `:status` is the only pseudo-header field, and the first.
  private mutating func takeStatus(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, into output: inout ByteBuffer
  ) throws(HeadFault) {
    guard name.isEqual(":status"), value.count == 3, value.allSatisfy(Octet.isDigit) else {
      throw .malformedStatusLine
    }
    let number = value.reduce(0) { $0 * 10 + Int($1 &- 0x30) }
    // HTTP/2 has no switching of protocols (RFC 9113 §8.6).
    guard (100...599).contains(number), number != 101 else { throw .malformedStatusLine }
    status = number
    output.writeStaticString("HTTP/1.1 ")
    output.writeBytes(value)
    output.writeStaticString(" \r\n")
  }

  /// Appends what ends the head. A final one is the last of its connection (`connection: close`): a stream has one answer.
  ///
  /// - Parameters:
  ///   - endsStream: Whether nothing follows.
  ///   - answersHEAD: Whether the request was HEAD.
  /// - Throws: ``HeadFault``; what is in `output` then means nothing.
  mutating func finish(
    endsStream: Bool, answersHEAD: Bool, into output: inout ByteBuffer
  ) throws(HeadFault) -> Kind {
    if let fault { throw fault }
    guard let status else { throw .malformedStatusLine }
    guard status >= 200 else {
      // No answer is only an interim one (RFC 9113 §8.1).
      guard !endsStream else { throw .malformedStatusLine }
      output.writeStaticString("\r\n")
      return .interim
    }
    output.writeStaticString("connection: close\r\n")
    let body = try body(status, endsStream: endsStream, answersHEAD: answersHEAD, into: &output)
    output.writeStaticString("\r\n")
    return .final(body)
  }

  private func body(
    _ status: Int, endsStream: Bool, answersHEAD: Bool, into output: inout ByteBuffer
  ) throws(HeadFault) -> HTTP2Body {
    // What the length says of an answer without a body is of one with it (RFC 9110 §8.6).
    if answersHEAD || status == 204 || status == 304 {
      if let contentLength { Self.writeLength(contentLength, into: &output) }
      return HTTP2Body(.none)
    }
    if endsStream {
      guard contentLength ?? 0 == 0 else { throw .malformedContentLength }
      Self.writeLength(0, into: &output)
      return HTTP2Body(.none)
    }
    // HTTP/1.1 has trailers behind chunks only, so that their length is counted and not said.
    guard let contentLength, !expectsTrailers else {
      output.writeStaticString("transfer-encoding: chunked\r\n")
      return HTTP2Body(chunksOf: contentLength)
    }
    Self.writeLength(contentLength, into: &output)
    return HTTP2Body(contentLength > 0 ? .length(contentLength) : .none)
  }

  private static func writeLength(_ length: Int, into output: inout ByteBuffer) {
    output.writeStaticString("content-length: ")
    output.writeString(String(length))
    output.writeStaticString("\r\n")
  }
}
