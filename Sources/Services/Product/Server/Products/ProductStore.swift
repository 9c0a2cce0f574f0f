import Foundation
import GravityContracts
import GravityData
import ProductAPI

/// The table `products`; knows no other.
struct ProductStore {
  static let deleted = "deleted"
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  func find(_ id: UUID) throws -> Product? {
    try transaction.first("SELECT document FROM products WHERE id = \(id)", as: ProductDocument.self)?.product
  }

  /// Of the product that has it and is not deleted.
  func id(ofExternal key: String) throws -> UUID? {
    try transaction.scalar("SELECT id FROM products WHERE external_id = \(key) AND shelf <> 'deleted'")
  }

  func insert(_ product: Product) throws {
    try transaction.execute(
      """
      INSERT INTO products (id, external_id, shelf, title, title_key, category_id, version, document, created_at,
        updated_at)
      VALUES \(try Self.values(product))
      """)
  }

  static func values(_ product: Product) throws -> SQL {
    """
    (\(product.id), \(product.externalID), \(product.shelf), \(product.title), \(Product.titleKey(product.title)),
    \(product.categoryID), \(product.version), \(try ProductDocument(product)), \(product.createdAt),
    \(product.updatedAt))
    """
  }

  func update(_ product: Product) throws {
    try transaction.execute(
      """
      UPDATE products SET external_id = \(product.externalID), shelf = \(product.shelf), title = \(product.title),
        title_key = \(Product.titleKey(product.title)), category_id = \(product.categoryID),
        version = \(product.version), document = \(try ProductDocument(product)), updated_at = \(product.updatedAt)
      WHERE id = \(product.id)
      """)
  }

  /// Whether a product that is not deleted is in the category.
  func hasProducts(in category: UUID) throws -> Bool {
    try !transaction.rows(
      "SELECT 1 FROM products WHERE category_id = \(category) AND shelf <> 'deleted' LIMIT 1"
    ).isEmpty
  }

  /// In the order of ids.
  /// - Parameter shelf: nil is every one but that of deleted products.
  func list(shelf: String?, after: UUID?, limit: Int) throws -> [Product] {
    var filter: SQL = if let shelf { "WHERE shelf = \(shelf)" } else { "WHERE shelf <> 'deleted'" }
    if let after { filter = filter + " AND id > \(after)" }
    let found: [ProductDocument] = try transaction.all(
      "SELECT document FROM products \(filter) ORDER BY id LIMIT \(limit)")
    return found.map(\.product)
  }
}
