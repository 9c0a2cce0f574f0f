/// A request target (RFC 9112 §3.2), checked: where its path and query are.
///
/// Origin form is taken, and absolute form (§3.2.2) so far as it names the same authority as Host. The path must be
/// in the one form that everybody reads alike: no dot segment, no empty segment but a last one, no backslash, nothing
/// percent-encoded that is unreserved (RFC 3986 §2.3: never needed), and no encoded slash, backslash or control
/// character. So the path that routes are matched against is the path that the upstream sees, but for parameters
/// (`/a;v=1`), which some servers take away: whether it has any is told.
struct RequestTarget: Equatable {
  /// Empty in absolute form without a path, which stands for `/`.
  var path = ByteRange.empty
  /// With its `?`; empty where there is none.
  var query = ByteRange.empty
  /// The authority of the absolute form.
  var authority: ByteRange?
  /// Whether the path has a `;`, encoded or not: for servlets the segment ends there (RFC 3986 §3.3).
  var hasParameters = false

  static func parse(_ bytes: UnsafeRawBufferPointer, _ range: ByteRange) throws(HeadFault) -> RequestTarget {
    var target = RequestTarget()
    var start = range.start
    guard start < range.end else { throw .malformedTarget }
    if bytes[start] != Octet.slash {
      let authority = try authority(bytes, range)
      target.authority = authority
      start = authority.end
    }
    let pathEnd = try checkPath(bytes, ByteRange(start, range.end), &target.hasParameters)
    target.path = ByteRange(start, pathEnd)
    for index in pathEnd..<range.end {
      let byte = bytes[index]
      guard byte > 0x20, byte < 0x7F, byte != Octet.hash else { throw .malformedTarget }
    }
    target.query = ByteRange(pathEnd, range.end)
    return target
  }

  private static func authority(_ bytes: UnsafeRawBufferPointer, _ range: ByteRange) throws(HeadFault) -> ByteRange {
    let whole = bytes[range]
    let scheme = whole.hasPrefixIgnoringCase("http://") ? 7 : whole.hasPrefixIgnoringCase("https://") ? 8 : 0
    guard scheme > 0 else { throw .malformedTarget }
    let start = range.start + scheme
    var end = start
    while end < range.end, bytes[end] != Octet.slash, bytes[end] != Octet.question { end += 1 }
    guard end > start, Authority.isWellFormed(bytes[ByteRange(start, end)]) else { throw .malformedTarget }
    return ByteRange(start, end)
  }

  /// Where the path ends: at `?` or at the range's end.
  @inline(__always)
  private static func checkPath(
    _ bytes: UnsafeRawBufferPointer, _ range: ByteRange, _ hasParameters: inout Bool
  ) throws(HeadFault) -> Int {
    var index = range.start
    var segment = index + 1
    while index < range.end {
      let byte = bytes[index]
      if Octet.isUnreserved(byte) {
        index += 1
      } else if byte == Octet.slash {
        if index > range.start { try checkSegment(bytes, ByteRange(segment, index)) }
        segment = index + 1
        index += 1
      } else if byte == Octet.question {
        break
      } else if byte == Octet.percent {
        try checkEncoded(bytes, index, range.end)
        if isSemicolon(bytes, index, range.end) { hasParameters = true }
        index += 3
      } else {
        try checkReserved(byte)
        if byte == Octet.semicolon { hasParameters = true }
        index += 1
      }
    }
    // A last segment may be empty: `/a/` is a path of its own.
    if segment < index { try checkSegment(bytes, ByteRange(segment, index)) }
    return index
  }

  /// Empty, `.`, `..` and those that are one of them without their parameters (`;x`, `..;x`).
  @inline(__always)
  private static func checkSegment(_ bytes: UnsafeRawBufferPointer, _ segment: ByteRange) throws(HeadFault) {
    guard !segment.isEmpty else { throw .pathNotNormal }
    var index = segment.start
    while index < segment.end, index < segment.start + 2, bytes[index] == Octet.dot { index += 1 }
    if index == segment.end || isSemicolon(bytes, index, segment.end) { throw .pathNotNormal }
  }

  /// Whether there is a `;`, encoded or not.
  @inline(__always)
  private static func isSemicolon(_ bytes: UnsafeRawBufferPointer, _ index: Int, _ end: Int) -> Bool {
    if bytes[index] == Octet.semicolon { return true }
    return bytes[index] == Octet.percent && index + 2 < end && bytes[index + 1] == UInt8(ascii: "3")
      && bytes[index + 2] | 0x20 == UInt8(ascii: "b")
  }

  /// A path as a server has it that takes away each segment's parameters, whether it decodes before or after.
  static func withoutParameters(_ path: UnsafeRawBufferPointer) -> [UInt8] {
    var isParameter = false
    return path.indices.compactMap { index in
      if path[index] == Octet.slash {
        isParameter = false
      } else if isSemicolon(path, index, path.count) {
        isParameter = true
      }
      return isParameter ? nil : path[index]
    }
  }

  private static func checkEncoded(
    _ bytes: UnsafeRawBufferPointer, _ index: Int, _ end: Int
  ) throws(HeadFault) {
    guard index + 2 < end, let high = Octet.hexValue(bytes[index + 1]), let low = Octet.hexValue(bytes[index + 2])
    else { throw .malformedTarget }
    let octet = high << 4 | low
    if octet < 0x20 || octet == 0x7F || octet == Octet.slash || octet == UInt8(ascii: "\\")
      || Octet.isUnreserved(octet)
    {
      throw .pathNotNormal
    }
  }

  /// What is neither unreserved nor in need of encoding: `pchar` and what browsers leave as it is.
  private static func checkReserved(_ byte: UInt8) throws(HeadFault) {
    switch byte {
    case UInt8(ascii: "\\"): throw .pathNotNormal
    case UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("),
      UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"),
      UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "["), UInt8(ascii: "]"),
      UInt8(ascii: "|"):
      return
    default: throw .malformedTarget
    }
  }
}

/// `host[:port]` (RFC 9110 §7.2, RFC 3986 §3.2.2), without user information.
enum Authority {
  static func isWellFormed(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard !bytes.isEmpty, bytes.count <= 261 else { return false }
    var index = 0
    if bytes[0] == UInt8(ascii: "[") {
      index = 1
      while index < bytes.count,
        Octet.hexValue(bytes[index]) != nil || bytes[index] == Octet.colon
          || bytes[index] == Octet.dot
      { index += 1 }
      guard index > 2, index < bytes.count, bytes[index] == UInt8(ascii: "]") else { return false }
      index += 1
    } else {
      while index < bytes.count, Octet.isUnreserved(bytes[index]) { index += 1 }
      guard index > 0 else { return false }
    }
    guard index < bytes.count else { return true }
    guard bytes[index] == Octet.colon, bytes.count - index <= 6 else { return false }
    return bytes[(index + 1)...].allSatisfy(Octet.isDigit)
  }

  /// The host without its port.
  static func host(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var end = bytes.count
    while end > 0, Octet.isDigit(bytes[end - 1]) { end -= 1 }
    guard end > 0, bytes[end - 1] == Octet.colon else { return bytes }
    return bytes[ByteRange(0, end - 1)]
  }
}
