/// Writes Huffman-coded strings (RFC 7541 §5.2).
struct HPACKHuffmanEncoding: Sendable {
  static let shared = HPACKHuffmanEncoding()

  /// Each octet's code, and its bits in the lowest eight.
  private let codes: [UInt64]

  private init() {
    codes = (0..<256).map { UInt64(HPACKHuffmanCode.codes[$0]) << 8 | UInt64(HPACKHuffmanCode.lengths[$0]) }
  }

  /// Octets that `text` has when it is coded.
  func length(of text: UnsafeRawBufferPointer) -> Int {
    codes.withUnsafeBufferPointer { codes in
      var bits = 0
      for octet in text { bits &+= Int(truncatingIfNeeded: codes[Int(octet)] & 0xFF) }
      return (bits &+ 7) / 8
    }
  }

  /// Writes `text` to the beginning of `output`.
  ///
  /// - Parameter output: As large as ``length(of:)`` says at least.
  func encode(_ text: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) {
    codes.withUnsafeBufferPointer { codes in
      var window: UInt64 = 0
      var count: UInt64 = 0
      var written = 0
      for octet in text {
        let code = codes[Int(octet)]
        window = window &<< (code & 0xFF) | code >> 8
        count &+= code & 0xFF
        // 31 bits stay at most, so that the longest code, of 30, always finds room.
        if count >= 32 {
          count &-= 32
          output.storeBytes(
            of: UInt32(truncatingIfNeeded: window &>> count).bigEndian, toByteOffset: written, as: UInt32.self)
          written &+= 4
        }
      }
      while count > 0 {
        // The last octet is filled with the highest bits of end of string, which are ones.
        let octet = count >= 8 ? window &>> (count &- 8) : window &<< (8 &- count) | 0xFF &>> count
        output[written] = UInt8(truncatingIfNeeded: octet)
        written &+= 1
        count = count >= 8 ? count &- 8 : 0
      }
    }
  }
}
