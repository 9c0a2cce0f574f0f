import Foundation
import GravityData
import ProductAPI

/// What a product is found by apart from its own columns.
struct FoundBy: Sendable, Hashable {
  var lowestPrices: [String: Int64] = [:]
  var tags: Set<String> = []
  var terms: Set<String> = []

  init() {}
  init(_ product: Product) {
    lowestPrices = product.lowestPrices
    tags = Set(product.tags.map(\.tagKey))
    terms = Set(SearchTerms.words(product.title).prefix(SearchTerms.greatestCount))
  }
}

/// The words that a product is found by.
enum SearchTerms {
  static let greatestCount = 24
  static let greatestQuery = 5
  /// In characters; the rest of a longer word does not count.
  static let greatestLength = 50

  /// Letters and digits in a row, without case and accents.
  static func words(_ text: String) -> [String] {
    text.folded.split { !$0.isLetter && !$0.isNumber }.map { String($0.prefix(greatestLength)) }
  }
}

/// The tables `product_prices`, `product_tags` and `product_terms`; knows no other.
struct FoundByStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  func replace(_ old: FoundBy, with new: FoundBy, of product: UUID) throws {
    let prices = old.lowestPrices.filter { new.lowestPrices[$0.key] == nil }.keys.sorted()
    if !prices.isEmpty {
      try transaction.execute(
        "DELETE FROM product_prices WHERE product_id = \(product) AND currency IN \(list: prices)")
    }
    let changed = new.lowestPrices.filter { old.lowestPrices[$0.key] != $0.value }.sorted { $0.key < $1.key }
    if !changed.isEmpty {
      try transaction.execute(
        "INSERT INTO product_prices (product_id, currency, lowest) VALUES "
          + .joined(changed.map { "(\(product), \($0.key), \($0.value))" })
          + " ON CONFLICT (product_id, currency) DO UPDATE SET lowest = excluded.lowest")
    }
    try replace(old.tags, with: new.tags, "product_tags", "tag", of: product)
    try replace(old.terms, with: new.terms, "product_terms", "term", of: product)
  }

  private func replace(
    _ old: Set<String>, with new: Set<String>, _ table: SQL, _ column: SQL, of product: UUID
  ) throws {
    let gone = old.subtracting(new).sorted()
    if !gone.isEmpty {
      try transaction.execute("DELETE FROM \(table) WHERE product_id = \(product) AND \(column) IN \(list: gone)")
    }
    let added = new.subtracting(old).sorted()
    if !added.isEmpty {
      try transaction.execute(
        "INSERT INTO \(table) (\(column), product_id) VALUES " + .joined(added.map { "(\($0), \(product))" }))
    }
  }
}
