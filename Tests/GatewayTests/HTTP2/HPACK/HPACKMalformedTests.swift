import Testing

@testable import Gateway

@Suite("Malformed blocks")
struct HPACKMalformedTests {
  private func refused(_ block: String, maximum: Int = 4_096, _ location: SourceLocation = #_sourceLocation) {
    var decoder = HPACKDecoder(maximumTableBytes: maximum)
    #expect(throws: HPACKDecoder.Malformed.self, sourceLocation: location) { try decoder.fields(octets(block)) }
  }

  private func accepted(_ block: String, maximum: Int = 4_096, _ location: SourceLocation = #_sourceLocation) {
    var decoder = HPACKDecoder(maximumTableBytes: maximum)
    #expect(throws: Never.self, sourceLocation: location) { try decoder.fields(octets(block)) }
  }

  @Test("index 0 is refused")
  func indexZero() { refused("80") }

  @Test("an index beyond both tables is refused, whatever kind of field names it")
  func indexBeyond() {
    accepted("bd")
    refused("be")
    refused("7e0161")
    refused("0f2f0161")
    refused("1f2f0161")
    // One entry, and then the one behind it.
    accepted("4001610162be")
    refused("4001610162bf")
  }

  @Test("an index of 28 bits is refused and does not overflow")
  func largeIndex() {
    refused("ffffffff7f")
    refused("7fffffff7f0161")
    refused("0fffffff7f0161")
  }

  @Test("an integer with more than four octets behind its first is refused")
  func longInteger() {
    refused("ffffffffff7f")
    refused("ff8080808001")
    refused("ffffffffffffffffffffffff7f")
  }

  @Test("an integer that ends in needless zeros is refused")
  func overlongInteger() {
    refused("ff8000")
    // 127 is the first that needs another octet, which is zero.
    accepted("4001" + "61" + "7f00" + String(repeating: "62", count: 127))
    refused("4001" + "61" + "7f8000" + String(repeating: "62", count: 127))
  }

  @Test("an integer that the block ends in is refused")
  func cutInteger() {
    refused("ff")
    refused("ff80")
    refused("3f")
    refused("7f")
    refused("0f")
  }

  @Test("a string longer than the block is refused")
  func longString() {
    refused("40026101")
    refused("400161")
    refused("40016102" + "62")
    refused("4001617fffffff7f")
    refused("4001" + "61ffffffff7f")
    refused("00")
    refused("10")
    refused("04")
  }

  @Test("end of string inside a string is refused")
  func endOfString() {
    refused("400161" + "84ffffffff")
    // `a`, end of string, padding.
    refused("400161" + "851fffffffff")
    refused("40" + "84ffffffff" + "0161")
  }

  @Test("padding of more than seven bits is refused")
  func longPadding() {
    // `a` has five bits, 00011; `&` has eight, 11111000.
    accepted("400161" + "811f")
    accepted("400161" + "81f8")
    refused("400161" + "821fff")
    refused("400161" + "82f8ff")
    refused("400161" + "81ff")
  }

  @Test("padding of other bits than ones is refused")
  func wrongPadding() {
    refused("400161" + "8118")
    refused("400161" + "811e")
    refused("400161" + "811b")
    refused("400161" + "81fe")
  }

  @Test("the beginning of a long code at the end of a string is refused")
  func cutCode() {
    // 0x80 has twenty bits, 1111 1111 1111 1110 0110.
    accepted("400161" + "83fffe6f")
    refused("400161" + "82fffe")
    refused("400161" + "831ffffe")
  }

  @Test("an empty string is one, Huffman-coded or not")
  func emptyString() throws {
    var decoder = HPACKDecoder()
    #expect(try decoder.fields(octets("4001618040016200")) == [HPACKField("a", ""), HPACKField("b", "")])
    #expect(try decoder.fields(octets("008000")) == [HPACKField("", "")])
  }

  @Test("an empty block has no field")
  func emptyBlock() throws {
    var decoder = HPACKDecoder()
    #expect(try decoder.fields([]) == [])
    #expect(try decoder.decode(UnsafeRawBufferPointer(start: nil, count: 0)) { _, _ in false })
  }

  @Test("at most two size updates are taken, before all fields")
  func sizeUpdates() {
    accepted("20")
    accepted("203fe11f82")
    refused("20203fe11f82")
    refused("8220")
    refused("203fe11f8220")
    refused("4001610162" + "20")
  }

  @Test("a size update above our maximum is refused")
  func largeSizeUpdate() {
    accepted("3fe11f")
    refused("3fe21f")
    refused("3fffffff7f")
    accepted("3f45", maximum: 100)
    refused("3f46", maximum: 100)
  }

  @Test("a decoder with a larger maximum begins with 4 096 octets until it hears more")
  func largerMaximum() throws {
    var decoder = HPACKDecoder(maximumTableBytes: 65_536)
    #expect(decoder.table.limit == 4_096)
    _ = try decoder.fields(octets("3fe1ff03"))
    #expect(decoder.table.limit == 65_536)
  }

  @Test("a field that is not let through stops the block")
  func stopped() throws {
    var decoder = HPACKDecoder()
    var seen = 0
    let whole = try octets("8284864001610162").withUnsafeBytes { block in
      try decoder.decode(block) { _, _ in
        seen += 1
        return seen < 3
      }
    }
    #expect(!whole)
    #expect(seen == 3)
  }

  @Test("every block of one and two octets, and some of three, are read or refused")
  func shortBlocks() async {
    var accepted = 0
    func read(_ block: [UInt8]) {
      var decoder = HPACKDecoder()
      if (try? decoder.fields(block)) != nil { accepted += 1 }
    }
    for first in 0...UInt8.max {
      // Others wait for this thread.
      await Task.yield()
      read([first])
      for second in 0...UInt8.max {
        read([first, second])
        for third: UInt8 in [0, 0x7F, 0xFF] { read([first, second, third]) }
      }
    }
    #expect(accepted > 0)
  }
}
