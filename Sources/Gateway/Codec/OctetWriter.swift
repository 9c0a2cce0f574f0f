import NIOCore

/// Puts octets together piece by piece, and hands them on in one go.
///
/// A `ByteBuffer` checks at every write that nobody else has it or is looking at it, which for pieces of a few octets is
/// most of the work.
struct OctetWriter {
  private var room: UnsafeMutableRawBufferPointer
  private(set) var count = 0
  /// Whether the room was made here, as the one that was given had become too small.
  private var isOwn = false

  private init(_ room: UnsafeMutableRawBufferPointer) { self.room = room }

  /// Calls `body`, and then `use` with what that has written.
  ///
  /// - Parameter room: Octets that are likely enough; there may be more.
  @inline(__always)
  static func with<Result>(
    room: Int, _ body: (inout OctetWriter) -> Void, use: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    withUnsafeTemporaryAllocation(byteCount: room, alignment: 8) { room in
      var writer = OctetWriter(room)
      defer { writer.release() }
      body(&writer)
      return use(UnsafeRawBufferPointer(rebasing: writer.room[..<writer.count]))
    }
  }

  /// Appends what `body` writes to `output`.
  @inline(__always)
  static func append(to output: inout ByteBuffer, room: Int = 1_024, _ body: (inout OctetWriter) -> Void) {
    _ = with(room: room, body) { output.writeBytes($0) }
  }

  private func release() { if isOwn { room.deallocate() } }

  @inline(__always)
  private mutating func reserve(_ more: Int) {
    if room.count - count < more { grow(more) }
  }

  private mutating func grow(_ more: Int) {
    let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(2 * room.count, count + more), alignment: 8)
    larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: room[..<count]))
    release()
    (room, isOwn) = (larger, true)
  }

  // MARK: - Pieces

  @inline(__always)
  mutating func write(_ bytes: UnsafeRawBufferPointer) {
    reserve(bytes.count)
    UnsafeMutableRawBufferPointer(rebasing: room[count..<count + bytes.count]).copyMemory(from: bytes)
    count += bytes.count
  }

  @inline(__always)
  mutating func write(_ text: StaticString) {
    write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  @inline(__always)
  mutating func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }

  mutating func writeText(_ text: String) { text.withBytes { write($0) } }

  mutating func write(_ buffer: ByteBuffer) { buffer.withUnsafeReadableBytes { write($0) } }

  /// Sixteen lower-case hexadecimal digits.
  mutating func writeHex(_ value: UInt64) {
    reserve(16)
    for index in 0..<16 {
      let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - index * 4)) & 0xF
      room[count + index] = digit < 10 ? 0x30 + digit : 0x57 + digit
    }
    count += 16
  }

  /// `value` in decimal, of `digits` at least; negative is written as 0.
  mutating func writeDecimal(_ value: Int, digits least: Int = 1) {
    var rest = max(0, value)
    var digits = 1
    var probe = rest
    while probe >= 10 {
      probe /= 10
      digits += 1
    }
    digits = max(digits, least)
    reserve(digits)
    for index in stride(from: count + digits - 1, through: count, by: -1) {
      room[index] = 0x30 + UInt8(rest % 10)
      rest /= 10
    }
    count += digits
  }
}
