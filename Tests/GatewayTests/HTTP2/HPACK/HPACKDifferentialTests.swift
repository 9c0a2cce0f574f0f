import NIOCore
import NIOHPACK
import Testing

@testable import Gateway

/// Against NIOHPACK, which is older and read by more people.
///
/// What the two do not share:
/// - It takes integers with needless octets; ours refuses them.
/// - It refuses a literal field with an empty name; ours leaves that to whoever reads the head.
/// - It makes Strings, so octets that are no UTF-8 are repaired, and the table then counts other sizes than the peer's.
@Suite("Against NIOHPACK")
struct HPACKDifferentialTests {
  private struct Theirs {
    var decoder = NIOHPACK.HPACKDecoder(
      allocator: ByteBufferAllocator(), maxDynamicTableSize: 4_096, maxHeaderListSize: 1 << 24)

    mutating func fields(_ block: [UInt8]) throws -> [(HPACKField, HPACKIndexing)] {
      var buffer = ByteBuffer(bytes: block)
      return try decoder.decodeHeaders(from: &buffer).map { (HPACKField($0.name, $0.value), $0.indexable) }
    }
  }

  @Test("it reads what our encoder writes, with secrets marked", arguments: [0, 64, 256, 4_096])
  func ourEncoder(maximum: Int) throws {
    var chance = Seeded(state: UInt64(maximum) + 10)
    var encoder = OwnEncoder(maximumTableBytes: maximum)
    var theirs = Theirs()
    for _ in 0..<400 {
      while chance.oneIn(6) { encoder.setPeerMaximum(chance.oneIn(4) ? 4_096 : chance.below(600)) }
      let fields = (0..<chance.below(16)).map { _ in (chance.field(isText: true), chance.indexing()) }
      let read = try theirs.fields(encoder.block(fields))
      try #require(read.map(\.0) == fields.map(\.0))
      for (its, (_, indexing)) in zip(read, fields) {
        try #require((its.1 == .neverIndexed) == (indexing == .neverIndexed))
      }
    }
  }

  @Test("our decoder reads what its encoder writes", arguments: [true, false])
  func theirEncoder(huffman: Bool) async throws {
    var chance = Seeded(state: huffman ? 20 : 21)
    var encoder = NIOHPACK.HPACKEncoder(allocator: ByteBufferAllocator(), useHuffmanEncoding: huffman)
    var decoder = OwnDecoder()
    for _ in 0..<500 {
      await Task.yield()
      if chance.oneIn(6) { try encoder.setDynamicTableSize(chance.oneIn(4) ? 4_096 : chance.below(600)) }
      var headers = HPACKHeaders()
      let fields = (0..<chance.below(16)).map { _ in chance.field(isText: true) }
      for field in fields {
        headers.add(
          name: String(decoding: field.name, as: UTF8.self), value: String(decoding: field.value, as: UTF8.self),
          indexing: [.indexable, .nonIndexable, .neverIndexed][chance.below(3)])
      }
      var output = ByteBuffer()
      try encoder.encode(headers: headers, to: &output)
      try #require(try decoder.fields(Array(output.readableBytesView)) == fields)
    }
  }

  @Test("whatever we accept of damaged blocks it accepts and reads the same, and what it accepts beyond is known")
  func garbage() async throws {
    var chance = Seeded(state: 30)
    var (same, refused, stricter, laxer) = (0, 0, 0, 0)
    for _ in 0..<1_500 {
      await Task.yield()
      var ours = OwnDecoder()
      var theirs = Theirs()
      for _ in 0..<6 {
        let block = chance.block()
        let mine = try? ours.fields(block)
        let its = Result { try theirs.fields(block) }
        switch (mine, its) {
        case (let mine?, .success(let its)):
          // Beyond this their table counts repaired Strings.
          guard mine.allSatisfy(\.isText) else { break }
          try #require(mine == its.map(\.0))
          same += 1
          continue
        case (nil, .failure): refused += 1
        case (_?, .failure(let error)):
          try #require(error is NIOHPACKErrors.EmptyLiteralHeaderFieldName, "\(error): \(block)")
          laxer += 1
        case (nil, .success):
          try #require(block.hasNeedlessOctet, "\(block)")
          stricter += 1
        }
        break
      }
    }
    #expect(same > 1_000 && refused > 1_000 && stricter > 10 && laxer > 10)

  }
}

extension [UInt8] {
  /// Whether there may be an integer with a needless last octet, or with too many octets: 0 or any behind one with its
  /// highest bit set.
  fileprivate var hasNeedlessOctet: Bool {
    indices.dropFirst(2).contains { self[$0] == 0 && self[$0 - 1] & 0x80 != 0 }
      || indices.dropFirst(4).contains { index in self[index - 4...index].allSatisfy { $0 & 0x80 != 0 } }
  }
}

extension Seeded {
  /// A block of fields of all kinds, most of them right, some with a wrong octet.
  mutating func block() -> [UInt8] {
    if oneIn(8) { return bytes(below(24)) }
    var block: [UInt8] = []
    // What only one of the two takes.
    if oneIn(40) { block += [0x40, 0x00, 0x01, 0x61] }
    if oneIn(40) { block += [0x00, 0x80, 0x00] }
    if oneIn(40) { block += [0x00, 0x01, 0x61, 0x7F, 0x80, 0x00] + text(127) }
    if oneIn(40) { block += [0x00, 0x01, 0x61, 0x7F, 0x80, 0x80, 0x80, 0x80, 0x00] + text(127) }
    for _ in 0..<(oneIn(8) ? below(4) : 0) { block += HPACKAppendixCTests.written(size(), bits: 5, pattern: 0x20) }
    for _ in 0..<below(8) {
      switch below(4) {
      case 0: block += HPACKAppendixCTests.written(index(), bits: 7, pattern: 0x80)
      case 1: block += literal(bits: 6, pattern: 0x40)
      case 2: block += literal(bits: 4, pattern: 0x00)
      default: block += literal(bits: 4, pattern: 0x10)
      }
      if oneIn(100) { block += HPACKAppendixCTests.written(size(), bits: 5, pattern: 0x20) }
    }
    if oneIn(4), !block.isEmpty { block[below(block.count)] = UInt8(truncatingIfNeeded: next()) }
    if oneIn(8), !block.isEmpty { block.removeLast(below(block.count)) }
    return block
  }

  private mutating func size() -> Int { oneIn(10) ? below(6_000) : below(300) }

  private mutating func index() -> Int { oneIn(30) ? below(100) : 1 + below(oneIn(2) ? 61 : 64) }

  private mutating func literal(bits: UInt8, pattern: UInt8) -> [UInt8] {
    let index = oneIn(2) ? 0 : index()
    return HPACKAppendixCTests.written(index, bits: bits, pattern: pattern) + (index == 0 ? string(name()) : [])
      + string(oneIn(20) ? bytes(below(10)) : text(below(20)))
  }

  private mutating func string(_ text: [UInt8]) -> [UInt8] {
    if oneIn(2) { return HPACKAppendixCTests.written(text.count, bits: 7, pattern: 0) + text }
    let coded = HPACKHuffmanTests.coded(text)
    return HPACKAppendixCTests.written(coded.count, bits: 7, pattern: 0x80) + coded
  }
}
