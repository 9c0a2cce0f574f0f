import NIOCore

/// A trailer section (RFC 9112 §7.1.2): gathered whole, then let through line by line, so that no trailer can become
/// a field that the head may not have.
struct TrailerSection {
  /// Bytes that a trailer section may have.
  static let maximumBytes = 8_192
  private var gathered = ByteBuffer()

  init() {}

  enum Progress: Equatable {
    case needsMore
    /// The lines to send on, the closing empty line included.
    case complete(ByteBuffer)
  }

  /// Takes from `input` what belongs to the section.
  ///
  /// - Throws: ``HeadFault`` for a line that is no field, or a section that is too long.
  mutating func take(_ input: inout ByteBuffer) throws(HeadFault) -> Progress {
    if gathered.readableBytes == 0, input.readableBytes >= 2, input.getInteger(at: input.readerIndex) == lineEnd {
      return .complete(input.readSlice(length: 2)!)
    }
    let before = gathered.readableBytes
    gathered.writeImmutableBuffer(input)
    guard let length = try Self.sectionLength(gathered) else {
      guard gathered.readableBytes <= Self.maximumBytes else { throw .headTooLarge }
      input.moveReaderIndex(to: input.writerIndex)
      return .needsMore
    }
    guard length <= Self.maximumBytes else { throw .headTooLarge }
    input.moveReaderIndex(forwardBy: length - before)
    let result = try Self.filtered(gathered, length)
    gathered.clear()
    return .complete(result)
  }

  private var lineEnd: UInt16 { 0x0D0A }

  private static func sectionLength(_ buffer: ByteBuffer) throws(HeadFault) -> Int? {
    try buffer.withUnsafeReadableBytes { (bytes) throws(HeadFault) -> Int? in
      try HeadScanner.headLength(bytes)
    }
  }

  private static func filtered(_ buffer: ByteBuffer, _ length: Int) throws(HeadFault) -> ByteBuffer {
    var result = ByteBufferAllocator().buffer(capacity: length)
    try buffer.withUnsafeReadableBytes { (bytes) throws(HeadFault) in
      var index = 0
      while index < length - 2 {
        let line = try HeadScanner.line(bytes, at: index)
        if !line.hasUnderscore, !HeaderRules.isForbiddenInTrailers(bytes[line.name]) {
          result.writeBytes(bytes[ByteRange(index, line.next)])
        }
        index = line.next
      }
    }
    result.writeStaticString("\r\n")
    return result
  }
}
