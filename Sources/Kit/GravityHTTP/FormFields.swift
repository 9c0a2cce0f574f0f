import Foundation
import GravityContracts

/// `application/x-www-form-urlencoded`: queries and forms (WHATWG URL §5.1).
enum FormFields {
  /// - Throws: 400 when an escape is malformed, a name stands twice or there are more than 100 fields.
  static func parse(_ text: String) throws -> [String: String] {
    var (text, fields) = (text, [String: String]())
    try text.withUTF8 { bytes in
      for pair in bytes.split(separator: UInt8(ascii: "&")) {
        let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
        guard let name = decoded(pair[..<equals]), let value = decoded(pair[equals...].dropFirst()) else {
          throw Problem(
            400, "malformed_query", "A field of the query or form is malformed",
            detail:
              "\"\(String(decoding: pair.prefix(64), as: UTF8.self))\": % takes two hex digits, and the whole is UTF-8 without NUL."
          )
        }
        guard fields.updateValue(value, forKey: name) == nil else {
          throw Problem(400, "malformed_query", "A field stands twice", detail: "\"\(name.prefix(64))\"")
        }
        guard fields.count <= 100 else { throw Problem(400, "malformed_query", "There are more than 100 fields") }
      }
    }
    return fields
  }

  private static func decoded(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> String? {
    // As most are: nothing stands for anything else.
    guard text.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") || $0 == 0 }) else {
      return String(validating: text, as: UTF8.self)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var rest = text
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+"): bytes.append(0x20)
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst().flatMap(hex), let low = rest.popFirst().flatMap(hex) else { return nil }
        bytes.append(high << 4 | low)
      default: bytes.append(byte)
      }
    }
    guard !bytes.contains(0) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func hex(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }
}
