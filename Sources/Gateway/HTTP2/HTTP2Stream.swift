import NIOCore

/// One stream of a connection: what its message is made of is said by those that inherit from it, here is what the
/// connection has to know of any (RFC 9113 §5).
class HTTP2Stream {
  /// Octets that wait for a window at most, before whoever writes is to wait; and below which it may go on.
  private static let (highWatermark, lowWatermark) = (65_536, 32_768)

  let session: HTTP2Session
  /// 0 before it is open.
  fileprivate(set) var id: UInt32 = 0
  /// Nothing more is sent, or comes.
  var isOver = false
  /// Whether the other side has heard of it: else there is nothing that could be reset (RFC 9113 §5.1).
  var isKnown = false

  // MARK: What comes

  var receiveWindow = HTTP2ReceiveWindow(HTTP2Window.initial)
  /// The other side has ended its message.
  var peerEnded = false
  /// Whether something has come with what is being read, and waits for that to be read.
  var isArriving = false

  // MARK: What goes

  var sendWindow = HTTP2Window.initial
  /// What waits for a window of the body.
  private(set) var output = HTTP2Output()
  /// Behind the body, lines of HTTP/1.1.
  private var trailers: ByteBuffer?
  /// Nothing is added to the message.
  private(set) var outputEnded = false
  /// END_STREAM is out.
  private(set) var ownEnded = false
  /// Whether it is among those that send.
  var isSending = false
  private(set) var isWritable = true

  init(_ session: HTTP2Session) { self.session = session }

  /// The connection has it now.
  func opened(_ id: UInt32) {
    self.id = id
    receiveWindow = HTTP2ReceiveWindow(session.ownStreamWindow)
    sendWindow = session.peerStreamWindow
  }

  // MARK: - For those that inherit

  /// The payload of a DATA frame.
  ///
  /// - Parameters:
  ///   - data: The payload.
  ///   - endsStream: Whether it is the last.
  ///   - counted: Octets by which it used up the window; see ``taken(_:)``.
  func receive(_ data: ByteBuffer, endsStream: Bool, counted: Int) throws(HTTP2Fault) {}

  /// Hands on what has come.
  func deliver() {}

  /// The body may be written on.
  func becameWritable() {}

  /// Some of the body is sent.
  func sentSome() {}

  /// Everything is sent, END_STREAM with it.
  func sentAll() {}

  /// It is closed, and forgotten by its connection.
  ///
  /// - Parameter code: That of the other side's RST_STREAM; nil where there was none.
  func closed(_ code: HTTP2Code?) {}

  // MARK: - What those that inherit do

  /// Octets of a body have gone where they belong.
  func taken(_ counted: Int) {
    let back = receiveWindow.take(counted)
    if back > 0, !isOver, !peerEnded { session.giveBack(back, to: self) }
  }

  /// Hands on what has come once all is read that there is: what the other side says and takes back in one breath reaches
  /// nobody.
  func deliverSoon() {
    guard !isArriving else { return }
    isArriving = true
    session.hasArrived(self)
  }

  /// Adds to the body.
  func send(_ data: ByteBuffer) {
    output.append(data)
    if output.count > Self.highWatermark { isWritable = false }
  }

  func sendEnd(_ trailers: ByteBuffer?) {
    outputEnded = true
    self.trailers = trailers
  }

  /// The head of the message is out, and was all of it.
  func sentHeadOnly() {
    outputEnded = true
    ownEnded = true
  }

  /// Whether there is something to send, as far as the windows allow.
  var hasOutput: Bool { output.count > 0 || outputEnded && !ownEnded }

  /// How much of the body goes into the next frame, and whether that is the last; nil where there is nothing to send, or no
  /// window for it.
  func nextFrame(atMost allowed: Int) -> (count: Int, endsStream: Bool)? {
    guard output.count > 0 else { return outputEnded && trailers == nil && !ownEnded ? (0, true) : nil }
    let count = min(output.count, sendWindow, allowed, HTTP2Frame.maximumBytes)
    guard count > 0 else { return nil }
    return (count, count == output.count && outputEnded && trailers == nil)
  }

  /// Moves so much of the body to `frame`.
  func take(_ count: Int, endsStream: Bool, into frame: inout ByteBuffer) {
    sendWindow -= count
    output.take(count, into: &frame)
    if endsStream { ownEnded = true }
  }

  /// What follows the body, once that is out.
  func takeTrailers() -> ByteBuffer? {
    guard output.count == 0, outputEnded, !ownEnded, let lines = trailers else { return nil }
    trailers = nil
    ownEnded = true
    return lines
  }

  func tellWritable() {
    guard !isWritable, output.count <= Self.lowWatermark else { return }
    isWritable = true
    becameWritable()
  }
}
