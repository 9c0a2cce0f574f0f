import Foundation
import GravityContracts
import GravityData
import ProductAPI

struct CategoryRow: SQLRecord, Hashable {
  var category: Category

  init(_ category: Category) { self.category = category }

  init(_ row: SQLRow) throws {
    category = Category(
      id: try row.get("id"), parentID: try row.get("parent_id"), name: try row.get("name"),
      slug: try row.get("slug"), version: try row.get("version"), createdAt: try row.get("created_at"),
      updatedAt: try row.get("updated_at"))
  }
}

/// The table `categories`; knows no other.
struct CategoryStore {
  static let columns: SQL = "id, parent_id, name, slug, version, created_at, updated_at"
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  func find(_ id: UUID) throws -> CategoryRow? {
    try transaction.first("SELECT \(Self.columns) FROM categories WHERE id = \(id)")
  }

  func count() throws -> Int { try transaction.scalar("SELECT count(*) FROM categories") ?? 0 }

  func taken(_ slugs: [String], byOthersThan id: UUID) throws -> Set<String> {
    Set(
      try transaction.rows("SELECT slug FROM categories WHERE slug IN \(list: slugs) AND id <> \(id)").map {
        try $0.get("slug", as: String.self)
      })
  }

  func hasChildren(_ id: UUID) throws -> Bool {
    try !transaction.rows("SELECT 1 FROM categories WHERE parent_id = \(id) LIMIT 1").isEmpty
  }

  /// By age, which is the order of ids.
  func list(
    parent: UUID?, isRoot: Bool, slug: String?, after: UUID?, limit: Int
  ) throws -> [CategoryRow] {
    var conditions: [SQL] = ["TRUE"]
    if let parent { conditions.append("parent_id = \(parent)") }
    if isRoot { conditions.append("parent_id IS NULL") }
    if let slug { conditions.append("slug = \(slug)") }
    if let after { conditions.append("id > \(after)") }
    return try transaction.all(
      """
      SELECT \(Self.columns) FROM categories WHERE \(.joined(conditions, by: " AND ")) ORDER BY id LIMIT \(limit)
      """)
  }

  func insert(_ row: CategoryRow) throws {
    let category = row.category
    try transaction.execute(
      """
      INSERT INTO categories (\(Self.columns))
      VALUES (\(category.id), \(category.parentID), \(category.name), \(category.slug), \(category.version),
        \(category.createdAt), \(category.updatedAt))
      """)
  }

  func update(_ row: CategoryRow) throws {
    let category = row.category
    try transaction.execute(
      """
      UPDATE categories SET parent_id = \(category.parentID), name = \(category.name), slug = \(category.slug),
        version = \(category.version), updated_at = \(category.updatedAt)
      WHERE id = \(category.id)
      """)
  }

  func delete(_ id: UUID) throws { try transaction.execute("DELETE FROM categories WHERE id = \(id)") }

  /// From the top to the category itself. It ends also where the rows were a ring, which they must not be.
  func path(to id: UUID) throws -> [CategoryRow] {
    var (path, next): ([CategoryRow], UUID?) = ([], id)
    while let id = next, path.count <= CategoryTree.greatestDepth, let row = try find(id) {
      path.insert(row, at: 0)
      next = row.category.parentID
    }
    return path
  }

  /// How many levels there are from the category down; 1 when nothing is under it.
  func height(of id: UUID) throws -> Int {
    var (level, height) = ([id], 0)
    while !level.isEmpty, height <= CategoryTree.greatestDepth {
      height += 1
      level = try transaction.rows("SELECT id FROM categories WHERE parent_id IN \(list: level)").map {
        try $0.get("id")
      }
    }
    return height
  }

  /// The category and all under it, as a subquery. UNION ends by itself, whatever the rows are.
  static func subtree(of id: UUID) -> SQL {
    """
    (WITH RECURSIVE subtree (id) AS (
      SELECT id FROM categories WHERE id = \(id)
      UNION SELECT categories.id FROM categories JOIN subtree ON categories.parent_id = subtree.id
    ) SELECT id FROM subtree)
    """
  }
}
