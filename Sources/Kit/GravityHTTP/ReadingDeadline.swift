import NIOCore

/// Ends the connection of a client that stopped reading: what waits for it would wait, and be kept, for ever.
struct ReadingDeadline: Sendable {
  /// Bytes that are written at once; so a client that takes this many in ``limit`` is slow, and no more than that.
  static let pieceSize = 64 << 10

  let channel: any Channel
  /// For each piece.
  let limit: Duration

  /// Writes `bytes` in pieces, each of which is taken over once the client has taken what came before.
  /// - Throws: what `write` throws when the connection ends.
  func write(_ bytes: ByteBuffer, with write: (ByteBuffer) async throws -> Void) async throws {
    var rest = bytes
    while let piece = rest.readSlice(length: min(Self.pieceSize, rest.readableBytes)), piece.readableBytes > 0 {
      try await run { try await write(piece) }
    }
  }

  func run(_ write: () async throws -> Void) async throws {
    let timer = channel.eventLoop.scheduleTask(in: TimeAmount(limit)) { [channel] in channel.close(promise: nil) }
    defer { timer.cancel() }
    try await write()
  }
}
