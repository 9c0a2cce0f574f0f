import NIOCore

/// A frame of HTTP/2 (RFC 9113 §4.1): what its nine octets say, and its payload.
struct HTTP2Frame: Equatable {
  /// Of the nine octets before a payload.
  static let headerBytes = 9
  /// Octets of a payload: SETTINGS_MAX_FRAME_SIZE as it is where nobody says otherwise, which is how it is left here.
  static let maximumBytes = 16_384
  /// Octets of a client's preface (RFC 9113 §3.4).
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  enum Kind {
    static let data: UInt8 = 0x0
    static let headers: UInt8 = 0x1
    static let priority: UInt8 = 0x2
    static let reset: UInt8 = 0x3
    static let settings: UInt8 = 0x4
    static let pushPromise: UInt8 = 0x5
    static let ping: UInt8 = 0x6
    static let goAway: UInt8 = 0x7
    static let windowUpdate: UInt8 = 0x8
    static let continuation: UInt8 = 0x9
  }

  enum Flag {
    static let endStream: UInt8 = 0x1
    static let ack: UInt8 = 0x1
    static let endHeaders: UInt8 = 0x4
    static let padded: UInt8 = 0x8
    static let priority: UInt8 = 0x20
  }

  var type: UInt8
  var flags: UInt8
  var stream: UInt32
  var payload: ByteBuffer

  @inline(__always)
  func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

  var endsStream: Bool { has(Flag.endStream) }

  /// Takes the first frame of `bytes`; nil while it is not whole.
  static func take(_ bytes: inout ByteBuffer) throws(HTTP2Fault) -> HTTP2Frame? {
    guard let (word, flags, stream) = bytes.getMultipleIntegers(at: bytes.readerIndex, as: (UInt32, UInt8, UInt32).self)
    else { return nil }
    let length = Int(word >> 8)
    // Before the rest of it has come, so that nobody waits for it.
    guard length <= maximumBytes else { throw HTTP2Fault(.frameSizeError, "a frame is larger than is allowed") }
    guard let payload = bytes.getSlice(at: bytes.readerIndex + headerBytes, length: length) else { return nil }
    bytes.moveReaderIndex(forwardBy: headerBytes + length)
    return HTTP2Frame(
      type: UInt8(truncatingIfNeeded: word), flags: flags, stream: stream & 0x7FFF_FFFF, payload: payload)
  }

  /// Octets that are missing until the first frame of `bytes` is whole, or until it is known how many.
  static func missing(in bytes: ByteBuffer) throws(HTTP2Fault) -> Int {
    guard bytes.readableBytes >= headerBytes, let word = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self) else {
      return headerBytes - bytes.readableBytes
    }
    guard word >> 8 <= maximumBytes else { throw HTTP2Fault(.frameSizeError, "a frame is larger than is allowed") }
    return headerBytes + Int(word >> 8) - bytes.readableBytes
  }

  /// The payload without what pads it, and in HEADERS what says a priority, of which nobody takes notice any more
  /// (RFC 9113 §5.3.2).
  func content() throws(HTTP2Fault) -> ByteBuffer {
    var content = payload
    if has(Flag.padded) {
      guard let padding = content.readInteger(as: UInt8.self), Int(padding) <= content.readableBytes else {
        throw HTTP2Fault(.protocolError, "padding is longer than its frame")
      }
      content.moveWriterIndex(to: content.writerIndex - Int(padding))
    }
    if type == Kind.headers, has(Flag.priority) {
      guard content.readableBytes >= 5 else { throw HTTP2Fault(.frameSizeError, "HEADERS without their priority") }
      content.moveReaderIndex(forwardBy: 5)
    }
    return content
  }
}

extension ByteBuffer {
  @inline(__always)
  mutating func writeFrameHeader(_ type: UInt8, flags: UInt8 = 0, stream: UInt32, length: Int) {
    writeMultipleIntegers(UInt32(length) << 8 | UInt32(type), flags, stream)
  }

  mutating func writeReset(_ stream: UInt32, _ code: HTTP2Code) {
    writeFrameHeader(HTTP2Frame.Kind.reset, stream: stream, length: 4)
    writeInteger(code.rawValue)
  }

  mutating func writeWindowUpdate(_ stream: UInt32, _ increment: Int) {
    writeFrameHeader(HTTP2Frame.Kind.windowUpdate, stream: stream, length: 4)
    writeInteger(UInt32(increment))
  }

  mutating func writeGoAway(lastStream: UInt32, _ code: HTTP2Code) {
    writeFrameHeader(HTTP2Frame.Kind.goAway, stream: 0, length: 8)
    writeMultipleIntegers(lastStream, code.rawValue)
  }

  mutating func writeSettings(_ settings: [(HTTP2Setting, Int)]) {
    writeFrameHeader(HTTP2Frame.Kind.settings, stream: 0, length: 6 * settings.count)
    for (setting, value) in settings { writeMultipleIntegers(setting.rawValue, UInt32(clamping: value)) }
  }

  /// A header block, in as many frames as it takes.
  mutating func writeHeaders(_ block: ByteBuffer, stream: UInt32, endsStream: Bool) {
    var rest = block
    var type = HTTP2Frame.Kind.headers
    var flags = endsStream ? HTTP2Frame.Flag.endStream : 0
    while rest.readableBytes > HTTP2Frame.maximumBytes, let piece = rest.readSlice(length: HTTP2Frame.maximumBytes) {
      writeFrameHeader(type, flags: flags, stream: stream, length: piece.readableBytes)
      writeImmutableBuffer(piece)
      (type, flags) = (HTTP2Frame.Kind.continuation, 0)
    }
    writeFrameHeader(type, flags: flags | HTTP2Frame.Flag.endHeaders, stream: stream, length: rest.readableBytes)
    writeImmutableBuffer(rest)
  }
}

/// What one side tells the other of itself (RFC 9113 §6.5.2).
enum HTTP2Setting: UInt16 {
  case headerTableSize = 0x1
  case enablePush = 0x2
  case maximumConcurrentStreams = 0x3
  case initialWindowSize = 0x4
  case maximumFrameSize = 0x5
  case maximumHeaderListSize = 0x6

  /// The settings of a frame, in their order; those that nobody knows are left out.
  static func read(_ payload: ByteBuffer) throws(HTTP2Fault) -> [(HTTP2Setting, Int)] {
    guard payload.readableBytes.isMultiple(of: 6) else {
      throw HTTP2Fault(.frameSizeError, "SETTINGS that are cut")
    }
    // There are seven that anybody knows; each of thousands would have all streams looked at.
    guard payload.readableBytes <= 6 * 32 else { throw HTTP2Fault(.enhanceYourCalm, "SETTINGS by the hundred") }
    var (rest, settings) = (payload, [(HTTP2Setting, Int)]())
    while let (name, value) = rest.readMultipleIntegers(as: (UInt16, UInt32).self) {
      guard let setting = HTTP2Setting(rawValue: name) else { continue }
      switch setting {
      case .enablePush where value > 1: throw HTTP2Fault(.protocolError, "ENABLE_PUSH is neither 0 nor 1")
      case .initialWindowSize where value > HTTP2Window.maximum:
        throw HTTP2Fault(.flowControlError, "an initial window beyond 2^31-1")
      case .maximumFrameSize where !(16_384...16_777_215).contains(value):
        throw HTTP2Fault(.protocolError, "a frame size that is not allowed")
      default: settings.append((setting, Int(value)))
      }
    }
    return settings
  }
}
