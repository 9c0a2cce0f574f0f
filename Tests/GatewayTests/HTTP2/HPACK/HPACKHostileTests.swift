import Testing

@testable import Gateway

@Suite("Hostile blocks")
struct HPACKHostileTests {
  private func blocks(_ chance: inout Seeded, count: Int) -> [[UInt8]] {
    var encoder = HPACKEncoder(maximumTableBytes: 300)
    return (0..<count).map { _ in
      if chance.oneIn(3) { encoder.setPeerMaximum(chance.below(400)) }
      return encoder.block((0..<1 + chance.below(6)).map { _ in (chance.field(isText: false), chance.indexing()) })
    }
  }

  @Test("a block cut anywhere gives the fields before the cut, or is refused")
  func cut() throws {
    var chance = Seeded(state: 40)
    var before = HPACKDecoder()
    for block in blocks(&chance, count: 60) {
      var whole = before
      let fields = try whole.fields(block)
      for length in 0..<block.count {
        var decoder = before
        guard let part = try? decoder.fields(Array(block[..<length])) else { continue }
        try #require(part == Array(fields[..<part.count]))
      }
      before = whole
    }
  }

  @Test("blocks with wrong octets are read or refused, and the table keeps its bounds")
  func mutated() throws {
    var chance = Seeded(state: 41)
    for _ in 0..<400 {
      var decoder = HPACKDecoder()
      for var block in blocks(&chance, count: 8) {
        for _ in 0..<chance.below(4) where !block.isEmpty {
          switch chance.below(3) {
          case 0: block[chance.below(block.count)] = UInt8(truncatingIfNeeded: chance.next())
          case 1: block.remove(at: chance.below(block.count))
          default: block.insert([0, 0x7F, 0x80, 0xFF][chance.below(4)], at: chance.below(block.count + 1))
          }
        }
        // It goes on after a failure, which a connection would not, only to see that it bears it.
        _ = try? decoder.fields(block)
        try #require(decoder.table.size <= decoder.table.limit)
        try #require(decoder.table.size == decoder.table.fields.reduce(0) { $0 + PlainTable.size($1) })
      }
    }
  }

  @Test("random octets are read or refused")
  func random() throws {
    var chance = Seeded(state: 42)
    var decoder = HPACKDecoder()
    for _ in 0..<20_000 {
      _ = try? decoder.fields(chance.bytes(chance.below(40)))
      try #require(decoder.table.size <= decoder.table.limit)
    }
  }

  @Test("a large block of one code gives its scratch back")
  func largeBlock() throws {
    var decoder = HPACKDecoder()
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: 160_000)
    let coded = HPACKHuffmanTests.coded(text)
    #expect(coded.count == 100_000)
    let block = [0x00, 0x01, 0x61] + HPACKAppendixCTests.written(coded.count, bits: 7, pattern: 0x80) + coded
    #expect(try decoder.fields(block) == [HPACKField(Array("a".utf8), text)])
    #expect(try decoder.fields([0x82]) == [HPACKField(":method", "GET")])
  }
}
