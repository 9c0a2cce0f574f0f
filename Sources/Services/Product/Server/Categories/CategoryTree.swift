import Foundation
import GravityContracts
import GravityData
import ProductAPI

/// The tree of categories. Whatever changes its shape does so under one lock, so that two moves at once cannot make a
/// ring that neither would have made alone.
struct CategoryTree: Sendable {
  static let greatestDepth = 8
  static let greatestCount = 10_000
  private static let lockName = "categories"
  let core: ProductCore

  func find(_ id: UUID) async throws -> Category {
    try await core.read { transaction in
      let path = try CategoryStore(transaction).path(to: id)
      guard var category = path.last?.category, category.id == id else { throw Problem.notFound("category") }
      category.ancestors = path.dropLast().map {
        CategoryReference(id: $0.category.id, name: $0.category.name, slug: $0.category.slug)
      }
      return category
    }
  }

  func page(_ query: CategoryQuery) async throws -> Page<Category> {
    let limit = try PageLimit.checked(query.limit)
    let after = try query.cursor.map { try $0.id }
    guard query.parentID == nil || query.root != true else {
      throw Problem.invalid("root", "conflict", "does not go together with parent_id")
    }
    return try await core.read { transaction in
      let rows = try CategoryStore(transaction).list(
        parent: query.parentID, isRoot: query.root == true, slug: query.slug, after: after, limit: limit + 1)
      return Page(fetched: rows.map(\.category), limit: limit) { Cursor([$0.id.lowercased]) }
    }
  }

  func create(_ request: NewCategory, once key: IdempotencyKey?) async throws -> Once<Category> {
    var errors: [Problem.FieldError] = []
    let name = PlainText("name", 100).checked(request.name, &errors) ?? ""
    let slug = request.slug.flatMap { Slug.checked($0, &errors) }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    let id = core.newID()
    return try await core.write(once: key, lock: Self.lockName) { transaction, now in
      let store = CategoryStore(transaction)
      guard try store.count() < Self.greatestCount else {
        throw Problem(409, "too_many_categories", "There are \(Self.greatestCount) categories already")
      }
      if let parent = request.parentID { try Self.requirePlace(under: parent, height: 1, store) }
      let wish: SlugWish = slug.map(SlugWish.given) ?? .made
      let free = try Self.slug(wish, name: name, id: id, current: "", store)
      let category = Category(
        id: id, parentID: request.parentID, name: name, slug: free, version: 1, createdAt: now, updatedAt: now)
      try store.insert(CategoryRow(category))
      return category
    }
  }

  func update(_ request: CategoryUpdate, _ precondition: Precondition) async throws -> Category {
    var errors: [Problem.FieldError] = []
    if request.name == .null { errors.append(.init(field: "name", code: "required", message: "must not be null")) }
    let name: String? =
      if case .value(let text) = request.name { PlainText("name", 100).checked(text, &errors) } else { nil }
    let wish: SlugWish =
      switch request.slug {
      case .absent: .keep
      case .null: .made
      case .value(let text): Slug.checked(text, &errors).map(SlugWish.given) ?? .keep
      }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return try await core.write(lock: Self.lockName) { transaction, now in
      let store = CategoryStore(transaction)
      guard let old = try store.find(request.id) else { throw Problem.notFound("category") }
      try precondition.require(old.category.entityTag)
      var category = old.category
      category.name = name ?? category.name
      category.parentID = request.parentID.applied(to: category.parentID)
      if let parent = category.parentID, parent != old.category.parentID {
        try Self.requirePlace(for: request.id, under: parent, height: store.height(of: request.id), store)
      }
      category.slug = try Self.slug(wish, name: category.name, id: request.id, current: category.slug, store)
      guard category != old.category else { return category }
      category.version += 1
      category.updatedAt = now
      try store.update(CategoryRow(category))
      return category
    }.value
  }

  func delete(_ id: UUID, _ precondition: Precondition) async throws {
    _ = try await core.write(lock: Self.lockName) { transaction, _ in
      let store = CategoryStore(transaction)
      guard let row = try store.find(id) else { throw Problem.notFound("category") }
      try precondition.require(row.category.entityTag)
      guard try !store.hasChildren(id), try !ProductStore(transaction).hasProducts(in: id) else {
        throw Problem(
          409, "category_not_empty", "There are categories or products in it",
          detail: "Move them elsewhere, or delete them.")
      }
      try store.delete(id)
      return Empty()
    }
  }

  /// - Parameters:
  ///   - id: of the category that moves; nil for a new one.
  ///   - height: of what comes there.
  private static func requirePlace(
    for id: UUID? = nil, under parent: UUID, height: Int, _ store: CategoryStore
  ) throws {
    let path = try store.path(to: parent)
    guard path.last?.category.id == parent else {
      throw Problem.invalid("parent_id", "unknown", "is no category")
    }
    if let id, path.contains(where: { $0.category.id == id }) {
      throw Problem.invalid("parent_id", "cycle", "is the category itself, or under it")
    }
    guard path.count + height <= greatestDepth else {
      throw Problem.invalid("parent_id", "too_deep", "would make more than \(greatestDepth) levels")
    }
  }

  private static func slug(
    _ wish: SlugWish, name: String, id: UUID, current: String, _ store: CategoryStore
  ) throws -> String {
    switch wish {
    case .keep: return current
    case .given(let slug):
      guard try store.taken([slug], byOthersThan: id).isEmpty else { throw Problem.slugTaken(slug, "category") }
      return slug
    case .made:
      let candidates = Slug.candidates(of: name, id: id, fallback: "category")
      let taken = try store.taken(candidates, byOthersThan: id)
      return candidates.first { !taken.contains($0) } ?? candidates[candidates.count - 1]
    }
  }
}

extension Problem {
  static func slugTaken(_ slug: String, _ what: String) -> Problem {
    Problem(
      409, "slug_taken", "The slug \(slug) is taken", detail: "Another \(what) has it.",
      extensions: ["slug": .string(slug)])
  }
}
