import Foundation
import GravityContracts
import GravityData
import ProductAPI

/// Collections, and what is put into those that are kept by hand.
struct Collections: Sendable {
  static let greatestCount = 1_000
  static let greatestMembers = 10_000
  static let greatestChange = 100
  private static let lockName = "collections"
  let core: ProductCore

  func find(_ id: UUID) async throws -> ProductCollection {
    try await core.read { try Self.existing(id, CollectionStore($0)) }
  }

  func page(_ query: CollectionQuery) async throws -> Page<ProductCollection> {
    let limit = try PageLimit.checked(query.limit)
    let after = try query.cursor.map { try $0.id }
    return try await core.read { transaction in
      let rows = try CollectionStore(transaction).list(slug: query.slug, after: after, limit: limit + 1)
      return Page(fetched: rows.map(\.collection), limit: limit) { Cursor([$0.id.lowercased]) }
    }
  }

  func create(_ request: NewCollection, once key: IdempotencyKey?) async throws -> Once<ProductCollection> {
    var errors: [Problem.FieldError] = []
    let title = PlainText("title", 200).checked(request.title, &errors) ?? ""
    let slug = request.slug.flatMap { Slug.checked($0, &errors) }
    let description = request.description.flatMap { Self.description($0, &errors) }
    let rules = request.rules.flatMap { $0.checked(&errors) }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    let id = core.newID()
    return try await core.write(once: key, lock: Self.lockName) { transaction, now in
      let store = CollectionStore(transaction)
      guard try store.count() < Self.greatestCount else {
        throw Problem(409, "too_many_collections", "There are \(Self.greatestCount) collections already")
      }
      let free = try Self.slug(slug.map(SlugWish.given) ?? .made, title: title, id: id, current: "", store)
      let collection = ProductCollection(
        id: id, title: title, slug: free, description: description, rules: rules, version: 1, createdAt: now,
        updatedAt: now)
      try store.insert(CollectionRow(collection))
      return collection
    }
  }

  func update(_ request: CollectionUpdate, _ precondition: Precondition) async throws -> ProductCollection {
    var errors: [Problem.FieldError] = []
    if request.title == .null { errors.append(.init(field: "title", code: "required", message: "must not be null")) }
    let title: String? =
      if case .value(let text) = request.title { PlainText("title", 200).checked(text, &errors) } else { nil }
    let wish: SlugWish =
      switch request.slug {
      case .absent: .keep
      case .null: .made
      case .value(let text): Slug.checked(text, &errors).map(SlugWish.given) ?? .keep
      }
    var description = request.description
    if case .value(let text) = description { description = Self.description(text, &errors).map(Patch.value) ?? .absent }
    if request.rules == .null {
      errors.append(.init(field: "rules", code: "required", message: "must not be null: a collection keeps its kind"))
    }
    let rules: CollectionRules? = if case .value(let rules) = request.rules { rules.checked(&errors) } else { nil }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    let (patch, newDescription) = (rules, description)
    return try await core.write(lock: Self.lockName) { transaction, now in
      let store = CollectionStore(transaction)
      let old = try Self.existing(request.id, store)
      try precondition.require(old.entityTag)
      guard patch == nil || old.rules != nil else {
        throw Problem.invalid("rules", "conflict", "the collection is kept by hand, and stays so")
      }
      var collection = old
      collection.title = title ?? old.title
      collection.description = newDescription.applied(to: old.description)
      collection.rules = patch ?? old.rules
      collection.slug = try Self.slug(wish, title: collection.title, id: old.id, current: old.slug, store)
      guard collection != old else { return old }
      collection.version += 1
      collection.updatedAt = now
      try store.update(CollectionRow(collection))
      return collection
    }.value
  }

  func delete(_ id: UUID, _ precondition: Precondition) async throws {
    _ = try await core.write(lock: Self.lockName) { transaction, _ in
      let store = CollectionStore(transaction)
      try precondition.require(try Self.existing(id, store).entityTag)
      try store.delete(id)
      return Empty()
    }
  }

  func change(_ request: MemberChange) async throws -> ProductCollection {
    let (add, remove) = (Array(Set(request.add ?? [])), Array(Set(request.remove ?? [])))
    var errors: [Problem.FieldError] = []
    for (field, ids) in [("add", add), ("remove", remove)] where ids.count > Self.greatestChange {
      errors.append(.init(field: field, code: "too_many", message: "must be at most \(Self.greatestChange)"))
    }
    if !Set(add).isDisjoint(with: remove) {
      errors.append(.init(field: "remove", code: "conflict", message: "has products that are to be added"))
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return try await core.write(lock: "collection \(request.id.lowercased)") { transaction, now in
      let store = CollectionStore(transaction)
      var collection = try Self.existing(request.id, store)
      guard collection.rules == nil else {
        throw Problem(409, "collection_has_rules", "The collection is kept by its rules")
      }
      let unknown = try add.filter { try ProductStore(transaction).find($0).map { $0.deletedAt != nil } ?? true }
      guard unknown.isEmpty else {
        throw Problem.invalid(
          unknown.sorted { $0.lowercased < $1.lowercased }.map {
            .init(field: "add", code: "unknown", message: "\($0.lowercased) is no product")
          })
      }
      guard try store.change(collection.id, add: add, remove: remove) > 0 else { return collection }
      guard try store.memberCount(collection.id) <= Self.greatestMembers else {
        throw Problem(409, "too_many_products", "A collection holds \(Self.greatestMembers) products")
      }
      collection.version += 1
      collection.updatedAt = now
      try store.update(CollectionRow(collection))
      return collection
    }.value
  }

  private static func existing(_ id: UUID, _ store: CollectionStore) throws -> ProductCollection {
    guard let row = try store.find(id) else { throw Problem.notFound("collection") }
    return row.collection
  }

  private static func description(_ text: String, _ errors: inout [Problem.FieldError]) -> String? {
    PlainText("description", 10_000, allowsLines: true).checked(text, &errors)
  }

  private static func slug(
    _ wish: SlugWish, title: String, id: UUID, current: String, _ store: CollectionStore
  ) throws -> String {
    switch wish {
    case .keep: return current
    case .given(let slug):
      guard try store.taken([slug], byOthersThan: id).isEmpty else { throw Problem.slugTaken(slug, "collection") }
      return slug
    case .made:
      let candidates = Slug.candidates(of: title, id: id, fallback: "collection")
      let taken = try store.taken(candidates, byOthersThan: id)
      return candidates.first { !taken.contains($0) } ?? candidates[candidates.count - 1]
    }
  }
}
