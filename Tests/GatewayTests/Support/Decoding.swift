import CBrotliDecoder
import CZlib
import NIOCore

@testable import Gateway

/// Takes codings off again, by the libraries' own decoders.
enum Decoding {
  /// - Returns: As much as can be decoded, and whether the content is whole; nil for what is none.
  static func decode(_ coded: ByteBuffer, _ coding: ContentCoding) -> (text: String, isWhole: Bool)? {
    var input = [UInt8](coded.readableBytesView)
    var output = [UInt8](repeating: 0, count: 8 << 20)
    switch coding {
    case .gzip:
      var stream = z_stream()
      guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
        return nil
      }
      defer { inflateEnd(&stream) }
      let (result, count) = input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
          stream.next_in = input.baseAddress
          stream.avail_in = UInt32(input.count)
          stream.next_out = output.baseAddress
          stream.avail_out = UInt32(output.count)
          let result = inflate(&stream, Z_SYNC_FLUSH)
          return (result, output.count - Int(stream.avail_out))
        }
      }
      guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else { return nil }
      return (String(decoding: output[..<count], as: UTF8.self), result == Z_STREAM_END)
    case .br:
      guard let state = BrotliDecoderCreateInstance(nil, nil, nil) else { return nil }
      defer { BrotliDecoderDestroyInstance(state) }
      var (inputLeft, room) = (input.count, output.count)
      let result = input.withUnsafeBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
          var (next, target) = (input.baseAddress, output.baseAddress)
          return BrotliDecoderDecompressStream(state, &inputLeft, &next, &room, &target, nil)
        }
      }
      guard result != BROTLI_DECODER_RESULT_ERROR else { return nil }
      let text = String(decoding: output[..<(output.count - room)], as: UTF8.self)
      return (text, result == BROTLI_DECODER_RESULT_SUCCESS)
    }
  }
}
