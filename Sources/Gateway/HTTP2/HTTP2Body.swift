import NIOCore

/// A body, from DATA frames to HTTP/1.1: as many bytes as its Content-Length says, or chunks.
///
/// What HTTP/2 counts and what HTTP/1.1 would count are held together here: a byte more than was announced would be the
/// beginning of another message.
struct HTTP2Body: Equatable {
  private enum State: Equatable {
    case none
    case length(left: Int)
    /// - Parameter left: How many bytes have to come, where the head said it.
    case chunks(left: Int?)
    case ended
  }
  private var state: State

  init(_ framing: BodyFraming) {
    switch framing {
    case .none, .untilClose: state = .none
    case .length(let length): state = .length(left: length)
    case .chunked: state = .chunks(left: nil)
    }
  }

  /// Chunks, so that trailers may follow.
  ///
  /// - Parameter length: What the Content-Length said, which chunks have none of.
  init(chunksOf length: Int?) { state = .chunks(left: length) }

  /// The frames do not make the body that was announced (RFC 9113 §8.1.1), or what follows it is no trailer section.
  struct Malformed: Error {}

  var isEnded: Bool { if case .ended = state { true } else { false } }

  /// Appends the bytes of a DATA frame.
  mutating func write(_ data: ByteBuffer, into output: inout ByteBuffer) throws(Malformed) {
    let count = data.readableBytes
    guard count > 0 else { return }
    switch state {
    case .none, .ended: throw Malformed()
    case .length(let left):
      guard count <= left else { throw Malformed() }
      state = .length(left: left - count)
      // Nothing is copied where there is nothing to add to.
      if output.readableBytes == 0 { output = data } else { output.writeImmutableBuffer(data) }
    case .chunks(let left):
      if let left {
        guard count <= left else { throw Malformed() }
        state = .chunks(left: left - count)
      }
      output.writeString(String(count, radix: 16))
      output.writeStaticString("\r\n")
      output.writeImmutableBuffer(data)
      output.writeStaticString("\r\n")
    }
  }

  /// Appends what ends the body.
  ///
  /// - Parameter trailers: Dropped where the body has no chunks to carry them (RFC 9110 §6.5.1).
  mutating func end(_ trailers: HTTP2Trailers?, into output: inout ByteBuffer) throws(Malformed) {
    guard trailers?.isMalformed != true else { throw Malformed() }
    switch state {
    case .ended: throw Malformed()
    case .none: break
    case .length(let left): guard left == 0 else { throw Malformed() }
    case .chunks(let left):
      guard left ?? 0 == 0 else { throw Malformed() }
      output.writeStaticString("0\r\n")
      if let trailers { output.writeImmutableBuffer(trailers.lines) }
      output.writeStaticString("\r\n")
    }
    state = .ended
  }
}
