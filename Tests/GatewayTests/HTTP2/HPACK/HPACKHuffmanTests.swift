import Testing

@testable import Gateway

@Suite("Huffman coding")
struct HPACKHuffmanTests {
  static func coded(_ text: [UInt8]) -> [UInt8] {
    text.withUnsafeBytes { text in
      let length = HPACKHuffmanEncoding.shared.length(of: text)
      return [UInt8](unsafeUninitializedCapacity: length) { output, count in
        HPACKHuffmanEncoding.shared.encode(text, into: UnsafeMutableRawBufferPointer(output))
        count = length
      }
    }
  }

  static func decoded(_ coded: [UInt8]) throws(HPACKDecoder.Malformed) -> [UInt8] {
    let room = UnsafeMutableRawBufferPointer.allocate(
      byteCount: HPACKHuffmanDecoding.room(for: coded.count), alignment: 1)
    defer { room.deallocate() }
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: coded.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: coded)
    let count = try HPACKHuffmanDecoding.shared.decode(UnsafeRawBufferPointer(copy), into: room)
    return Array(room[..<count])
  }

  /// Bit by bit, as the section says.
  static func slowlyDecoded(_ coded: [UInt8]) -> [UInt8]? {
    var known: [UInt64: Int] = [:]
    for (symbol, length) in HPACKHuffmanCode.lengths.enumerated() {
      known[UInt64(length) << 32 | UInt64(HPACKHuffmanCode.codes[symbol])] = symbol
    }
    var (text, code, length): ([UInt8], UInt64, UInt64) = ([], 0, 0)
    for octet in coded {
      for bit in (0..<8).reversed() {
        code = code << 1 | UInt64(octet >> bit & 1)
        length += 1
        guard let symbol = known[length << 32 | code] else { continue }
        guard symbol != HPACKHuffmanCode.endOfString else { return nil }
        text.append(UInt8(symbol))
        (code, length) = (0, 0)
      }
    }
    return length < 8 && code == 1 << length - 1 ? text : nil
  }

  @Test("the code is complete and has the codes of Appendix B")
  func code() {
    #expect(HPACKHuffmanCode.lengths.count == 257)
    #expect(HPACKHuffmanCode.lengths.reduce(UInt64(0)) { $0 + 1 << (32 - UInt64($1)) } == 1 << 32)
    for (symbol, code) in [
      (0, UInt32(0x1FF8)), (10, 0x3FFF_FFFC), (32, 0x14), (48, 0), (97, 3), (122, 0x7B), (128, 0xFFFE6),
      (195, 0x7FFF1), (255, 0x3FF_FFEE), (256, 0x3FFF_FFFF),
    ] { #expect(HPACKHuffmanCode.codes[symbol] == code) }
  }

  @Test("every pair of octets comes back")
  func pairs() throws {
    for first in 0...UInt8.max {
      for second in 0...UInt8.max {
        let text = [first, second]
        try #require(try Self.decoded(Self.coded(text)) == text)
      }
    }
  }

  @Test("strings of any octets come back, at every length")
  func strings() throws {
    var chance = Seeded(state: 1)
    for length in 0..<400 {
      for text in [chance.bytes(length), chance.text(length), Array(repeating: 0x30, count: length)] {
        try #require(try Self.decoded(Self.coded(text)) == text)
      }
    }
  }

  @Test("octets that are no string are refused, and others read, as bit by bit")
  func garbage() async throws {
    var chance = Seeded(state: 2)
    var accepted = 0
    for round in 0..<5_000 {
      if round.isMultiple(of: 100) { await Task.yield() }
      var coded = chance.oneIn(2) ? chance.bytes(1 + chance.below(12)) : Self.coded(chance.text(1 + chance.below(20)))
      if chance.oneIn(2) { coded[chance.below(coded.count)] ^= 1 << UInt8(chance.below(8)) }
      if chance.oneIn(4) { coded[coded.count - 1] |= 0x7F }
      if chance.oneIn(8) { coded.append(0xFF) }
      if chance.oneIn(8) { coded += [0xFF, 0xFF, 0xFF, chance.oneIn(2) ? 0xFF : 0xFC] }
      let text = try? Self.decoded(coded)
      try #require(text == Self.slowlyDecoded(coded))
      if text != nil { accepted += 1 }
    }
    #expect(accepted > 250)
  }
}
