import CZlib

/// One raw deflate stream (RFC 1951), piece by piece, with the CRC-32 of what goes in. Holds some 264 KiB.
final class Deflater {
  private static let pieceBytes = 64 << 10
  private let stream: UnsafeMutablePointer<z_stream>
  private var space = [UInt8](repeating: 0, count: Deflater.pieceBytes)
  private(set) var checksum: UInt32 = 0
  /// Bytes that went in, and came out.
  private(set) var taken: Int64 = 0
  private(set) var given: Int64 = 0

  /// - Throws: ``DeflateFailure`` where there is no memory for it.
  init() throws(DeflateFailure) {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // Negative bits ask for a stream without zlib's frame: ZIP has its own.
    let result = deflateInit2_(
      stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard result == Z_OK else {
      stream.deallocate()
      throw DeflateFailure(code: result)
    }
    self.stream = stream
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// Appends what comes out to `output`.
  /// - Parameter ends: Whether nothing follows.
  func deflate(_ input: [UInt8], ends: Bool, into output: inout [UInt8]) throws(DeflateFailure) {
    var start = 0
    repeat {
      let end = min(start + Self.pieceBytes, input.count)
      try deflatePiece(input[start..<end], ends: ends && end == input.count, into: &output)
      start = end
    } while start < input.count
  }

  private func deflatePiece(
    _ piece: ArraySlice<UInt8>, ends: Bool, into output: inout [UInt8]
  ) throws(DeflateFailure) {
    let before = output.count
    let code = piece.withUnsafeBufferPointer { bytes in
      checksum = UInt32(crc32(UInt(checksum), bytes.baseAddress, UInt32(bytes.count)))
      stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
      stream.pointee.avail_in = UInt32(bytes.count)
      var result = Z_OK
      repeat {
        let room = space.count
        let left = space.withUnsafeMutableBufferPointer { target in
          stream.pointee.next_out = target.baseAddress
          stream.pointee.avail_out = UInt32(room)
          result = CZlib.deflate(stream, ends ? Z_FINISH : Z_NO_FLUSH)
          return Int(stream.pointee.avail_out)
        }
        output += space.prefix(room - left)
        // Nothing left to do is no error (`Z_BUF_ERROR`).
      } while stream.pointee.avail_out == 0 && (result == Z_OK || result == Z_BUF_ERROR)
      return result
    }
    guard ends ? code == Z_STREAM_END : code == Z_OK || code == Z_BUF_ERROR else { throw DeflateFailure(code: code) }
    taken += Int64(piece.count)
    given += Int64(output.count - before)
  }
}

/// What zlib answered instead of doing it.
struct DeflateFailure: Error, CustomStringConvertible {
  var code: Int32
  var description: String { "zlib gave up (\(code))" }
}
