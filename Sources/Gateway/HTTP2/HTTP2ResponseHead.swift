import NIOCore
import NIOHPACK

/// The head of an HTTP/2 answer, as one of HTTP/1.1: all that reads answers reads that one form.
///
/// Whatever could be taken for the end of a line, for another field or for other framing is refused here, before anything
/// is written that somebody reads (RFC 9113 §8.2, §8.3.2); see ``HTTP2RequestHead`` for the way in.
enum HTTP2ResponseHead {
  enum Kind: Equatable {
    /// 1xx; others follow.
    case interim
    /// How the body's end is known, as the head says it.
    case final(BodyFraming)
  }

  /// Appends the head to `output`. A final one is the last of its connection (`connection: close`): a stream has one
  /// answer.
  ///
  /// - Parameters:
  ///   - endsStream: Whether nothing follows.
  ///   - answersHEAD: Whether the request was HEAD.
  /// - Throws: ``HeadFault``; what is in `output` then means nothing.
  static func write(
    _ fields: HPACKHeaders, endsStream: Bool, answersHEAD: Bool, limits: HeadLimits, into output: inout ByteBuffer
  ) throws(HeadFault) -> Kind {
    let status = try writeStatusLine(fields, endsStream: endsStream, into: &output)
    var (contentLength, bytes): (Int?, Int) = (nil, 0)
    for (name, value, _) in fields.dropFirst() {
      bytes += name.utf8.count + value.utf8.count + 32
      guard bytes <= limits.headBytes else { throw .headTooLarge }
      guard HTTP2Field.isName(name), HTTP2Field.isValue(value) else { throw .malformedHeader }
      guard !HTTP2Field.isOfConnection(name) else { throw .connectionField }
      if name == "content-length" {
        guard contentLength == nil else { throw .duplicateContentLength }
        contentLength = try length(value)
      }
      HTTP2Field.write(name, value, into: &output)
    }
    guard status >= 200 else {
      output.writeStaticString("\r\n")
      return .interim
    }
    output.writeStaticString("connection: close\r\n")
    let framing = try framing(contentLength, status, endsStream: endsStream, answersHEAD: answersHEAD, into: &output)
    output.writeStaticString("\r\n")
    return .final(framing)
  }

  /// `:status` is the only pseudo-header field, and the first; a second one is no name of a field.
  private static func writeStatusLine(
    _ fields: HPACKHeaders, endsStream: Bool, into output: inout ByteBuffer
  ) throws(HeadFault) -> Int {
    guard let (name, value, _) = fields.first(where: { _ in true }), name == ":status", value.utf8.count == 3,
      let status = Int(value), (100...599).contains(status), value.utf8.allSatisfy(Octet.isDigit),
      // HTTP/2 has no switching of protocols (RFC 9113 §8.6), and no answer is only an interim one (§8.1).
      status != 101, status >= 200 || !endsStream
    else { throw .malformedStatusLine }
    output.writeStaticString("HTTP/1.1 ")
    output.writeString(value)
    output.writeStaticString(" \r\n")
    return status
  }

  private static func length(_ value: String) throws(HeadFault) -> Int {
    let length: Result<Int, HeadFault> = value.withBytes { bytes in
      do throws(HeadFault) { return .success(try HeadScanner.contentLength(bytes)) } catch { return .failure(error) }
    }
    return try length.get()
  }

  private static func framing(
    _ contentLength: Int?, _ status: Int, endsStream: Bool, answersHEAD: Bool, into output: inout ByteBuffer
  ) throws(HeadFault) -> BodyFraming {
    // What the length says of an answer without a body is of one with it (RFC 9110 §8.6).
    if answersHEAD || status == 204 || status == 304 { return .none }
    if let contentLength {
      guard contentLength == 0 || !endsStream else { throw .malformedContentLength }
      return contentLength > 0 ? .length(contentLength) : .none
    }
    if endsStream {
      output.writeStaticString("content-length: 0\r\n")
      return .none
    }
    output.writeStaticString("transfer-encoding: chunked\r\n")
    return .chunked
  }
}
