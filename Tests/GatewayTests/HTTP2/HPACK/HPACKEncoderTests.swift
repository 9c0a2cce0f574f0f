import NIOCore
import Testing

@testable import Gateway

@Suite("The encoder")
struct HPACKEncoderTests {
  private func status(_ status: Int, _ encoder: inout HPACKEncoder) -> [UInt8] {
    var output = ByteBuffer()
    encoder.encodeStatus(status, into: &output)
    return Array(output.readableBytesView)
  }

  @Test("a status of the static table is one octet, and another is one from the second time on")
  func status() throws {
    var encoder = HPACKEncoder()
    let known = [200: 0x88, 204: 0x89, 206: 0x8A, 304: 0x8B, 400: 0x8C, 404: 0x8D, 500: 0x8E as UInt8]
    for (code, octet) in known { #expect(status(code, &encoder) == [octet]) }
    #expect(encoder.table.count == 0)
    var decoder = HPACKDecoder()
    #expect(try decoder.fields(status(201, &encoder)) == [HPACKField(":status", "201")])
    #expect(status(201, &encoder) == [0xBE])
    for code in 100...999 where known[code] == nil {
      try #require(try decoder.fields(status(code, &encoder)) == [HPACKField(":status", "\(code)")])
    }
  }

  @Test("every field of the static table is one octet")
  func staticFields() {
    var encoder = HPACKEncoder()
    for index in 1...HPACKStaticTable.count {
      let field = HPACKField(HPACKStaticTable.shared.name(at: index), HPACKStaticTable.shared.value(at: index))
      #expect(encoder.block([field]) == [0x80 | UInt8(index)])
    }
  }

  @Test("a field that comes again is an octet, and a name that comes again is not written again")
  func again() {
    var encoder = HPACKEncoder()
    _ = encoder.block([HPACKField("x-one", "1"), HPACKField("x-two", "2")])
    #expect(encoder.block([HPACKField("x-one", "1"), HPACKField("x-two", "2")]) == [0xBF, 0xBE])
    #expect(encoder.block([HPACKField("x-one", "3")]) == [0x7F, 0x00, 0x01, 0x33])
  }

  @Test("a secret never enters the table, nor does its name, even if it could")
  func secrets() {
    var encoder = HPACKEncoder()
    for field in [
      HPACKField("authorization", "Bearer x"), HPACKField("x-secret", "y"), HPACKField("cookie", ""),
      HPACKField(":path", "/"),
    ] {
      for _ in 0..<2 {
        #expect(encoder.block([field], .neverIndexed)[0] & 0xF0 == 0x10)
        #expect(encoder.block([field], .nonIndexable)[0] & 0xF0 == 0x00)
      }
    }
    #expect(encoder.table.count == 0)
    // Nor is one said by an index, if somebody has indexed the same field before.
    _ = encoder.block([HPACKField("x-secret", "y")])
    #expect(encoder.block([HPACKField("x-secret", "y")], .neverIndexed) == [0x1F, 0x2F, 0x01, 0x79])
  }

  @Test("a value of more than a quarter of the table is not indexed")
  func largeValue() {
    var encoder = HPACKEncoder()
    _ = encoder.block([HPACKField("x", String(repeating: "v", count: 1_025))])
    #expect(encoder.table.count == 0)
    _ = encoder.block([HPACKField("x", String(repeating: "v", count: 1_024))])
    #expect(encoder.table.count == 1)
    _ = encoder.block([HPACKField(String(repeating: "n", count: 4_096), "v")])
    #expect(encoder.table.count == 1)
  }

  @Test("what Huffman coding does not make shorter is plain")
  func shorter() {
    var encoder = HPACKEncoder()
    #expect(encoder.block([HPACKField("a", "^^^")]) == [0x40, 0x01, 0x61, 0x03, 0x5E, 0x5E, 0x5E])
    #expect(encoder.block([HPACKField("b", "aaa")]) == [0x40, 0x01, 0x62, 0x82, 0x18, 0xC7])
  }

  @Test("the peer's size is said at the next block, once, and the smallest one before it")
  func sizes() {
    func begun(_ encoder: inout HPACKEncoder) -> [UInt8] { encoder.block([]) }
    var encoder = HPACKEncoder()
    #expect(begun(&encoder) == [])
    encoder.setPeerMaximum(4_096)
    #expect(begun(&encoder) == [])
    encoder.setPeerMaximum(65_536)
    #expect(begun(&encoder) == [])
    encoder.setPeerMaximum(100)
    #expect(encoder.table.limit == 4_096)
    #expect(begun(&encoder) == [0x3F, 0x45])
    #expect(encoder.table.limit == 100)
    #expect(begun(&encoder) == [])
    encoder.setPeerMaximum(0)
    encoder.setPeerMaximum(200)
    encoder.setPeerMaximum(50)
    encoder.setPeerMaximum(Int.max)
    #expect(begun(&encoder) == [0x20, 0x3F, 0xE1, 0x1F])
    encoder.setPeerMaximum(100)
    encoder.setPeerMaximum(4_096)
    #expect(begun(&encoder) == [0x3F, 0x45, 0x3F, 0xE1, 0x1F])
    encoder.setPeerMaximum(Int.min)
    #expect(begun(&encoder) == [0x20])
  }

  @Test("a size that came and went has emptied the table on both sides")
  func emptied() throws {
    var encoder = HPACKEncoder()
    var decoder = HPACKDecoder()
    #expect(try decoder.fields(encoder.block([HPACKField("a", "b")])) == [HPACKField("a", "b")])
    encoder.setPeerMaximum(0)
    encoder.setPeerMaximum(4_096)
    #expect(try decoder.fields(encoder.block([HPACKField("a", "b")])) == [HPACKField("a", "b")])
    #expect(encoder.table.fields == [HPACKField("a", "b")])
    #expect(decoder.table.fields == [HPACKField("a", "b")])
  }

  @Test("a table of its own that is smaller is said at the first block")
  func ownSize() {
    var encoder = HPACKEncoder(maximumTableBytes: 100)
    encoder.setPeerMaximum(4_096)
    #expect(encoder.block([]) == [0x3F, 0x45])
    var none = HPACKEncoder(maximumTableBytes: 0)
    #expect(none.block([HPACKField("a", "b")]) == [0x20, 0x00, 0x01, 0x61, 0x01, 0x62])
  }

  @Test("an index of two octets is written right to the last entry")
  func lastEntries() throws {
    var encoder = HPACKEncoder()
    var decoder = HPACKDecoder()
    // 37 octets each, so that 110 are in the table.
    let fields = (0..<110).map { HPACKField("x\(100 + $0)", "v") }
    #expect(try decoder.fields(encoder.block(fields)) == fields)
    #expect(encoder.table.count == 110)
    #expect(encoder.block([fields[0]]) == [0xFF, 0x2C])
    #expect(try decoder.fields(encoder.block(fields)) == fields)
    #expect(try decoder.fields(encoder.block(fields, .neverIndexed)) == fields)
  }

  @Test("integers of any size come back, or are refused beyond 28 bits", arguments: [UInt8(4), 5, 6, 7])
  func integers(bits: UInt8) throws {
    for value in [0, 1, 14, 15, 16, 30, 31, 63, 126, 127, 128, 254, 255, 16_383, 16_511, 1 << 20, 1 << 28 - 1] {
      let read = try HPACKAppendixCTests.written(value, bits: bits).withUnsafeBytes {
        block throws(HPACKDecoder.Malformed) in
        var reader = HPACKReader(block)
        return try reader.integer(bits: bits)
      }
      #expect(read == value)
    }
    for value in [1 << 28 + 255, 1 << 40, Int.max] {
      #expect(throws: HPACKDecoder.Malformed.self) {
        try HPACKAppendixCTests.written(value, bits: bits).withUnsafeBytes { block in
          var reader = HPACKReader(block)
          _ = try reader.integer(bits: bits)
        }
      }
    }
  }
}
