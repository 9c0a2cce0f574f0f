/// Reads Huffman-coded strings (RFC 7541 §5.2).
///
/// Twelve bits at a time: that is two of the usual symbols. Codes of more bits, which headers hardly have, and the last bits
/// of a string are looked up by the ends of the lengths' ranges.
struct HPACKHuffmanDecoding: Sendable {
  static let shared = HPACKHuffmanDecoding()
  private static let window = 12

  /// What stands at the beginning of twelve bits: up to two symbols, the bits they take, and how many they are; zero
  /// symbols if the first has more than twelve bits. One octet each, so that two symbols can be stored at once.
  private let pairs: [UInt32]
  /// For each length, the first code that is longer, moved up to 32 bits; and how far a code of the length is from its
  /// symbol's place.
  private let ends: [UInt64]
  private let distances: [Int]

  private init() {
    let (lengths, codes) = (HPACKHuffmanCode.lengths, HPACKHuffmanCode.codes)
    var ends = [UInt64](repeating: 0, count: HPACKHuffmanCode.longest + 1)
    var distances = [Int](repeating: 0, count: HPACKHuffmanCode.longest + 1)
    for (place, symbol) in HPACKHuffmanCode.symbols.enumerated() {
      let length = Int(lengths[Int(symbol)])
      let code = codes[Int(symbol)]
      ends[length] = (UInt64(code) + 1) << UInt64(32 - length)
      distances[length] = Int(code) - place
    }
    // A length that no symbol has ends where the one before it does.
    for length in 1...HPACKHuffmanCode.longest { ends[length] = max(ends[length], ends[length - 1]) }
    self.ends = ends
    self.distances = distances
    pairs = (0..<1 << Self.window).map { bits in
      let first = Self.symbol(at: UInt64(bits) << UInt64(32 - Self.window), ends, distances)
      guard first.length <= Self.window else { return 0 }
      let second = Self.symbol(
        at: UInt64(bits << first.length & (1 << Self.window - 1)) << UInt64(32 - Self.window), ends, distances)
      let isPair = first.length + second.length <= Self.window
      return UInt32(first.symbol) | (isPair ? UInt32(second.symbol) << 8 : 0)
        | UInt32(isPair ? first.length + second.length : first.length) << 16 | (isPair ? 2 : 1) << 24
    }
  }

  /// The symbol that the highest of 32 bits begin with.
  private static func symbol(at bits: UInt64, _ ends: [UInt64], _ distances: [Int]) -> (symbol: Int, length: Int) {
    var length = HPACKHuffmanCode.shortest
    // Ends at the longest code at the latest: the code is complete, so 32 bits of ones are below its end.
    while length < HPACKHuffmanCode.longest, bits >= ends[length] { length += 1 }
    let place = Int(bits >> UInt64(32 - length)) - distances[length]
    return (Int(HPACKHuffmanCode.symbols[place]), length)
  }

  /// Octets that a string of `count` octets may need; one more than it can have symbols, as they are stored in pairs.
  @inline(__always)
  static func room(for count: Int) -> Int { count * 8 / HPACKHuffmanCode.shortest + 1 }

  /// - Parameter output: As large as ``room(for:)`` says at least.
  /// - Returns: How many octets it wrote.
  /// - Throws: If there is an end of string inside, or the padding has more than seven bits or others than ones.
  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(HPACKDecoder.Malformed) -> Int {
    guard output.count >= Self.room(for: input.count) else { throw HPACKDecoder.Malformed() }
    return try pairs.withUnsafeBufferPointer { pairs throws(HPACKDecoder.Malformed) in
      var bits = Bits(input)
      var written = 0
      while true {
        let hasMore = bits.fill()
        guard hasMore || bits.count >= Self.window else { break }
        // Each look takes the window at most, so that there are bits for as many in any case: four, until the end is
        // near.
        var looks = min(bits.count / Self.window, 4)
        while looks > 0 {
          let pair = pairs[Int(truncatingIfNeeded: bits.window >> UInt64(64 - Self.window))]
          if pair == 0 { break }
          output.storeBytes(of: UInt16(truncatingIfNeeded: pair).littleEndian, toByteOffset: written, as: UInt16.self)
          written += Int(pair >> 24)
          bits.drop(Int(pair >> 16 & 0xFF))
          looks -= 1
        }
        guard looks > 0 else { continue }
        if bits.count >= HPACKHuffmanCode.longest {
          output[written] = try longSymbol(&bits)
          written += 1
        } else if !hasMore {
          break
        }
      }
      while !bits.isPadding {
        output[written] = try longSymbol(&bits)
        written += 1
      }
      return written
    }
  }

  private func longSymbol(_ bits: inout Bits) throws(HPACKDecoder.Malformed) -> UInt8 {
    let (symbol, length) = Self.symbol(at: bits.window >> 32, ends, distances)
    guard length <= bits.count, symbol != HPACKHuffmanCode.endOfString else { throw HPACKDecoder.Malformed() }
    bits.drop(length)
    return UInt8(truncatingIfNeeded: symbol)
  }

  /// The bits of a string that are next.
  private struct Bits {
    private let input: UnsafeRawBufferPointer
    private var index = 0
    /// From the highest bit on; below the ones that count there may be some that will be read again.
    private(set) var window: UInt64 = 0
    private(set) var count = 0

    init(_ input: UnsafeRawBufferPointer) { self.input = input }

    /// Goes on until there are 56 bits at least, or none to come.
    ///
    /// - Returns: Whether there may be more than before.
    @inline(__always)
    mutating func fill() -> Bool {
      if index &+ 8 <= input.count {
        window |= UInt64(bigEndian: input.loadUnaligned(fromByteOffset: index, as: UInt64.self)) &>> UInt64(count)
        index &+= (63 &- count) &>> 3
        count |= 56
        return true
      }
      let before = index
      while count <= 56, index < input.count {
        window |= UInt64(input[index]) &<< UInt64(56 &- count)
        index &+= 1
        count &+= 8
      }
      return index > before
    }

    @inline(__always)
    mutating func drop(_ length: Int) {
      window &<<= UInt64(length)
      count &-= length
    }

    /// Whether what is left is the beginning of end of string and shorter than an octet (§5.2).
    var isPadding: Bool { count < 8 && (count == 0 || window >> UInt64(64 - count) == 1 << UInt64(count) - 1) }
  }
}
