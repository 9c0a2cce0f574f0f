import Foundation
import Testing

@testable import AuthServer

@Suite struct CBORTests {
  private static func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex.filter { $0 != " " })
    return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...($0 + 1)]), radix: 16) }
  }

  @Test("RFC 8949 appendix A: what authenticators use is read")
  func examples() throws {
    let examples: [(String, CBOR)] = [
      ("00", .integer(0)), ("17", .integer(23)), ("1818", .integer(24)), ("1903e8", .integer(1000)),
      ("1a000f4240", .integer(1_000_000)), ("1b000000e8d4a51000", .integer(1_000_000_000_000)), ("20", .integer(-1)),
      ("3863", .integer(-100)), ("3903e7", .integer(-1000)), ("3b7fffffffffffffff", .integer(.min)),
      ("f4", .bool(false)), ("f5", .bool(true)), ("f6", .null), ("40", .bytes([])),
      ("4401020304", .bytes([1, 2, 3, 4])),
      ("60", .text("")), ("6449455446", .text("IETF")), ("62c3bc", .text("ü")), ("80", .array([])),
      (
        "8301820203820405",
        .array([.integer(1), .array([.integer(2), .integer(3)]), .array([.integer(4), .integer(5)])])
      ),
      ("a0", .map([:])), ("a201020304", .map([.integer(1): .integer(2), .integer(3): .integer(4)])),
      ("a26161016162820203", .map([.text("a"): .integer(1), .text("b"): .array([.integer(2), .integer(3)])])),
      // In another order than CTAP asks for.
      ("a2616201616102", .map([.text("b"): .integer(1), .text("a"): .integer(2)])),
    ]
    for (hex, value) in examples { #expect(try CBOR(Self.bytes(hex)) == value, "\(hex)") }
  }

  @Test(
    "what is malformed, ambiguous or of no use is refused",
    arguments: [
      "", "18", "19ff", "1800", "1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "1bffffffffffffffff",
      "3bffffffffffffffff", "3b8000000000000000", "1c", "1f", "41", "5800", "5f42010243030405ff", "61", "61ff",
      "62c328",
      "63eda080", "7f657374726561646d696e67ff", "81", "9f0102ff", "9bffffffffffffffff", "9a7fffffff", "a1", "a101",
      "a2010201 03", "a2616101616102", "a1400a", "a1f401", "a18001", "bf6161 01ff", "baffffffff", "bb7fffffffffffffff",
      "c0", "c11a514b67b0", "d818 4101", "f7", "f0", "f800", "f8ff", "f90000", "fa47c35000", "fb3ff199999999999a", "ff",
      "0000", "a000",
    ])
  func malformed(_ hex: String) {
    #expect(throws: CBORFault.self) { try CBOR(Self.bytes(hex)) }
  }

  @Test("depth is bounded, and a count that no bytes follow costs nothing")
  func bounds() throws {
    let deepest = Array(repeating: UInt8(0x81), count: CBORReader.greatestDepth)
    let (deep, deeper): ([UInt8], [UInt8]) = (deepest + [0x00], deepest + [0x81, 0x00])
    #expect(throws: Never.self) { try CBOR(deep) }
    #expect(throws: CBORFault("it is nested too deeply")) { try CBOR(deeper) }
    #expect(throws: CBORFault("it is nested too deeply")) { try CBOR(Array(repeating: 0xA1, count: 100_000)) }
    #expect(throws: CBORFault("it ends too early")) { try CBOR([0x9A, 0xFF, 0xFF, 0xFF, 0xFF, 0x00]) }
    #expect(throws: CBORFault("it ends too early")) { try CBOR([0x5A, 0xFF, 0xFF, 0xFF, 0xFF, 0x00]) }
  }

  @Test("whatever bytes come, it ends with a value or a fault")
  func anything() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        UInt8.random(in: .min ... .max, using: &random)
      }
      if let value = try? CBOR(bytes) { #expect(!bytes.isEmpty && value == (try? CBOR(bytes))) }
    }
  }
}
