import NIOCore

/// A mail as it goes behind DATA: every line ends with CR LF, a dot at a line's beginning is doubled (RFC 5321
/// §4.5.2), and a dot alone ends it.
///
/// A lone CR or LF never goes out: a server that takes one for a line's end could be made to see a second mail.
struct MailData: Sendable {
  /// Bytes of a line, without its end (RFC 5321 §4.5.3.1.6).
  static let longestLine = 998

  private(set) var buffer: ByteBuffer
  private(set) var hasLongLine = false
  /// Whether a header has bytes beyond ASCII, which wants SMTPUTF8 (RFC 6532).
  private(set) var hasUTF8Header = false
  private(set) var hasEightBit = false

  init(_ bytes: [UInt8]) {
    buffer = ByteBufferAllocator().buffer(capacity: bytes.count + bytes.count / 50 + 8)
    var (length, inHeader, index) = (0, true, 0)
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if byte == 13 || byte == 10 {
        if byte == 13, index < bytes.count, bytes[index] == 10 { index += 1 }
        if length == 0 { inHeader = false }
        endLine(&length)
        continue
      }
      if length == 0, byte == UInt8(ascii: ".") { buffer.writeInteger(byte) }
      if byte >= 0x80 {
        hasEightBit = true
        if inHeader { hasUTF8Header = true }
      }
      buffer.writeInteger(byte)
      length += 1
    }
    if length > 0 { endLine(&length) }
    buffer.writeStaticString(".\r\n")
  }

  private mutating func endLine(_ length: inout Int) {
    if length > Self.longestLine { hasLongLine = true }
    buffer.writeStaticString("\r\n")
    length = 0
  }
}
