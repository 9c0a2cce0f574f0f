import CBrotli
import CZlib
import NIOCore

/// Codes one body, piece by piece, into chunks (RFC 9112 §7.1). Belongs to one event loop.
///
/// gzip (RFC 1952) holds some 264 KiB, Brotli (RFC 7932) with its window of 256 KiB up to a MiB or so at the standard
/// quality.
final class BodyEncoder {
  /// What one call of a library is given at most, so that nobody else on the loop waits for long.
  static let pieceBytes = 16_384
  private static let brotliWindowBits: UInt32 = 18

  enum Step {
    case process
    /// Everything that was taken so far comes out.
    case flush
    case finish
  }

  private enum Engine {
    case gzip(UnsafeMutablePointer<z_stream>)
    case brotli(OpaquePointer)
  }

  private let engine: Engine
  let coding: ContentCoding
  let level: Int
  /// What was taken in and may not have come out yet.
  private(set) var holdsBack = false
  private var coded = ByteBuffer()

  /// nil where there is no memory for it.
  init?(_ coding: ContentCoding, _ policy: CompressionPolicy) {
    self.coding = coding
    switch coding {
    case .gzip:
      level = policy.gzipLevel
      let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
      stream.initialize(to: z_stream())
      // 16 above the window's bits asks for gzip's frame instead of zlib's.
      let result = deflateInit2_(
        stream, Int32(level), Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
      guard result == Z_OK else {
        stream.deallocate()
        return nil
      }
      engine = .gzip(stream)
    case .br:
      level = policy.brotliQuality
      guard let state = BrotliEncoderCreateInstance(nil, nil, nil) else { return nil }
      BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, UInt32(level))
      BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, Self.brotliWindowBits)
      engine = .brotli(state)
    }
  }

  deinit {
    switch engine {
    case .gzip(let stream):
      deflateEnd(stream)
      stream.deallocate()
    case .brotli(let state): BrotliEncoderDestroyInstance(state)
    }
  }

  /// Makes it ready for another body; false where that cannot be.
  func reset() -> Bool {
    guard case .gzip(let stream) = engine else { return false }
    holdsBack = false
    return deflateReset(stream) == Z_OK
  }

  /// Codes `input`, and writes what comes out to `output` as a chunk, if anything does.
  ///
  /// - Returns: How many coded bytes came out; nil where the library gave up.
  func encode(_ input: ByteBuffer, _ step: Step, into output: inout ByteBuffer) -> Int? {
    coded.clear(minimumCapacity: Self.pieceBytes)
    var rest = input
    while rest.readableBytes > Self.pieceBytes, let piece = rest.readSlice(length: Self.pieceBytes) {
      guard encodePiece(piece, .process) else { return nil }
    }
    guard encodePiece(rest, step) else { return nil }
    holdsBack = step == .process && (holdsBack || input.readableBytes > 0)
    let count = coded.readableBytes
    if count > 0 {
      output.writeString(String(count, radix: 16))
      output.writeStaticString("\r\n")
      output.writeBuffer(&coded)
      output.writeStaticString("\r\n")
    }
    if step == .finish { output.writeStaticString("0\r\n\r\n") }
    return count
  }

  private func encodePiece(_ piece: ByteBuffer, _ step: Step) -> Bool {
    piece.withUnsafeReadableBytes { bytes in
      switch engine {
      case .gzip(let stream): deflatePiece(stream, bytes, step)
      case .brotli(let state): brotliPiece(state, bytes, step)
      }
    }
  }

  private func deflatePiece(
    _ stream: UnsafeMutablePointer<z_stream>, _ bytes: UnsafeRawBufferPointer, _ step: Step
  ) -> Bool {
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(bytes.count)
    let flush =
      switch step {
      case .process: Z_NO_FLUSH
      case .flush: Z_SYNC_FLUSH
      case .finish: Z_FINISH
      }
    var result = Z_OK
    repeat {
      coded.writeWithUnsafeMutableBytes(minimumWritableBytes: 4_096) { space in
        let room = min(space.count, Self.pieceBytes)
        stream.pointee.next_out = space.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(room)
        result = deflate(stream, flush)
        return room - Int(stream.pointee.avail_out)
      }
      // Nothing left to do is no error (`Z_BUF_ERROR`).
      guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else { return false }
    } while stream.pointee.avail_out == 0 && result != Z_STREAM_END
    return step != .finish || result == Z_STREAM_END
  }

  private func brotliPiece(_ state: OpaquePointer, _ bytes: UnsafeRawBufferPointer, _ step: Step) -> Bool {
    let operation =
      switch step {
      case .process: BROTLI_OPERATION_PROCESS
      case .flush: BROTLI_OPERATION_FLUSH
      case .finish: BROTLI_OPERATION_FINISH
      }
    var left = bytes.count
    var next = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    repeat {
      var isGood = false
      coded.writeWithUnsafeMutableBytes(minimumWritableBytes: 4_096) { space in
        let room = min(space.count, Self.pieceBytes)
        var free = room
        var target = space.baseAddress?.assumingMemoryBound(to: UInt8.self)
        isGood = BrotliEncoderCompressStream(state, operation, &left, &next, &free, &target, nil) != 0
        return room - free
      }
      guard isGood else { return false }
    } while left > 0 || BrotliEncoderHasMoreOutput(state) != 0
    return step != .finish || BrotliEncoderIsFinished(state) != 0
  }
}

/// One event loop's encoders: how many there are at a time is bounded, and some wait for the next body.
struct EncoderPool {
  private static let maximumSpare = 8
  private let maximum: Int
  private var spare: [BodyEncoder] = []
  private(set) var inUse = 0

  init(maximum: Int) { self.maximum = maximum }

  /// nil where there are too many; the answer goes as it is then.
  mutating func take(_ coding: ContentCoding, _ policy: CompressionPolicy) -> BodyEncoder? {
    guard inUse < maximum else { return nil }
    var encoder: BodyEncoder?
    if coding == .gzip, let index = spare.lastIndex(where: { $0.level == policy.gzipLevel }) {
      encoder = spare.remove(at: index)
    }
    guard let encoder = encoder ?? BodyEncoder(coding, policy) else { return nil }
    inUse += 1
    return encoder
  }

  mutating func giveBack(_ encoder: BodyEncoder) {
    inUse -= 1
    if spare.count < Self.maximumSpare, encoder.reset() { spare.append(encoder) }
  }
}
