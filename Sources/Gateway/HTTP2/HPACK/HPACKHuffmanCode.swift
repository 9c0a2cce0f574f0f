/// The code of RFC 7541 Appendix B.
///
/// It is canonical: codes of the same length follow one another in the order of their symbols, and the first of a length
/// follows the last shorter one. So the lengths are all there is to write down.
enum HPACKHuffmanCode {
  /// The symbol that no string may have in it (RFC 7541 §5.2).
  static let endOfString = 256
  static let shortest = 5
  static let longest = 30

  /// Bits of each symbol's code, end of string last.
  static let lengths: [UInt8] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
  ]

  /// All symbols in the order of their codes.
  static let symbols: [UInt16] = (shortest...longest).flatMap { length in
    lengths.indices.filter { lengths[$0] == length }.map { UInt16($0) }
  }

  /// Each symbol's code, in the lowest bits.
  static let codes: [UInt32] = {
    var codes = [UInt32](repeating: 0, count: lengths.count)
    var code: UInt32 = 0
    var length = UInt32(shortest)
    for symbol in symbols {
      let own = UInt32(lengths[Int(symbol)])
      code <<= own - length
      length = own
      codes[Int(symbol)] = code
      code += 1
    }
    return codes
  }()
}
