import Foundation

/// A text that a person typed, as it is kept: trimmed and in NFC. What looks like HTML stays text.
package struct PlainText: Sendable {
  let field: String
  /// Unicode code points as they came, which is what JSON Schema counts.
  let greatestCount: Int
  let allowsLines: Bool
  let allowsTabs: Bool

  package init(_ field: String, _ greatestCount: Int, allowsLines: Bool = false, allowsTabs: Bool = false) {
    self.field = field
    self.greatestCount = greatestCount
    self.allowsLines = allowsLines
    self.allowsTabs = allowsTabs
  }

  /// The field as its type declares it.
  package init<Fields: FieldBounded>(_ field: String, of fields: Fields.Type) {
    guard case .plainText(let count, let lines, let tabs)? = fields.bounds[field] else {
      preconditionFailure("\(fields) declares no plain text \(field)")
    }
    self.init(field, count, allowsLines: lines, allowsTabs: tabs)
  }

  /// - Returns: nil when there is an error, which is added to `errors`.
  package func checked(_ text: String, _ errors: inout [Problem.FieldError]) -> String? {
    func refuse(_ code: String, _ message: String) -> String? {
      errors.append(.init(field: field, code: code, message: message))
      return nil
    }
    // Before anything walks over it.
    guard text.utf8.count <= greatestCount * 4, text.unicodeScalars.count <= greatestCount else {
      return refuse("too_long", "must have at most \(greatestCount) characters")
    }
    let lines = allowsLines ? text.replacing("\r\n", with: "\n") : text
    let kept = lines.trimmingCharacters(in: .whitespacesAndNewlines).precomposedStringWithCanonicalMapping
    guard !kept.isEmpty else { return refuse("required", "must not be empty") }
    // A few characters grow when they are composed.
    guard kept.utf8.count <= greatestCount * 4 else {
      return refuse("too_long", "must have at most \(greatestCount) characters")
    }
    let isFit = kept.unicodeScalars.allSatisfy {
      $0.properties.isAllowedInText || allowsLines && $0 == "\n" || allowsTabs && $0 == "\t"
    }
    guard isFit else { return refuse("format", "must not have control characters") }
    return kept
  }
}

extension Unicode.Scalar.Properties {
  /// No control character, which would also hide NUL, and nothing that turns the direction of what stands around it.
  package var isAllowedInText: Bool {
    switch generalCategory {
    case .control, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .format: isJoinControl || isVariationSelector
    default: true
    }
  }
}
