import Testing

@testable import Gateway

@Suite("Round trips")
struct HPACKRoundTripTests {
  @Test(
    "what the encoder writes the decoder reads, and their tables stay the same",
    arguments: [0, 31, 32, 50, 100, 300, 1_000, 4_096])
  func roundTrips(maximum: Int) throws {
    var chance = Seeded(state: UInt64(maximum))
    var encoder = HPACKEncoder(maximumTableBytes: maximum)
    var decoder = HPACKDecoder()
    for _ in 0..<600 {
      while chance.oneIn(6) { encoder.setPeerMaximum(chance.oneIn(4) ? 4_096 : chance.below(600)) }
      let fields = (0..<chance.below(16)).map { _ in (chance.field(isText: false), chance.indexing()) }
      let block = encoder.block(fields)
      try #require(try decoder.fields(block) == fields.map(\.0))
      try #require(decoder.table.fields == encoder.table.fields)
      try #require(decoder.table.size == encoder.table.size)
      try #require(encoder.table.size <= encoder.table.limit)
    }
  }

  @Test("secrets among others never enter a table")
  func secrets() throws {
    var chance = Seeded(state: 7)
    var encoder = HPACKEncoder()
    var decoder = HPACKDecoder()
    for _ in 0..<500 {
      let fields = (0..<12).map { _ -> (HPACKField, HPACKEncoder.Indexing) in
        let indexing = chance.indexing()
        let field = chance.field(isText: true)
        return indexing == .indexable
          ? (field, indexing) : (HPACKField(field.name, Array("SECRET".utf8) + field.value), indexing)
      }
      try #require(try decoder.fields(encoder.block(fields)) == fields.map(\.0))
      for table in [encoder.table, decoder.table] {
        try #require(!table.fields.contains { $0.value.starts(with: Array("SECRET".utf8)) })
      }
    }
  }
}
