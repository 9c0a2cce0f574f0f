import NIOCore

/// The gateway's side of a connection to a service.
class HTTP2ServiceSession: HTTP2Session {
  /// Bytes of an answer that are taken and not passed on yet, at most.
  private static let streamWindow = 131_072
  /// Octets of a field list that a service is told are taken; beyond twice of it the connection ends, which others use.
  private static let listBytes = 65_536

  private var next: UInt32 = 1

  init(_ limits: HeadLimits) { super.init(limits, streamWindow: Self.streamWindow) }

  override func channelActive(context: ChannelHandlerContext) {
    // Streams hold themselves back, so that one whose client reads slowly does not hold the others up.
    begin(
      preface: HTTP2Frame.preface, [(.enablePush, 0), (.maximumHeaderListSize, Self.listBytes)],
      connectionWindow: 32 * Self.streamWindow)
    context.fireChannelActive()
  }

  override var maximumListBytes: Int { 2 * Self.listBytes }

  // MARK: - Streams

  /// - Returns: Whether there was a number left for it.
  func open(_ stream: HTTP2ServiceStream) -> Bool {
    guard next <= HTTP2Window.maximum else { return false }
    open(stream, next)
    next += 2
    return true
  }

  override func isIdle(_ stream: UInt32) -> Bool { stream >= next || stream.isMultiple(of: 2) }

  override func receive(_ block: Block) throws(HTTP2Fault) {
    guard let stream = streams[block.stream] as? HTTP2ServiceStream else {
      try receiveForNobody(block.stream)
      return try decode(block) { _, _ in }
    }
    try stream.receive(block)
  }
}
