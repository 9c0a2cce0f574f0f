import Foundation
import GravityContracts

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

extension String {
  /// Without case and accents: what titles and tags are compared by.
  var folded: String {
    folding(options: [.caseInsensitive, .diacriticInsensitive, .widthInsensitive], locale: nil)
      .precomposedStringWithCanonicalMapping.lowercased()
  }

  /// Tags differ in more than case.
  var tagKey: String { lowercased().precomposedStringWithCanonicalMapping }
}
