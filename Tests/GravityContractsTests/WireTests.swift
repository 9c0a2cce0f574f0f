import Foundation
import GravityContracts
import Testing

@Suite struct WireTests {
  @Test(
    "a time is written in RFC 3339 with six digits and read back exactly",
    arguments: [
      (0, "1970-01-01T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
      (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"), (4_102_444_799_999_999, "2099-12-31T23:59:59.999999Z"),
      (-62_135_596_800_000_000, "0001-01-01T00:00:00.000000Z"),
    ])
  func times(microseconds: Int, text: String) throws {
    let date = Date(microsecondsSince1970: Int64(microseconds))
    #expect(WireTime.string(date) == text)
    #expect(WireTime.date(text)?.microsecondsSince1970 == Int64(microseconds))
  }

  @Test("offsets, lower case and finer fractions are read")
  func offsets() throws {
    let expected = try #require(WireTime.date("2026-01-31T09:30:00Z"))
    #expect(WireTime.date("2026-01-31T10:30:00+01:00") == expected)
    #expect(WireTime.date("2026-01-31t09:30:00z") == expected)
    #expect(WireTime.date("2026-01-31T09:30:00.0000004Z") == expected)
    #expect(WireTime.date("2026-01-31T04:00:00-05:30") == expected)
  }

  @Test(
    "what is no time is refused",
    arguments: [
      "", "2026", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T09:30:00",
      "2026-01-31T09:30:00.Z", "2026-01-31T09:30:00ZZ", "0000-01-01T00:00:00Z", "2026-01-31T09:30:00+25:00",
    ])
  func noTimes(text: String) { #expect(WireTime.date(text) == nil) }

  @Test("a patch tells a field that is missing from one that is null, both ways")
  func patch() throws {
    struct Body: Codable, Equatable {
      var name: Patch<String>
      var age: Patch<Int>
    }
    func read(_ text: String) throws -> Body { try WireFormat.makeDecoder().decode(Body.self, from: Data(text.utf8)) }
    #expect(try read("{}") == Body(name: .absent, age: .absent))
    #expect(try read("{\"name\":null}") == Body(name: .null, age: .absent))
    #expect(try read("{\"name\":\"x\",\"age\":3}") == Body(name: .value("x"), age: .value(3)))
    #expect(throws: DecodingError.self) { try read("{\"age\":\"3\"}") }
    let written = try WireFormat.makeEncoder().encode(Body(name: .null, age: .absent))
    #expect(String(decoding: written, as: UTF8.self) == "{\"name\":null}")
  }

  @Test("an open enum keeps what it does not know")
  func open() throws {
    enum Colour: String, CaseIterable { case red, blue }
    let read = try WireFormat.makeDecoder().decode([Open<Colour>].self, from: Data("[\"red\",\"green\"]".utf8))
    #expect(read == [.known(.red), .unknown("green")])
    #expect(String(decoding: try WireFormat.makeEncoder().encode(read), as: UTF8.self) == "[\"red\",\"green\"]")
  }

  @Test("ids of version 7 carry their version and variant and sort by time")
  func ids() {
    var random = SystemRandomNumberGenerator()
    let early = UUID.v7(at: Date(timeIntervalSince1970: 1_700_000_000), using: &random)
    let late = UUID.v7(at: Date(timeIntervalSince1970: 1_700_000_001), using: &random)
    #expect(early.lowercased < late.lowercased)
    #expect(Array(early.uuidString)[14] == "7")
    #expect("89AB".contains(Array(early.uuidString)[19]))
  }

  @Test("a cursor gives back its parts, and rubbish is refused")
  func cursors() {
    let cursor = Cursor(["2026", "", "ä:1"])
    #expect(Cursor(cursor.description)?.parts == ["2026", "", "ä:1"])
    for rubbish in [
      "", "!", "AA", "MTA6eA", Data("1:".utf8).base64URLEncodedString(), String(repeating: "A", count: 2000),
    ] {
      #expect(Cursor(rubbish) == nil, "\(rubbish.prefix(20))")
    }
  }

  @Test("a page has a cursor only when there is more")
  func pages() {
    let page = Page(fetched: [1, 2, 3], limit: 2) { Cursor(["\($0)"]) }
    #expect(page.items == [1, 2])
    #expect(page.nextCursor?.parts == ["2"])
    #expect(Page(fetched: [1, 2], limit: 2) { Cursor(["\($0)"]) }.nextCursor == nil)
  }
}

@Suite struct PermissionTests {
  @Test("a granted permission allows itself and what its stars cover")
  func grants() {
    #expect(Permission("accounts:read").grants("accounts:read"))
    #expect(Permission("accounts:*").grants("accounts:write"))
    #expect(Permission("*:*").grants("roles:write"))
    #expect(Permission("*:read").grants("roles:read"))
    #expect(!Permission("*:read").grants("roles:write"))
    #expect(!Permission("accounts:read").grants("accounts:*"))
    #expect(!Permission("accounts").grants("accounts:read"))
  }

  @Test(
    "a malformed permission is told apart",
    arguments: ["", ":", "a:", ":b", "a:b:c", "A:b", "a b:c", "**:a", "a:\u{0}"])
  func malformed(text: String) { #expect(!Permission(rawValue: text).isWellFormed) }

  @Test("well-formed permissions pass", arguments: ["accounts:read", "*:*", "a-b_c.d:*", "x1:y2"])
  func wellFormed(text: String) { #expect(Permission(rawValue: text).isWellFormed) }
}

@Suite struct MoneyTests {
  @Test("exponents come from ISO 4217", arguments: [("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("EUR", 2)])
  func exponents(code: String, exponent: Int) throws { #expect(try #require(Currency(code)).exponent == exponent) }

  @Test("codes that are no currency are refused", arguments: ["usd", "XXX", "", "US", "USDD"])
  func noCurrency(code: String) { #expect(Currency(code) == nil) }

  @Test("amounts stay within 2^53 - 1, in arithmetic too")
  func bounds() throws {
    let dollar = try #require(Currency("USD"))
    let euro = try #require(Currency("EUR"))
    #expect(Money(Money.greatest + 1, dollar) == nil)
    let most = try #require(Money(Money.greatest, dollar))
    let one = try #require(Money(1, dollar))
    #expect(throws: MoneyError.outOfBounds) { try most.adding(one) }
    #expect(throws: MoneyError.outOfBounds) { try most.multiplied(by: .max) }
    #expect(throws: MoneyError.currenciesDiffer(dollar, euro)) { try one.adding(try #require(Money(1, euro))) }
    #expect(try one.multiplied(by: 7).amount == 7)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Money.self, from: Data("{\"amount\":9007199254740992,\"currency\":\"USD\"}".utf8))
    }
  }
}

@Suite struct EntityTagTests {
  @Test("one strong tag in quotes is read; weak and malformed ones are not")
  func reading() {
    #expect(EntityTag(header: "\"v3\"") == EntityTag(version: 3))
    #expect("\(EntityTag(version: 3))" == "\"v3\"")
    for bad in ["v3", "W/\"v3\"", "\"", "\"a\"b\"", "\"\u{7F}\"", ""] { #expect(EntityTag(header: bad) == nil) }
  }
}
