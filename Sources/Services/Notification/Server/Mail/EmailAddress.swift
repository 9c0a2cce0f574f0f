import Foundation

/// An address that can stand in a mail's header and envelope: `local@domain` (RFC 5321 §4.1.2), also with letters
/// beyond ASCII (RFC 6531).
struct EmailAddress: Sendable, Hashable {
  let text: String

  /// Bytes (RFC 5321 §4.5.3.1).
  static let greatestSize = 254

  /// Trims spaces around it.
  init?(_ text: String) {
    let text = text.trimmingCharacters(in: .whitespaces).precomposedStringWithCanonicalMapping
    guard text.utf8.count <= Self.greatestSize, let at = text.lastIndex(of: "@") else { return nil }
    let (local, domain) = (text[..<at], text[text.index(after: at)...])
    guard (1...64).contains(local.utf8.count), !local.hasPrefix("."), !local.hasSuffix("."), !local.contains(".."),
      local.unicodeScalars.allSatisfy(Self.isLocal), !domain.isEmpty,
      domain.split(separator: ".", omittingEmptySubsequences: false).allSatisfy(Self.isLabel)
    else { return nil }
    self.text = text
  }

  /// RFC 5322 `atext` and dots; quoted local parts are refused, since nobody has one and forgers like them.
  private static func isLocal(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII
      ? scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
        || ".!#$%&'*+-/=?^_`{|}~".unicodeScalars.contains(scalar)
      : isWord(scalar)
  }

  private static func isLabel(_ label: Substring) -> Bool {
    (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
      && label.unicodeScalars.allSatisfy { scalar in
        scalar.isASCII
          ? scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "-" : isWord(scalar)
      }
  }

  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator:
      false
    default: true
    }
  }
}
