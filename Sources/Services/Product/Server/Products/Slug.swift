import Foundation
import GravityContracts

/// The readable part of an address: words of lower-case letters and digits of any script, joined by single hyphens.
enum Slug {
  /// In characters; four bytes each at most.
  static let greatestCount = 120

  /// What a text comes to; empty where it has neither letter nor digit.
  static func made(of text: String) -> String {
    let words = text.folded.split { !isAllowed($0) }
    var slug = ""
    for word in words {
      let room = greatestCount - 10 - slug.count - (slug.isEmpty ? 0 : 1)
      guard room > 0 else { break }
      slug += (slug.isEmpty ? "" : "-") + word.prefix(room)
    }
    return slug
  }

  /// What is tried in turn. The last is the id's own, so that thousands of one title need no search.
  static func candidates(of text: String, id: UUID, fallback: String) -> [String] {
    let made = made(of: text)
    let base = made.isEmpty ? fallback : made
    let own = id.lowercased.suffix(8)
    return (made.isEmpty ? [] : [base] + (2...5).map { "\(base)-\($0)" }) + [
      "\(base)-\(own)", "\(fallback)-\(id.lowercased)",
    ]
  }

  /// - Returns: nil when there is an error, which is added to `errors`.
  static func checked(_ text: String, _ errors: inout [Problem.FieldError]) -> String? {
    let kept = text.precomposedStringWithCanonicalMapping
    guard (1...greatestCount).contains(kept.count), kept.utf8.count <= greatestCount * 4,
      kept.lowercased() == kept,
      kept.split(separator: "-", omittingEmptySubsequences: false).allSatisfy({
        !$0.isEmpty && $0.allSatisfy(isAllowed)
      })
    else {
      let message = "must have 1 to \(greatestCount) lower-case letters and digits in words joined by -"
      errors.append(.init(field: "slug", code: "format", message: message))
      return nil
    }
    return kept
  }

  private static func isAllowed(_ character: Character) -> Bool { character.isLetter || character.isNumber }

  /// Where the product is found by it.
  static func location(_ slug: String) -> String {
    let unreserved = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyz0123456789-")
    return "/api/v1/products/by-slug/\(slug.addingPercentEncoding(withAllowedCharacters: unreserved) ?? slug)"
  }
}

/// What becomes of a slug.
enum SlugWish: Sendable, Hashable {
  case keep
  case given(String)
  /// Of the title, with a suffix where it is taken.
  case made
}
