/// Finds where a chunked body ends (RFC 9112 §7.1) without decoding it, and refuses what two readers might read
/// differently.
struct ChunkScanner: Sendable, Equatable {
  /// Bytes of chunk extensions that a body may have in all.
  static let maximumExtensionBytes = 16_384

  private enum State: Sendable, Equatable {
    case sizeStart, size, extensionText, sizeLineFeed, data, dataReturn, dataLineFeed
    /// The last chunk's line is through; the trailer section follows.
    case trailers
  }
  private var state = State.sizeStart
  private var left = 0
  private var digits = 0
  private var extensionBytes = 0
  /// Bytes of content so far, without framing.
  private(set) var contentBytes = 0

  init() {}

  /// Whether the last chunk's line is through, so that what follows is the trailer section.
  var isAtTrailers: Bool { state == .trailers }

  /// Bytes of the present chunk's content that are still to come.
  var contentLeft: Int { state == .data ? left : 0 }

  struct Malformed: Error {}

  /// Goes on through `bytes`, which follow what earlier calls took.
  ///
  /// - Returns: How many of the bytes belong to chunks; fewer than all only when ``isAtTrailers``.
  /// - Throws: ``Malformed`` for a size that is no hexadecimal number below 2⁶⁰, white space around it, extensions of
  ///   more than ``maximumExtensionBytes`` or with control characters, or a chunk without its CR LF.
  @inline(__always)
  mutating func scan(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Int {
    try scan(bytes) { _ in }
  }

  /// As ``scan(_:)``; calls `content` with each run of bytes that is content.
  @inline(__always)
  mutating func scan(
    _ bytes: UnsafeRawBufferPointer, content: (ByteRange) -> Void
  ) throws(Malformed) -> Int {
    var index = 0
    while index < bytes.count {
      switch state {
      case .trailers: return index
      case .data:
        let taken = min(left, bytes.count - index)
        content(ByteRange(index, index + taken))
        index += taken
        left -= taken
        contentBytes += taken
        if left == 0 { state = .dataReturn }
      default:
        try step(bytes[index])
        index += 1
      }
    }
    return index
  }

  private mutating func step(_ byte: UInt8) throws(Malformed) {
    switch state {
    case .sizeStart, .size:
      if let digit = Octet.hexValue(byte) {
        digits += 1
        guard digits <= 15 else { throw Malformed() }
        left = left << 4 | Int(digit)
        state = .size
      } else if state == .size, byte == Octet.carriageReturn {
        state = .sizeLineFeed
      } else if state == .size, byte == Octet.semicolon {
        state = .extensionText
      } else {
        throw Malformed()
      }
    case .extensionText:
      extensionBytes += 1
      guard extensionBytes <= Self.maximumExtensionBytes else { throw Malformed() }
      if byte == Octet.carriageReturn {
        state = .sizeLineFeed
      } else if byte < 0x20 && byte != Octet.tab || byte == 0x7F {
        throw Malformed()
      }
    case .sizeLineFeed:
      guard byte == Octet.lineFeed else { throw Malformed() }
      digits = 0
      state = left == 0 ? .trailers : .data
    case .dataReturn:
      guard byte == Octet.carriageReturn else { throw Malformed() }
      state = .dataLineFeed
    case .dataLineFeed:
      guard byte == Octet.lineFeed else { throw Malformed() }
      state = .sizeStart
    case .data, .trailers: break
    }
  }
}
