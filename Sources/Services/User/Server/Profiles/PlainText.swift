import Foundation
import GravityContracts

/// A text that a person typed, as it is kept: trimmed and in NFC.
struct PlainText: Sendable {
  let field: String
  /// A character may be made of many scalars, so its bytes are bounded too: four for each.
  let greatestCount: Int
  var allowsLines = false

  init(_ field: String, _ greatestCount: Int, allowsLines: Bool = false) {
    self.field = field
    self.greatestCount = greatestCount
    self.allowsLines = allowsLines
  }

  /// - Returns: nil when there is an error, which is added to `errors`.
  func checked(_ text: String, _ errors: inout [Problem.FieldError]) -> String? {
    func refuse(_ code: String, _ message: String) -> String? {
      errors.append(.init(field: field, code: code, message: message))
      return nil
    }
    // Before anything walks over it.
    guard text.utf8.count <= greatestCount * 8 else {
      return refuse("too_long", "must have at most \(greatestCount) characters")
    }
    let lines = allowsLines ? text.replacing("\r\n", with: "\n") : text
    let kept = lines.trimmingCharacters(in: .whitespacesAndNewlines).precomposedStringWithCanonicalMapping
    guard !kept.isEmpty else { return refuse("required", "must not be empty") }
    guard kept.count <= greatestCount, kept.utf8.count <= greatestCount * 4 else {
      return refuse("too_long", "must have at most \(greatestCount) characters")
    }
    guard kept.unicodeScalars.allSatisfy({ $0.properties.isAllowedInText || allowsLines && $0 == "\n" }) else {
      return refuse("format", "must not have control characters")
    }
    return kept
  }
}

extension Unicode.Scalar.Properties {
  /// No control character, which would also hide NUL, and nothing that turns the direction of what stands around it.
  var isAllowedInText: Bool {
    switch generalCategory {
    case .control, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .format: isJoinControl || isVariationSelector
    default: true
    }
  }
}
