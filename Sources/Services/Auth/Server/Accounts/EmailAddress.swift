import Foundation
import GravityContracts

/// An address as accounts keep it: trimmed, NFC, lower case; so that two spellings are one account.
struct EmailAddress: Hashable, Sendable {
  let text: String

  /// nil unless there is one `@` with something on both sides, at most 254 bytes (RFC 5321 §4.5.3.1.3), no white space
  /// and no control character.
  init?(_ text: String) {
    let normal = text.trimmingCharacters(in: .whitespacesAndNewlines).precomposedStringWithCanonicalMapping.lowercased()
    let parts = normal.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, parts[0].utf8.count <= 64, normal.utf8.count <= 254,
      normal.unicodeScalars.allSatisfy({ !$0.properties.isWhitespace && $0.properties.isAllowedInText }),
      !parts[1].hasPrefix("."), !parts[1].hasSuffix("."), !parts[1].contains("..")
    else { return nil }
    self.text = normal
  }

  /// - Throws: ``Problem`` 422.
  static func checked(_ text: String) throws -> EmailAddress {
    guard let address = EmailAddress(text) else {
      throw Problem.invalid("email", "format", "is not an e-mail address")
    }
    return address
  }
}

/// A person's name as accounts keep it.
enum PersonName {
  /// - Returns: what is wrong, or nothing.
  static func errors(in name: String) -> [Problem.FieldError] {
    let trimmed = trimmed(name)
    guard !trimmed.isEmpty else { return [.init(field: "name", code: "required", message: "must not be empty")] }
    // As they came: JSON Schema counts code points.
    guard name.unicodeScalars.count <= 200 else {
      return [.init(field: "name", code: "too_long", message: "must have at most 200 characters")]
    }
    guard trimmed.unicodeScalars.allSatisfy(\.properties.isAllowedInText) else {
      return [.init(field: "name", code: "format", message: "must not have control characters")]
    }
    return []
  }

  static func trimmed(_ name: String) -> String {
    name.trimmingCharacters(in: .whitespacesAndNewlines).precomposedStringWithCanonicalMapping
  }
}

extension Unicode.Scalar.Properties {
  /// No control character, which would also hide NUL, and nothing that turns the direction of what stands around it.
  fileprivate var isAllowedInText: Bool {
    switch generalCategory {
    case .control, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .format: isJoinControl || isVariationSelector
    default: true
    }
  }
}
