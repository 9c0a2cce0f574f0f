import CoreMetrics
import NIOCore

/// Answers that are compressed on their way.
extension UpstreamConnection {
  /// For which more is waited for before what has come is sent on, where the last read was a full one.
  private static var patience: TimeAmount { .milliseconds(10) }

  /// Decides whether the answer is coded, and makes its head say so.
  ///
  /// - Returns: Lines to add to the head.
  func prepareEncoding(
    _ bytes: ByteBuffer, _ client: ClientConnection, _ rules: CompressionRules, hasBody: Bool
  ) -> [UInt8] {
    bytes.withUnsafeReadableBytes { raw in
      var treatment = rules.treatment(head, raw, coding: client.exchange.coding, hasBody: hasBody)
      guard let coding = treatment.coding else { return treatment.lines }
      guard let encoder = worker.encoders.take(coding, rules.policy) else {
        worker.state.metrics.uncompressed.increment()
        treatment = rules.treatment(head, raw, coding: nil, hasBody: hasBody)
        return treatment.lines
      }
      self.encoder = encoder
      CompressionRules.edit(&head, raw)
      readsLittle(true)
      return treatment.lines
    }
  }

  /// While it compresses, a connection reads no more at a time than is coded in a moment, so that others on the loop
  /// have their turn.
  private func readsLittle(_ isOn: Bool) {
    guard let options = context?.channel.syncOptions else { return }
    let allocator: any RecvByteBufferAllocator =
      isOn
      ? FixedSizeRecvByteBufferAllocator(capacity: BodyEncoder.pieceBytes)
      : AdaptiveRecvByteBufferAllocator()
    // A channel that is closing takes no options, and needs none.
    try? options.setOption(.recvAllocator, value: allocator)
    try? options.setOption(.maxMessagesPerRead, value: UInt(isOn ? 1 : 4))
  }

  /// Lets go of the encoder, whether its body came to an end or not.
  func endEncoding() {
    guard let encoder else { return }
    self.encoder = nil
    worker.encoders.giveBack(encoder)
    if isActive { readsLittle(false) }
  }

  /// Codes what is there of the body, behind `first` of which the client has seen nothing yet.
  func encodeBody(
    _ bytes: inout ByteBuffer, _ encoder: BodyEncoder, _ client: ClientConnection, behind first: ByteBuffer
  ) {
    var coded = first
    let isFull = bytes.readableBytes >= BodyEncoder.pieceBytes
    do throws(BodyReader.Malformed) {
      while !body.isDone, let piece = try body.next(&bytes) {
        guard piece.readableBytes > 0 else { continue }
        guard let count = encoder.encode(piece, .process, into: &coded) else { throw BodyReader.Malformed() }
        client.exchange.responseBodyBytes += count
      }
      if body.isDone {
        guard let count = encoder.encode(ByteBuffer(), .finish, into: &coded) else { throw BodyReader.Malformed() }
        client.exchange.responseBodyBytes += count
      }
    } catch {
      return fail(client, .malformed)
    }
    if body.isDone {
      endEncoding()
      return finish(bytes, coded, client)
    }
    if coded.readableBytes > 0 {
      needsFlush = true
      client.deliver(coded, flush: first.readableBytes > 0)
    } else {
      client.noteProgress()
    }
    if isFull { flushLater(encoder) } else { flushEncoder(encoder) }
  }

  /// The service pauses, as far as can be seen: the client gets all that there is.
  private func flushEncoder(_ encoder: BodyEncoder) {
    guard encoder.holdsBack, let client else { return }
    var coded = ByteBuffer()
    guard let count = encoder.encode(ByteBuffer(), .flush, into: &coded) else { return fail(client, .malformed) }
    client.exchange.responseBodyBytes += count
    client.deliver(coded, flush: true)
  }

  /// More is probably there already; where it is not, what was taken goes on in a moment.
  private func flushLater(_ encoder: BodyEncoder) {
    guard encoder.holdsBack, !awaitsFlush else { return }
    awaitsFlush = true
    worker.loop.assumeIsolated().scheduleTask(in: Self.patience) { [weak self] in
      guard let self else { return }
      self.awaitsFlush = false
      guard let encoder = self.encoder, self.phase == .body else { return }
      self.flushEncoder(encoder)
    }
  }

  /// The body ended with the connection.
  ///
  /// - Returns: The last of the coded content; empty where nothing is coded.
  func lastOfEncoding(_ client: ClientConnection) -> ByteBuffer? {
    guard let encoder else { return ByteBuffer() }
    var coded = ByteBuffer()
    let count = encoder.encode(ByteBuffer(), .finish, into: &coded)
    endEncoding()
    guard let count else { return nil }
    client.exchange.responseBodyBytes += count
    return coded
  }
}
