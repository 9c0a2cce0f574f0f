import Foundation
import GravityContracts

/// A text that a person typed, as it is kept: trimmed and in NFC. What looks like HTML stays text.
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
    guard kept.unicodeScalars.allSatisfy({ $0.properties.isAllowedInText || allowsLines && ($0 == "\n" || $0 == "\t") })
    else { return refuse("format", "must not have control characters") }
    return kept
  }
}

/// A key of another system: SKU, bar code, external id.
struct MachineText: Sendable {
  let field: String
  let greatestCount: Int

  init(_ field: String, _ greatestCount: Int) {
    self.field = field
    self.greatestCount = greatestCount
  }

  /// - Returns: nil when there is an error, which is added to `errors`.
  func checked(_ text: String, _ errors: inout [Problem.FieldError]) -> String? {
    guard (1...greatestCount).contains(text.utf8.count), text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }),
      text.utf8.first != 0x20, text.utf8.last != 0x20
    else {
      let message = "must have 1 to \(greatestCount) printable ASCII characters, none of them a blank at an end"
      errors.append(.init(field: field, code: "format", message: message))
      return nil
    }
    return text
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

extension String {
  /// Without case and accents: what titles and tags are compared by.
  var folded: String {
    folding(options: [.caseInsensitive, .diacriticInsensitive, .widthInsensitive], locale: nil)
      .precomposedStringWithCanonicalMapping.lowercased()
  }

  /// Tags differ in more than case.
  var tagKey: String { lowercased().precomposedStringWithCanonicalMapping }
}
