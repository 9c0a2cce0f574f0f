import Testing

@testable import Gateway

/// The dynamic table as the RFC tells of it, in the plainest form.
struct PlainTable {
  private(set) var fields: [HPACKField] = []
  var limit: Int { didSet { evict() } }

  init(limit: Int) { self.limit = limit }

  var size: Int { fields.reduce(0) { $0 + Self.size($1) } }

  static func size(_ field: HPACKField) -> Int { field.name.count + field.value.count + 32 }

  mutating func insert(_ field: HPACKField) {
    limit -= Self.size(field)
    limit += Self.size(field)
    if limit >= Self.size(field) { fields.insert(field, at: 0) }
  }

  private mutating func evict() { while size > max(0, limit) { fields.removeLast() } }
}

@Suite("The dynamic table")
struct HPACKDynamicTableTests {
  private func decoder(_ maximum: Int, _ blocks: String...) throws -> HPACKDecoder {
    var decoder = HPACKDecoder(maximumTableBytes: maximum)
    for block in blocks { _ = try decoder.fields(octets(block)) }
    return decoder
  }

  @Test("an entry that fits to the octet stays, and one octet less evicts it")
  func exactFit() throws {
    #expect(try decoder(68, "4001610162", "4001630164").table.fields == [HPACKField("c", "d"), HPACKField("a", "b")])
    #expect(try decoder(67, "4001610162", "4001630164").table.fields == [HPACKField("c", "d")])
    #expect(try decoder(34, "4001610162").table.size == 34)
  }

  @Test("an entry larger than the table empties it and is no error")
  func tooLarge() throws {
    var decoder = try decoder(40, "4001610162")
    #expect(decoder.table.count == 1)
    #expect(try decoder.fields(octets("400161083132333435363738")).count == 1)
    #expect(decoder.table.count == 0)
    #expect(decoder.table.size == 0)
    #expect(throws: HPACKDecoder.Malformed.self) { try decoder.fields(octets("be")) }
  }

  @Test("a literal may have the name of the entry that it evicts")
  func evictedName() throws {
    // "name" is 62 and leaves as the second comes; the ring is small, so that the new entry lies across the old one.
    var decoder = try decoder(48, "40046e616d650576616c7565")
    for value in 0..<200 {
      let text = Array(String(repeating: "v", count: value % 12).utf8)
      let fields = try decoder.fields([0x7E, UInt8(text.count)] + text)
      try #require(fields == [HPACKField(Array("name".utf8), text)])
      try #require(decoder.table.fields == fields)
    }
  }

  @Test("a literal may have the name of an entry and be larger than the table")
  func evictedNameTooLarge() throws {
    var decoder = try decoder(40, "40046e616d650176")
    let fields = try decoder.fields([0x7E, 5] + Array("value".utf8))
    #expect(fields == [HPACKField("name", "value")])
    #expect(decoder.table.count == 0)
  }

  @Test("a smaller size evicts, and size 0 empties the table for good")
  func sizeUpdate() throws {
    let decoder = try decoder(4_096, "4001610162" + "4001630164" + "4001650166", "3f25")
    #expect(decoder.table.fields == [HPACKField("e", "f"), HPACKField("c", "d")])
    #expect(decoder.table.limit == 68)
    let none = try self.decoder(4_096, "4001610162", "20", "4001630164")
    #expect(none.table.fields == [])
    let again = try self.decoder(4_096, "4001610162", "203fe11f", "4001630164")
    #expect(again.table.fields == [HPACKField("c", "d")])
  }

  @Test("it holds 128 empty fields and no more")
  func emptyFields() throws {
    var decoder = HPACKDecoder()
    for _ in 0..<300 { _ = try decoder.fields([0x40, 0, 0]) }
    #expect(decoder.table.count == 128)
    #expect(decoder.table.size == 4_096)
  }

  @Test("it is what the plain one is, whatever comes", arguments: [0, 31, 32, 33, 70, 100, 257, 1_000, 4_096])
  func asPlain(maximum: Int) async throws {
    var chance = Seeded(state: UInt64(maximum))
    var table = HPACKDynamicTable(maximum: maximum)
    var plain = PlainTable(limit: maximum)
    for _ in 0..<1_500 {
      await Task.yield()
      if chance.oneIn(50) {
        plain.limit = chance.below(maximum + 1)
        table.setLimit(plain.limit)
      }
      let length = chance.oneIn(4) ? chance.below(max(1, maximum)) : chance.below(20)
      if table.count > 0, chance.oneIn(3) {
        let age = chance.below(table.count)
        let field = HPACKField(plain.fields[age].name, chance.bytes(length))
        field.value.withUnsafeBytes { table.insert(nameOf: table.inserted - 1 - age, value: $0) }
        plain.insert(field)
      } else {
        let field = HPACKField(chance.bytes(chance.below(20)), chance.bytes(length))
        field.name.withUnsafeBytes { name in
          field.value.withUnsafeBytes { value in _ = table.insert(name: name, value: value) }
        }
        plain.insert(field)
      }
      try #require(table.fields == plain.fields)
      try #require(table.size == plain.size)
    }
  }
}
