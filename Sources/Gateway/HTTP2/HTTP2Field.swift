import NIOCore

/// What HTTP/2's fields are made of (RFC 9113 §8.2).
enum HTTP2Field {
  /// A token without upper case.
  @inline(__always)
  static func isName(_ name: UnsafeRawBufferPointer) -> Bool {
    !name.isEmpty && name.allSatisfy { Octet.isToken($0) && !($0 >= 0x41 && $0 <= 0x5A) }
  }

  /// No control character but the tab, no white space at the ends.
  @inline(__always)
  static func isValue(_ value: UnsafeRawBufferPointer) -> Bool {
    guard let first = value.first, let last = value.last else { return true }
    guard first != Octet.space, first != Octet.tab, last != Octet.space, last != Octet.tab else { return false }
    return value.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == Octet.tab }
  }

  /// Fields that belong to one connection of HTTP/1.1 and make a message of HTTP/2 malformed (RFC 9113 §8.2.2).
  static func isOfConnection(_ name: UnsafeRawBufferPointer) -> Bool {
    switch name.count {
    case 7: name.isEqual("upgrade")
    case 10: name.isEqual("connection") || name.isEqual("keep-alive")
    case 14: name.isEqual("http2-settings")
    case 16: name.isEqual("proxy-connection")
    case 17: name.isEqual("transfer-encoding")
    default: false
    }
  }

  /// In one go: each write to a buffer has a price of its own, which for a field is most of the work.
  static func write(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, into output: inout ByteBuffer) {
    let length = name.count + value.count + 4
    output.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { room in
      room[..<name.count].copy(name)
      room[name.count] = Octet.colon
      room[name.count + 1] = Octet.space
      room[(name.count + 2)...].copy(value)
      room[length - 2] = Octet.carriageReturn
      room[length - 1] = Octet.lineFeed
      return length
    }
  }

  // MARK: - As text

  static func isName(_ name: String) -> Bool { name.withBytes { isName($0) } }

  static func isValue(_ value: String) -> Bool { value.withBytes { isValue($0) } }

  static func isOfConnection(_ name: String) -> Bool { name.withBytes { isOfConnection($0) } }

  static func write(_ name: String, _ value: String, into output: inout ByteBuffer) {
    output.writeString(name)
    output.writeStaticString(": ")
    output.writeString(value)
    output.writeStaticString("\r\n")
  }
}

extension Slice<UnsafeMutableRawBufferPointer> {
  @inline(__always)
  fileprivate func copy(_ octets: UnsafeRawBufferPointer) {
    UnsafeMutableRawBufferPointer(rebasing: self).copyMemory(from: octets)
  }
}

extension UnsafeRawBufferPointer {
  /// Whether these octets are `text`, in this case of letters.
  @inline(__always)
  func isEqual(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    let expected = text.utf8Start
    for index in 0..<count where self[index] != expected[index] { return false }
    return true
  }
}

extension String {
  @inline(__always)
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    // Strings made of decoded octets lie in one piece; others are copied.
    utf8.withContiguousStorageIfAvailable { body(UnsafeRawBufferPointer($0)) } ?? Array(utf8).withUnsafeBytes(body)
  }
}
