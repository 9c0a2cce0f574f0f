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

  // MARK: What comes

  var receiveWindow = HTTP2ReceiveWindow(HTTP2Window.initial)
  /// The other side has ended its message.
  var peerEnded = false

  // MARK: What goes

  var sendWindow = HTTP2Window.initial
  /// Octets of the body that wait for a window.
  private(set) var output = ByteBuffer()
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

  /// The body may be written on.
  func becameWritable() {}

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

  /// Adds to the body.
  func send(_ data: ByteBuffer) {
    if output.readableBytes == 0 { output = data } else { output.writeImmutableBuffer(data) }
    if output.readableBytes > Self.highWatermark { isWritable = false }
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
  var hasOutput: Bool { output.readableBytes > 0 || outputEnded && !ownEnded }

  /// Takes as much of the body as may go, for one frame.
  func takeOutput(atMost allowed: Int) -> (data: ByteBuffer, endsStream: Bool)? {
    let count = min(output.readableBytes, sendWindow, allowed, HTTP2Frame.maximumBytes)
    guard count > 0 || output.readableBytes == 0 && outputEnded && trailers == nil && !ownEnded else { return nil }
    let data = output.readSlice(length: max(0, count)) ?? ByteBuffer()
    sendWindow -= data.readableBytes
    if output.readableBytes == 0 {
      output = ByteBuffer()
      if outputEnded, trailers == nil { ownEnded = true }
    }
    return (data, ownEnded)
  }

  /// What follows the body, once that is out.
  func takeTrailers() -> ByteBuffer? {
    guard output.readableBytes == 0, outputEnded, !ownEnded, let lines = trailers else { return nil }
    trailers = nil
    ownEnded = true
    return lines
  }

  func tellWritable() {
    guard !isWritable, output.readableBytes <= Self.lowWatermark else { return }
    isWritable = true
    becameWritable()
  }
}
