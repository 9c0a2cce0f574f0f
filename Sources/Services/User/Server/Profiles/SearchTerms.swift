import Foundation
import GravityData

/// The words that a user is found by.
enum SearchTerms {
  /// Of one user, and of a search.
  static let greatestCount = 24
  static let greatestQuery = 5
  /// In characters; the rest of a longer word does not count.
  static let greatestLength = 64

  static func of(_ row: UserRow) -> Set<String> {
    guard !row.isGone else { return [] }
    let names = [row.displayName, row.accountName, row.givenName, row.familyName, row.email].compactMap { $0 }
    // The whole address too, so that it is found as it is typed.
    return Set((row.email.map { [folded($0)] } ?? []) + names.flatMap(words).prefix(greatestCount))
  }

  /// Letters and digits in a row, without case and accents.
  static func words(_ text: String) -> [String] {
    folded(text).split { !$0.isLetter && !$0.isNumber }.map { String($0.prefix(greatestLength)) }
  }

  /// - Returns: what each term must begin with: an address as a whole, else word by word.
  static func query(_ text: String) -> [String] {
    let pieces = text.split(whereSeparator: \.isWhitespace).map(String.init)
    return pieces.flatMap { $0.contains("@") ? [folded($0)] : words($0) }
  }

  private static func folded(_ text: String) -> String {
    String(
      text.folding(options: [.caseInsensitive, .diacriticInsensitive, .widthInsensitive], locale: nil)
        .precomposedStringWithCanonicalMapping.lowercased().prefix(320))
  }
}

/// The table `user_terms`; knows no other.
struct SearchTermStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  func replace(_ old: Set<String>, with new: Set<String>, of user: UUID) throws {
    let gone = old.subtracting(new)
    if !gone.isEmpty {
      try transaction.execute("DELETE FROM user_terms WHERE user_id = \(user) AND term IN \(list: gone.sorted())")
    }
    for term in new.subtracting(old).sorted() {
      try transaction.execute(
        "INSERT INTO user_terms (term, user_id) VALUES (\(term), \(user)) ON CONFLICT (term, user_id) DO NOTHING")
    }
  }

  func deleteAll(of user: UUID) throws { try transaction.execute("DELETE FROM user_terms WHERE user_id = \(user)") }

  /// A range of the index: texts compare by their bytes on both engines, and nothing sorts after U+10FFFF.
  static func users(withTermsBeginning word: String) -> SQL {
    "(SELECT user_id FROM user_terms WHERE term >= \(word) AND term < \(word + "\u{10FFFF}"))"
  }
}
