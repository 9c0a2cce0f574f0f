import NIOCore

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
  mutating func receive(_ frame: HTTP2Frame, now: Int64) -> Bool {
    switch frame.type {
    case HTTP2Frame.Kind.headers:
      credit(Self.framesPerRequest)
      return true
    case HTTP2Frame.Kind.data where frame.payload.readableBytes >= Self.smallData:
      moved(frame.payload.readableBytes)
      return true
    case HTTP2Frame.Kind.data where frame.endsStream: return true
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
