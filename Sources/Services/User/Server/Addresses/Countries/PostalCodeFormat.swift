import Foundation

/// How a country writes its postal codes, and whether an address needs one.
///
/// In a pattern `9` is a digit, `a` a letter, `x` either; what else stands there is itself. Hyphens and spaces are put
/// where the country has them, however they were typed.
struct PostalCodeFormat: Sendable, Hashable {
  let country: String
  let patterns: [String]
  let isRequired: Bool

  /// The code as the country writes it.
  /// - Returns: nil when it fits no pattern.
  func normalized(_ text: String) -> String? {
    let bare = Self.bare(text)
    var candidates = [bare]
    // DE-10115 and, older, D-10115; and LV-1010 without its LV.
    for prefix in [country, Self.formerSigns[country]] {
      if let prefix, bare.hasPrefix(prefix) { candidates.append(String(bare.dropFirst(prefix.count))) }
    }
    candidates.append(country + bare)
    for candidate in candidates {
      for pattern in patterns { if let code = Self.fit(candidate, pattern) { return code } }
    }
    return nil
  }

  /// Something that fits, to show to whoever typed something else.
  var example: String {
    var (digit, letter) = (0, 0)
    return String(
      (patterns.first ?? "").map { character in
        switch character {
        case "9", "x":
          digit += 1
          return Character("\(digit % 10)")
        case "a":
          letter += 1
          return Character(UnicodeScalar(UInt8(64 + letter)))
        default: return character
        }
      })
  }

  /// Capitals and digits without what is put between them; full-width ones are made plain (`１００−０００１`, `〒100-0001`).
  static func bare(_ text: String) -> String {
    String(
      text.precomposedStringWithCompatibilityMapping.uppercased().unicodeScalars.filter { scalar in
        scalar.properties.generalCategory != .dashPunctuation && !scalar.properties.isWhitespace
          && !["\u{2212}", "\u{30FC}", "\u{3012}", "."].contains(scalar)
      }.map(Character.init))
  }

  private static func fit(_ bare: String, _ pattern: String) -> String? {
    var (rest, code) = (bare.utf8[...], "")
    for mark in pattern.utf8 {
      if mark == UInt8(ascii: " ") || mark == UInt8(ascii: "-") {
        code.unicodeScalars.append(UnicodeScalar(mark))
        continue
      }
      guard let byte = rest.popFirst() else { return nil }
      let (isDigit, isLetter) = ((0x30...0x39).contains(byte), (0x41...0x5A).contains(byte))
      let fits =
        switch mark {
        case UInt8(ascii: "9"): isDigit
        case UInt8(ascii: "a"): isLetter
        case UInt8(ascii: "x"): isDigit || isLetter
        default: byte == mark
        }
      guard fits else { return nil }
      code.unicodeScalars.append(UnicodeScalar(byte))
    }
    return rest.isEmpty ? code : nil
  }

  /// The signs of cars, which once stood before the codes.
  private static let formerSigns = [
    "AT": "A", "BE": "B", "DE": "D", "ES": "E", "FI": "FIN", "FR": "F", "HU": "H", "IT": "I", "LU": "L", "NO": "N",
    "SE": "S",
  ]
}
