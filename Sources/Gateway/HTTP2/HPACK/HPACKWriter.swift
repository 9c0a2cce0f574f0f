/// Writes the two primitives of a header block (RFC 7541 §5) into room that was made before.
struct HPACKWriter {
  /// Octets that an integer may need.
  static let integerRoom = 10

  private let room: UnsafeMutableRawBufferPointer
  private(set) var count = 0

  /// - Parameter room: As large as all that will be written.
  init(_ room: UnsafeMutableRawBufferPointer) { self.room = room }

  /// An integer whose first part is the lowest `bits` bits of an octet (§5.1).
  ///
  /// - Parameter pattern: The other bits of that octet.
  @inline(__always)
  mutating func integer(_ value: Int, bits: UInt8, pattern: UInt8) {
    let limit = 0xFF >> (8 &- bits)
    guard value >= limit else {
      put(pattern | UInt8(truncatingIfNeeded: value))
      return
    }
    put(pattern | UInt8(truncatingIfNeeded: limit))
    var rest = value - limit
    while rest >= 0x80 {
      put(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    put(UInt8(truncatingIfNeeded: rest))
  }

  /// A string as it is.
  @inline(__always)
  mutating func plain(_ text: UnsafeRawBufferPointer) {
    integer(text.count, bits: 7, pattern: 0)
    UnsafeMutableRawBufferPointer(rebasing: room[count..<count + text.count]).copyMemory(from: text)
    count += text.count
  }

  /// A string in the shorter of its two forms (§5.2).
  mutating func shorter(_ text: UnsafeRawBufferPointer) {
    let length = HPACKHuffmanEncoding.shared.length(of: text)
    guard length < text.count else { return plain(text) }
    integer(length, bits: 7, pattern: 0x80)
    HPACKHuffmanEncoding.shared.encode(
      text, into: UnsafeMutableRawBufferPointer(rebasing: room[count..<count + length]))
    count += length
  }

  @inline(__always)
  private mutating func put(_ octet: UInt8) {
    room[count] = octet
    count += 1
  }
}
