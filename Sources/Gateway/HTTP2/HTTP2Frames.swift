/// The frames of a connection as their nine-octet headers tell of them (RFC 9113 §4.1), wherever the bytes are cut.
struct HTTP2FrameScanner: Sendable {
  struct Frame: Sendable, Equatable {
    var type: UInt8
    var flags: UInt8
    var streamID: UInt32
    /// Octets of payload.
    var length: Int
  }

  enum FrameType {
    static let data: UInt8 = 0x0
    static let headers: UInt8 = 0x1
    static let goAway: UInt8 = 0x7
  }
  static let endStream: UInt8 = 0x1

  /// The first eight octets of a header, as far as they came.
  private var header: UInt64 = 0
  private var headerBytes = 0
  /// Octets of the frame's payload that have not come yet, or of what comes before all frames.
  private var left: Int

  /// - Parameter preface: Octets that come before the first frame (RFC 9113 §3.4).
  init(preface: Int = 0) { left = preface }

  /// Goes on through `bytes`, and calls `each` with every frame whose header has come.
  mutating func scan(_ bytes: UnsafeRawBufferPointer, _ each: (Frame) -> Void) {
    var index = 0
    while index < bytes.count {
      if left > 0 {
        let taken = min(left, bytes.count - index)
        left -= taken
        index += taken
        continue
      }
      let byte = bytes[index]
      index += 1
      if headerBytes < 8 {
        header = header << 8 | UInt64(byte)
        headerBytes += 1
        continue
      }
      let frame = Frame(
        type: UInt8(truncatingIfNeeded: header >> 32), flags: UInt8(truncatingIfNeeded: header >> 24),
        streamID: UInt32(truncatingIfNeeded: header << 8 | UInt64(byte)) & 0x7FFF_FFFF,
        length: Int(header >> 40))
      left = frame.length
      header = 0
      headerBytes = 0
      each(frame)
    }
  }
}

/// How many frames that move next to nothing a connection has left.
///
/// A frame costs the gateway about as much as a request's share of its work, whatever is in it; a client that means well
/// sends few for each request and each kilobyte. So requests and bytes, in both directions, pay for such frames, a few come
/// back every second, and whoever has none left is flooding. It covers what the frames' own limits do not: WINDOW_UPDATE,
/// DATA of a few octets, types that nobody knows.
struct HTTP2FrameBudget: Sendable {
  private static let bytesPerFrame = 512
  private static let framesPerRequest = 4
  private static let smallData = 256
  private let capacity: Int
  private let perSecond: Int
  private(set) var left: Int
  private var bytes = 0
  private var refilled: Int64

  /// - Parameter now: Nanoseconds of the monotonic clock.
  init(capacity: Int, perSecond: Int, now: Int64) {
    self.capacity = capacity
    self.perSecond = perSecond
    left = capacity
    refilled = now
  }

  /// - Returns: Whether the connection may go on.
  mutating func receive(_ frame: HTTP2FrameScanner.Frame, now: Int64) -> Bool {
    switch frame.type {
    case HTTP2FrameScanner.FrameType.headers:
      credit(Self.framesPerRequest)
      return true
    case HTTP2FrameScanner.FrameType.data where frame.length >= Self.smallData:
      moved(frame.length)
      return true
    case HTTP2FrameScanner.FrameType.data where frame.flags & HTTP2FrameScanner.endStream != 0: return true
    default:
      left -= 1
      if left < 0 { refill(now) }
      return left >= 0
    }
  }

  /// Bytes of bodies went through.
  mutating func moved(_ count: Int) {
    bytes += count
    guard bytes >= Self.bytesPerFrame else { return }
    credit(bytes / Self.bytesPerFrame)
    bytes %= Self.bytesPerFrame
  }

  private mutating func credit(_ frames: Int) { left = min(capacity, left + frames) }

  private mutating func refill(_ now: Int64) {
    let frames = Int((Double(max(0, now - refilled)) / 1e9 * Double(perSecond)).rounded(.down))
    guard frames > 0 else { return }
    refilled = now
    credit(frames)
  }
}
