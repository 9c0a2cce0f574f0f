import Foundation
import GravityData

/// The table `slugs`; knows no other.
///
/// A slug is one product's at a time. A former slug leads to its product until another product takes it.
struct SlugStore {
  /// Former slugs that are kept for a product.
  static let greatestHistory = 20
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// - Returns: those of the slugs that are another product's now.
  func taken(_ slugs: [String], byOthersThan product: UUID) throws -> Set<String> {
    Set(
      try transaction.rows(
        "SELECT slug FROM slugs WHERE slug IN \(list: slugs) AND is_current AND product_id <> \(product)"
      ).map { try $0.get("slug", as: String.self) })
  }

  /// Makes it the product's present slug; the one that it had becomes a former one.
  /// - Returns: false when it is another product's.
  func claim(_ slug: String, for product: UUID, at time: Date) throws -> Bool {
    let changed = try transaction.execute(
      """
      INSERT INTO slugs (slug, product_id, is_current, created_at)
      VALUES (\(slug), \(product), \(true), \(time))
      ON CONFLICT (slug) DO UPDATE SET product_id = excluded.product_id, is_current = excluded.is_current,
        created_at = excluded.created_at
      WHERE NOT slugs.is_current OR slugs.product_id = excluded.product_id
      """)
    guard changed == 1 else { return false }
    try transaction.execute(
      """
      UPDATE slugs SET is_current = \(false) WHERE product_id = \(product) AND slug <> \(slug) AND is_current
      """)
    try transaction.execute(
      """
      DELETE FROM slugs WHERE slug IN (
        SELECT slug FROM slugs WHERE product_id = \(product) AND NOT is_current ORDER BY created_at DESC, slug
        LIMIT 1000 OFFSET \(Self.greatestHistory))
      """)
    return true
  }

  /// Leaves it for others.
  func release(of product: UUID) throws {
    try transaction.execute("UPDATE slugs SET is_current = \(false) WHERE product_id = \(product) AND is_current")
  }

  func product(at slug: String) throws -> UUID? {
    try transaction.scalar("SELECT product_id FROM slugs WHERE slug = \(slug)")
  }
}
