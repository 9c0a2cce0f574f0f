import Foundation
import GravityContracts
package import GravityData
package import ProductAPI

/// Puts many products into an empty catalogue, hundreds in a statement: for generated catalogues. Nothing is checked and
/// nothing is told.
package enum BulkInsertion {
  private static let batch = 250

  /// - Parameter products: with ids, slugs, SKUs and times of their own.
  package static func insert(_ products: [Product], in database: any Database) async throws {
    for start in stride(from: 0, to: products.count, by: batch) {
      let part = Array(products[start..<min(start + batch, products.count)])
      try await database.write { try write(part, in: $0) }
    }
  }

  private static func write(_ products: [Product], in transaction: any Transaction) throws {
    try transaction.execute(
      """
      INSERT INTO products (id, external_id, shelf, title, title_key, category_id, version, document, created_at,
        updated_at) VALUES \(.joined(try products.map(ProductStore.values)))
      """)
    try transaction.execute(
      "INSERT INTO slugs (slug, product_id, is_current, created_at) VALUES "
        + .joined(products.map { "(\($0.slug), \($0.id), \(true), \($0.createdAt))" }))
    let variants = products.flatMap { product in product.variants.map { (product: product.id, $0) } }
    if !variants.isEmpty { try transaction.execute(VariantStore.insertion(of: variants)) }
    let prices = variants.flatMap { _, variant in variant.prices.map { (variant.id, $0) } }
    if !prices.isEmpty { try transaction.execute(VariantStore.insertion(of: prices)) }
    let found = products.map { ($0.id, FoundBy($0)) }
    try insert(
      "product_prices (currency, lowest, product_id)", in: transaction,
      found.flatMap { id, found in
        found.lowestPrices.sorted { $0.key < $1.key }.map { "(\($0.key), \($0.value), \(id))" }
      })
    try insert(
      "product_tags (tag, product_id)", in: transaction,
      found.flatMap { id, found in
        found.tags.sorted().map { "(\($0), \(id))" }
      })
    try insert(
      "product_terms (term, product_id)", in: transaction,
      found.flatMap { id, found in
        found.terms.sorted().map { "(\($0), \(id))" }
      })
  }

  private static func insert(_ place: SQL, in transaction: any Transaction, _ rows: [SQL]) throws {
    if !rows.isEmpty { try transaction.execute("INSERT INTO \(place) VALUES \(.joined(rows))") }
  }
}
