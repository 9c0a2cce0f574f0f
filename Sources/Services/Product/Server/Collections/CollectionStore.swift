import Foundation
import GravityContracts
import GravityData
import ProductAPI

struct CollectionRow: SQLRecord, Hashable {
  var collection: ProductCollection

  init(_ collection: ProductCollection) { self.collection = collection }

  init(_ row: SQLRow) throws {
    collection = ProductCollection(
      id: try row.get("id"), title: try row.get("title"), slug: try row.get("slug"),
      description: try row.get("description"),
      rules: try row.get("rules", as: SQLJSON<CollectionRules>?.self)?.value, version: try row.get("version"),
      createdAt: try row.get("created_at"), updatedAt: try row.get("updated_at"))
  }

  /// Holds for the rows of `products` that are in it.
  var members: SQL {
    collection.rules?.condition
      ?? "products.id IN (SELECT product_id FROM collection_products WHERE collection_id = \(collection.id))"
  }
}

/// The tables `collections` and `collection_products`; knows no other.
struct CollectionStore {
  private static let columns: SQL = "id, title, slug, description, rules, version, created_at, updated_at"
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  func find(_ id: UUID) throws -> CollectionRow? {
    try transaction.first("SELECT \(Self.columns) FROM collections WHERE id = \(id)")
  }

  func count() throws -> Int { try transaction.scalar("SELECT count(*) FROM collections") ?? 0 }

  func taken(_ slugs: [String], byOthersThan id: UUID) throws -> Set<String> {
    Set(
      try transaction.rows("SELECT slug FROM collections WHERE slug IN \(list: slugs) AND id <> \(id)").map {
        try $0.get("slug", as: String.self)
      })
  }

  /// By age, which is the order of ids.
  func list(slug: String?, after: UUID?, limit: Int) throws -> [CollectionRow] {
    var conditions: [SQL] = ["TRUE"]
    if let slug { conditions.append("slug = \(slug)") }
    if let after { conditions.append("id > \(after)") }
    return try transaction.all(
      """
      SELECT \(Self.columns) FROM collections WHERE \(.joined(conditions, by: " AND ")) ORDER BY id LIMIT \(limit)
      """)
  }

  func insert(_ row: CollectionRow) throws {
    let collection = row.collection
    try transaction.execute(
      """
      INSERT INTO collections (\(Self.columns))
      VALUES (\(collection.id), \(collection.title), \(collection.slug), \(collection.description),
        \(try collection.rules.map(SQLJSON.init)), \(collection.version), \(collection.createdAt),
        \(collection.updatedAt))
      """)
  }

  func update(_ row: CollectionRow) throws {
    let collection = row.collection
    try transaction.execute(
      """
      UPDATE collections SET title = \(collection.title), slug = \(collection.slug),
        description = \(collection.description), rules = \(try collection.rules.map(SQLJSON.init)),
        version = \(collection.version), updated_at = \(collection.updatedAt)
      WHERE id = \(collection.id)
      """)
  }

  func delete(_ id: UUID) throws {
    try transaction.execute("DELETE FROM collection_products WHERE collection_id = \(id)")
    try transaction.execute("DELETE FROM collections WHERE id = \(id)")
  }

  func memberCount(_ id: UUID) throws -> Int {
    try transaction.scalar("SELECT count(*) FROM collection_products WHERE collection_id = \(id)") ?? 0
  }

  /// - Returns: how many came or went.
  func change(_ id: UUID, add: [UUID], remove: [UUID]) throws -> Int {
    var changed = 0
    if !remove.isEmpty {
      changed += try transaction.execute(
        "DELETE FROM collection_products WHERE collection_id = \(id) AND product_id IN \(list: remove)")
    }
    if !add.isEmpty {
      changed += try transaction.execute(
        "INSERT INTO collection_products (collection_id, product_id) VALUES "
          + .joined(add.map { "(\(id), \($0))" }) + " ON CONFLICT (collection_id, product_id) DO NOTHING")
    }
    return changed
  }
}
