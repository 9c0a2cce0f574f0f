import NIOCore
import Testing

@testable import Gateway

/// The examples of RFC 7541 Appendix C.
@Suite("RFC 7541 Appendix C")
struct HPACKAppendixCTests {
  struct Step: Sendable {
    var block: String
    var fields: [(String, String)]
    var table: [(String, String)]
    var size: Int
  }

  @Test("C.1: integers", arguments: [(10, UInt8(5), "0a"), (1_337, 5, "1f9a0a"), (42, 8, "2a")])
  func integers(value: Int, bits: UInt8, expected: String) throws {
    #expect(Self.written(value, bits: bits) == octets(expected))
    try octets(expected).withUnsafeBytes { block in
      var reader = HPACKReader(block)
      let read = try reader.integer(bits: bits)
      #expect(read == value)
      #expect(reader.next == nil)
    }
  }

  @Test("C.2.1: a literal that is indexed")
  func indexed() throws {
    var decoder = HPACKDecoder()
    let field = HPACKField("custom-key", "custom-header")
    #expect(try decoder.fields(octets("400a637573746f6d2d6b65790d637573746f6d2d686561646572")) == [field])
    #expect(decoder.table.fields == [field])
    #expect(decoder.table.size == 55)
  }

  @Test("C.2.2: a literal without indexing")
  func notIndexed() throws {
    var decoder = HPACKDecoder()
    let block = octets("040c2f73616d706c652f70617468")
    #expect(try decoder.fields(block) == [HPACKField(":path", "/sample/path")])
    #expect(decoder.table.count == 0)
    var encoder = HPACKEncoder()
    #expect(encoder.block([HPACKField(":path", "/sample/path")], .nonIndexable) == block)
  }

  @Test("C.2.3: a literal that is never indexed")
  func neverIndexed() throws {
    var decoder = HPACKDecoder()
    let block = octets("100870617373776f726406736563726574")
    #expect(try decoder.fields(block) == [HPACKField("password", "secret")])
    #expect(decoder.table.count == 0)
    var encoder = HPACKEncoder()
    #expect(encoder.block([HPACKField("password", "secret")], .neverIndexed) == block)
  }

  @Test("C.2.4: an indexed field")
  func indexedField() throws {
    var decoder = HPACKDecoder()
    #expect(try decoder.fields(octets("82")) == [HPACKField(":method", "GET")])
    #expect(decoder.table.count == 0)
  }

  @Test("C.3: requests without Huffman coding")
  func plainRequests() throws {
    try Self.decode(
      [
        "828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
      ], Self.requests)
  }

  @Test("C.4: requests with Huffman coding, both ways")
  func shortRequests() throws {
    let blocks = [
      "828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
      "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ]
    try Self.decode(blocks, Self.requests)
    var encoder = HPACKEncoder()
    for (block, step) in zip(blocks, Self.requests) {
      #expect(encoder.block(step.fields.map { HPACKField($0, $1) }) == octets(block))
      Self.check(encoder.table, step)
    }
  }

  @Test("C.5: responses without Huffman coding, in a table of 256 octets")
  func plainResponses() throws {
    try Self.decode(
      [
        """
        4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54
        6e1768747470733a2f2f7777772e6578616d706c652e636f6d
        """,
        "4803333037c1c0bf",
        """
        88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f
        3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076
        657273696f6e3d31
        """,
      ], Self.responses, maximum: 256)
  }

  @Test("C.6: responses with Huffman coding, in a table of 256 octets, both ways")
  func shortResponses() throws {
    let blocks = [
      """
      488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f
      0b97c8e9ae82ae43d3
      """,
      "4883640effc1c0bf",
      """
      88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df
      dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007
      """,
    ]
    try Self.decode(blocks, Self.responses, maximum: 256)
    var encoder = HPACKEncoder(maximumTableBytes: 256)
    for (index, step) in Self.responses.enumerated() {
      let block = encoder.block(step.fields.map { HPACKField($0, $1) })
      // What the appendix does not have: the size is said first, and what Huffman coding does not make shorter is plain.
      let expected = ["3fe101" + blocks[0], "4803333037c1c0bf", blocks[2]][index]
      #expect(block == octets(expected))
      Self.check(encoder.table, step)
    }
  }

  private static func decode(_ blocks: [String], _ steps: [Step], maximum: Int = 4_096) throws {
    var decoder = HPACKDecoder(maximumTableBytes: maximum)
    for (block, step) in zip(blocks, steps) {
      #expect(try decoder.fields(octets(block)) == step.fields.map { HPACKField($0, $1) })
      check(decoder.table, step)
    }
  }

  private static func check(_ table: HPACKDynamicTable, _ step: Step) {
    #expect(table.fields == step.table.map { HPACKField($0, $1) })
    #expect(table.size == step.size)
  }

  static func written(_ value: Int, bits: UInt8, pattern: UInt8 = 0) -> [UInt8] {
    var output = ByteBuffer()
    output.writeWithUnsafeMutableBytes(minimumWritableBytes: HPACKWriter.integerRoom) { room in
      var writer = HPACKWriter(room)
      writer.integer(value, bits: bits, pattern: pattern)
      return writer.count
    }
    return Array(output.readableBytesView)
  }

  private static let host = (":authority", "www.example.com")
  private static let noCache = ("cache-control", "no-cache")
  private static let custom = ("custom-key", "custom-value")
  private static let requests = [
    Step(
      block: "C.3.1", fields: [(":method", "GET"), (":scheme", "http"), (":path", "/"), host], table: [host], size: 57),
    Step(
      block: "C.3.2", fields: [(":method", "GET"), (":scheme", "http"), (":path", "/"), host, noCache],
      table: [noCache, host], size: 110),
    Step(
      block: "C.3.3", fields: [(":method", "GET"), (":scheme", "https"), (":path", "/index.html"), host, custom],
      table: [custom, noCache, host], size: 164),
  ]

  private static let isPrivate = ("cache-control", "private")
  private static let date = ("date", "Mon, 21 Oct 2013 20:13:21 GMT")
  private static let later = ("date", "Mon, 21 Oct 2013 20:13:22 GMT")
  private static let location = ("location", "https://www.example.com")
  private static let gzip = ("content-encoding", "gzip")
  private static let cookie = ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")
  private static let responses = [
    Step(
      block: "C.5.1", fields: [(":status", "302"), isPrivate, date, location],
      table: [location, date, isPrivate, (":status", "302")], size: 222),
    Step(
      block: "C.5.2", fields: [(":status", "307"), isPrivate, date, location],
      table: [(":status", "307"), location, date, isPrivate], size: 222),
    Step(
      block: "C.5.3", fields: [(":status", "200"), isPrivate, later, location, gzip, cookie],
      table: [cookie, gzip, later], size: 215),
  ]
}
