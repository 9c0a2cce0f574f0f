import NIOCore

/// Heads and trailers of HTTP/1.1, as the fields that HTTP/2 has for them.
///
/// They are what the gateway wrote, whose lines were checked when they came.
enum HTTP2Lines {
  /// What a head says of its message.
  struct Summary {
    /// Of a request, 200.
    var status = 200
    /// Content-Length.
    var length: Int?
    var isChunked = false
  }

  static func summary(_ head: UnsafeRawBufferPointer, isRequest: Bool) throws(HeadFault) -> Summary {
    var summary = Summary()
    if !isRequest { summary.status = try status(head) }
    try forEachLine(head, from: firstLineEnd(head)) { (name, value) throws(HeadFault) in
      if name.isEqualIgnoringCase("content-length") {
        summary.length = try HeadScanner.contentLength(value)
      } else if name.isEqualIgnoringCase("transfer-encoding") {
        summary.isChunked = true
      }
    }
    return summary
  }

  static func status(_ head: UnsafeRawBufferPointer) throws(HeadFault) -> Int {
    guard head.count >= 14, head[ByteRange(0, 9)].isEqual("HTTP/1.1 "), head[9] >= 0x31, head[9] <= 0x35,
      Octet.isDigit(head[10]), Octet.isDigit(head[11])
    else { throw .malformedStatusLine }
    let status = Int(head[9] - 48) * 100 + Int(head[10] - 48) * 10 + Int(head[11] - 48)
    // HTTP/2 has no switching of protocols (RFC 9113 §8.6).
    guard status != 101 else { throw .malformedStatusLine }
    return status
  }

  /// Where the first line of a head ends.
  static func firstLineEnd(_ head: UnsafeRawBufferPointer) -> Int {
    var index = 0
    while index < head.count, head[index] != Octet.lineFeed { index += 1 }
    return index + 1
  }

  /// Calls `each` with the fields that travel on, their names in lower case.
  ///
  /// - Parameter start: Where the first line of a field begins.
  static func forEachField(
    _ lines: UnsafeRawBufferPointer, from start: Int, isRequest: Bool,
    _ each: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ indexing: HPACKEncoder.Indexing) -> Void
  ) throws(HeadFault) {
    try forEachLine(lines, from: start) { (name, value) in
      guard name.contains(where: { $0 >= 0x41 && $0 <= 0x5A }) else {
        if !isLeftOut(name, isRequest: isRequest) { each(name, value, indexing(name)) }
        return
      }
      withUnsafeTemporaryAllocation(byteCount: name.count, alignment: 1) { lowered in
        for index in 0..<name.count {
          let byte = name[index]
          lowered[index] = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
        }
        let name = UnsafeRawBufferPointer(lowered)
        if !isLeftOut(name, isRequest: isRequest) { each(name, value, indexing(name)) }
      }
    }
  }

  /// Reads the lines up to the empty one that ends them.
  @inline(__always)
  private static func forEachLine(
    _ lines: UnsafeRawBufferPointer, from start: Int,
    _ each: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(HeadFault) -> Void
  ) throws(HeadFault) {
    var index = start
    while index < lines.count - 2 {
      let line = try HeadScanner.line(lines, at: index)
      index = line.next
      try each(lines[line.name], lines[line.value])
    }
  }

  /// What HTTP/1.1 says of its connection, and what HTTP/2 says in another place.
  @inline(__always)
  private static func isLeftOut(_ name: UnsafeRawBufferPointer, isRequest: Bool) -> Bool {
    switch name.count {
    case 2: isRequest && name.isEqual("te")
    case 4: isRequest && name.isEqual("host")
    default: HTTP2Field.isOfConnection(name)
    }
  }

  /// What differs with every message would only push the rest out of what both sides remember; what is secret is not to be
  /// guessed from how well it compresses (RFC 7541 §7.1.3).
  private static func indexing(_ name: UnsafeRawBufferPointer) -> HPACKEncoder.Indexing {
    switch name.count {
    case 4 where name.isEqual("etag"), 8 where name.isEqual("location"), 9 where name.isEqual("ratelimit"),
      9 where name.isEqual("forwarded"), 10 where name.isEqual("tracestate"), 11 where name.isEqual("traceparent"),
      12 where name.isEqual("x-request-id") || name.isEqual("grpc-message") || name.isEqual("grpc-timeout"),
      13 where name.isEqual("last-modified"), 14 where name.isEqual("content-length"),
      15 where name.isEqual("x-forwarded-for") || name.isEqual("idempotency-key"),
      20 where name.isEqual("x-request-timeout-ms"):
      .nonIndexable
    case 6 where name.isEqual("cookie"), 10 where name.isEqual("set-cookie"), 13 where name.isEqual("authorization"),
      18 where name.isEqual("proxy-authenticate"):
      .neverIndexed
    default: .indexable
    }
  }
}

// MARK: - Requests

extension HTTP2Lines {
  struct RequestLine {
    var method: ByteRange
    var target: ByteRange
    /// Where the first line of a field begins.
    var end: Int
  }

  static func requestLine(_ head: UnsafeRawBufferPointer) -> RequestLine? {
    let end = firstLineEnd(head)
    guard let first = head.firstIndex(of: Octet.space), first < end,
      let second = head[(first + 1)...].firstIndex(of: Octet.space), second < end
    else { return nil }
    return RequestLine(method: ByteRange(0, first), target: ByteRange(first + 1, second), end: end)
  }

  /// The value of `Host`.
  static func host(_ head: UnsafeRawBufferPointer, from start: Int) -> ByteRange? {
    var index = start
    while index < head.count - 2, let line = try? HeadScanner.line(head, at: index) {
      if head[line.name].isEqualIgnoringCase("host") { return line.value }
      index = line.next
    }
    return nil
  }
}
