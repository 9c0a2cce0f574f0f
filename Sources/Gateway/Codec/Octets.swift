/// Octets by the names that RFC 9110 and RFC 9112 give them.
enum Octet {
  static let tab: UInt8 = 0x09
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let space: UInt8 = 0x20
  static let hash = UInt8(ascii: "#")
  static let percent = UInt8(ascii: "%")
  static let comma = UInt8(ascii: ",")
  static let dash = UInt8(ascii: "-")
  static let dot = UInt8(ascii: ".")
  static let slash = UInt8(ascii: "/")
  static let colon = UInt8(ascii: ":")
  static let semicolon = UInt8(ascii: ";")
  static let question = UInt8(ascii: "?")
  static let underscore = UInt8(ascii: "_")

  /// `tchar` (RFC 9110 §5.6.2), by a bit for each ASCII character: no table in memory, no branch.
  @inline(__always)
  static func isToken(_ byte: UInt8) -> Bool {
    // ! # $ % & ' * + - . 0-9 below 64; A-Z ^ _ ` a-z | ~ above.
    let bits: UInt64 = byte < 64 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
    return byte < 128 && bits >> UInt64(byte & 63) & 1 == 1
  }

  @inline(__always)
  static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  @inline(__always)
  static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

  /// `unreserved` (RFC 3986 §2.3).
  @inline(__always)
  static func isUnreserved(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || byte == dash || byte == dot || byte == underscore || byte == UInt8(ascii: "~")
  }

  /// The value of a hexadecimal digit, or nil.
  @inline(__always)
  static func hexValue(_ byte: UInt8) -> UInt8? {
    if isDigit(byte) { return byte &- 0x30 }
    let lower = byte | 0x20
    return lower >= 0x61 && lower <= 0x66 ? lower &- 0x57 : nil
  }
}

extension UnsafeRawBufferPointer {
  /// Whether these bytes are `text`, which is written in lower case, in any case.
  @inline(__always)
  func isEqualIgnoringCase(_ text: StaticString) -> Bool {
    count == text.utf8CodeUnitCount && hasPrefixIgnoringCase(text)
  }

  /// Whether these bytes begin with `text`, which is written in lower case, in any case.
  ///
  /// Only letters have a lower case 32 above the upper one; for the others (`-`, digits) bit 5 is set already, and a
  /// control character that would pass for them is no `tchar` and was refused before.
  @inline(__always)
  func hasPrefixIgnoringCase(_ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard count >= length else { return false }
    let expected = text.utf8Start
    for index in 0..<length where self[index] | 0x20 != expected[index] { return false }
    return true
  }

  /// Whether a comma-separated list (RFC 9110 §5.6.1) has the member `text`, which is written in lower case.
  func listContains(_ text: StaticString) -> Bool {
    var found = false
    forEachListMember { if self[$0].isEqualIgnoringCase(text) { found = true } }
    return found
  }

  /// Calls `body` with each non-empty member of a comma-separated list, without the white space around it.
  @inline(__always)
  func forEachListMember(_ body: (ByteRange) -> Void) {
    var index = 0
    while index < count {
      var end = index
      while end < count, self[end] != Octet.comma { end += 1 }
      let member = trimmed(ByteRange(index, end))
      if !member.isEmpty { body(member) }
      index = end + 1
    }
  }

  /// `range` without optional white space (RFC 9110 §5.6.3) at its ends.
  @inline(__always)
  func trimmed(_ range: ByteRange) -> ByteRange {
    var (start, end) = (range.start, range.end)
    while start < end, self[start] == Octet.space || self[start] == Octet.tab { start += 1 }
    while end > start, self[end - 1] == Octet.space || self[end - 1] == Octet.tab { end -= 1 }
    return ByteRange(start, end)
  }
}
