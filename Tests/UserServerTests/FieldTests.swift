import Foundation
import GravityContracts
import Testbed
import Testing
import UserAPI
@testable import UserServer

@Suite struct FieldTests {
  @Test(
    "language tags are put in their usual case",
    arguments: [
      ("en", "en"), ("PT-br", "pt-BR"), ("ZH-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"),
      ("sl-rozaj-biske", "sl-rozaj-biske"),
      ("DE-de-U-CO-phonebk", "de-DE-u-co-phonebk"), ("de-CH-1996", "de-CH-1996"), ("en-x-a-b", "en-x-a-b"),
      ("hy-Latn-IT-arevela", "hy-Latn-IT-arevela"), ("gsw-CH", "gsw-CH"),
    ])
  func languageTags(_ given: String, _ kept: String) { #expect(LanguageTag(given)?.text == kept) }

  @Test(
    "what is no language tag is refused",
    arguments: [
      "", "e", "english", "en_US", "en-", "-en", "en--US", "en-US-US", "x-private", "i-klingon", "en-u", "en-x",
      "de-1996-1996", "en-u-co-u-nu", "é", "en-ÜS", "en-US'; DROP TABLE users; --", "en\u{0}",
      "de-DE-u-co-phonebk-kn-true-ks-level2x",
    ])
  func notLanguageTags(_ text: String) { #expect(LanguageTag(text) == nil) }

  @Test("time zones are those of the IANA database, links too")
  func timeZones() {
    for name in [
      "UTC", "Europe/Kyiv", "Europe/Kiev", "Asia/Kolkata", "US/Pacific", "Etc/GMT+5", "America/Argentina/Buenos_Aires",
    ] {
      #expect(TimeZoneName(name)?.text == name, "\(name)")
    }
    for name in [
      "", "GMT+3", "+02:00", "Mars/Olympus", "europe/berlin", "../../etc/passwd", "/etc/localtime", "posix/UTC",
      "Europe/Berlin\u{0}", "PST", "Europe/Berlin ", String(repeating: "A", count: 65),
    ] { #expect(TimeZoneName(name) == nil, "\(name)") }
  }

  @Test("telephone numbers are E.164")
  func phones() {
    for (given, kept) in [
      ("+49 30 123-456", "+4930123456"), ("+1 (415) 555.2671", "+14155552671"), ("+6834001", "+6834001"),
    ] {
      #expect(PhoneNumber(given)?.text == kept)
    }
    for text in [
      "", "+", "030 123456", "0049301234", "+0301234567", "+1234567890123456", "+12345", "+49a30123456", "+٤٩٣٠١٢٣٤٥٦",
      "++4930123456", "+4930123456\u{0}", String(repeating: " ", count: 100) + "+4930123456",
    ] {
      #expect(PhoneNumber(text) == nil, "\(text)")
    }
  }

  @Test("the table of countries is ISO 3166-1 and one more")
  func countries() {
    #expect(Country.all.count == 250)
    #expect(Country.all.allSatisfy { $0.count == 2 && $0.utf8.allSatisfy { (0x41...0x5A).contains($0) } })
    #expect(Country("de")?.code == "DE" && Country("XK") != nil)
    for code in ["ZZ", "UK", "EU", "D", "", "DEU", "ß", "ﬁ"] { #expect(Country(code) == nil, "\(code)") }
    #expect(PostalCodeFormat.formats.keys.allSatisfy(Country.all.contains))
    #expect(PostalCodeFormat.formats.count >= 170)
    #expect(Subdivisions.countries.allSatisfy(Country.all.contains))
    for format in PostalCodeFormat.formats.values {
      #expect(format.normalized(format.example) == format.example, "\(format.country) \(format.example)")
      #expect(format.normalized("") == nil && format.normalized("'; --") == nil)
    }
  }

  @Test(
    "postal codes are kept as their country writes them",
    arguments: [
      ("GB", "sw1a1aa", "SW1A 1AA"), ("GB", "m1 1ae", "M1 1AE"), ("GB", "B338TH", "B33 8TH"),
      ("GB", "CR2 6XH", "CR2 6XH"),
      ("GB", "DN551PT", "DN55 1PT"), ("GB", "w1a0ax", "W1A 0AX"), ("CA", "k1a0b1", "K1A 0B1"),
      ("CA", "K1A-0B1", "K1A 0B1"),
      ("US", "94043", "94043"), ("US", "940431351", "94043-1351"), ("NL", "1234ab", "1234 AB"),
      ("JP", "1000001", "100-0001"),
      ("JP", "〒１００−０００１", "100-0001"), ("JP", "100ー0001", "100-0001"), ("BR", "01310100", "01310-100"),
      ("PT", "1000 205", "1000-205"), ("PL", "00950", "00-950"), ("SE", "11455", "114 55"),
      ("SE", "S-114 55", "114 55"),
      ("CZ", "25166", "251 66"), ("GR", "10431", "104 31"), ("DE", "D-10117", "10117"), ("DE", "DE 10117", "10117"),
      ("LV", "1010", "LV-1010"), ("LV", "LV1010", "LV-1010"), ("IN", "110 001", "110001"),
      ("IE", "d02af30", "D02 AF30"),
      ("AR", "c1425cla", "C1425CLA"), ("AR", "1425", "1425"), ("TW", "10603", "10603"), ("KR", "03051", "03051"),
      ("AD", "AD500", "AD500"), ("AD", "500", "AD500"), ("MT", "VLT1117", "VLT 1117"), ("IL", "9614303", "9614303"),
      ("AU", "2060", "2060"), ("MX", "06082", "06082"), ("SA", "11564", "11564"), ("KY", "KY11100", "KY1-1100"),
      ("GB", "bfpo 61", "BFPO 61"), ("FR", "F-75008", "75008"),
    ])
  func postalCodes(_ country: String, _ given: String, _ kept: String) {
    #expect(PostalCodeFormat.formats[country]?.normalized(given) == kept)
  }

  @Test(
    "what is no postal code of a country is refused",
    arguments: [
      ("US", "9404"), ("US", "ABCDE"), ("US", "94043-13"), ("US", "94043!"), ("CA", "V0E 1W"), ("CA", "VO 1W0"),
      ("CA", "12345"),
      ("DE", "1011"), ("DE", "101170"), ("DE", "D-D-10117"), ("GB", "SW1A"), ("GB", "1SW 1AA"), ("JP", "100-00011"),
      ("NL", "1234 A1"), ("BR", "1310-100"), ("KR", "151-742"), ("FR", "75008; DROP TABLE users"), ("US", "٩٤٠٤٣"),
    ])
  func notPostalCodes(_ country: String, _ given: String) {
    #expect(PostalCodeFormat.formats[country]?.normalized(given) == nil)
  }

  @Test("regions are ISO 3166-2 codes, former ones become present ones")
  func regions() {
    for (country, given, kept) in [
      ("US", "ca", "US-CA"), ("US", "US-CA", "US-CA"), ("US", "us-ae", "US-AE"), ("JP", "13", "JP-13"),
      ("IN", "OR", "IN-OD"),
      ("IN", "IN-TG", "IN-TS"), ("MX", "DIF", "MX-CMX"), ("AU", "NSW", "AU-NSW"), ("BR", "sp", "BR-SP"),
      ("IT", "RM", "IT-RM"),
      ("ES", "M", "ES-M"), ("CN", "bj", "CN-BJ"),
    ] { #expect(Subdivisions.code(of: given, in: country) == kept) }
    for (country, given) in [
      ("US", "ZZ"), ("US", "CA-CA"), ("US", "US-US-CA"), ("JP", "48"), ("JP", "0"), ("CA", "CA"), ("DE", "BE"),
    ] {
      #expect(Subdivisions.code(of: given, in: country) == nil, "\(country) \(given)")
    }
  }

  @Test("merge patches do what the examples of RFC 7396 say")
  func mergePatch() throws {
    // Appendix A, those of which both sides are objects.
    for (target, patch, result) in [
      (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
      (#"{"a":"b"}"#, #"{"a":null}"#, "{}"), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
      (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
      (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
      (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
      ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
    ] {
      func object(_ text: String) throws -> JSONObject {
        try JSONDecoder().decode(JSONObject.self, from: Data(text.utf8))
      }
      #expect(try object(target).merging(object(patch)) == object(result), "\(target) + \(patch)")
    }
  }

  @Test("settings out of bounds are told by name")
  func settings() {
    for change in [
      { $0.deletionGrace = -1 }, { $0.deletionGrace = 366 * 86_400 }, { $0.defaultLocale = "x" },
      { $0.defaultTimezone = "Mars" },
    ] as [@Sendable (inout UserConfiguration) -> Void] {
      var configuration = UserConfiguration()
      change(&configuration)
      #expect(throws: UserConfigurationError.self) { try configuration.validate() }
    }
    #expect(throws: Never.self) { try UserConfiguration().validate() }
  }
}
