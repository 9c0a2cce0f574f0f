public import Foundation
public import GravityContracts

/// A place in the tree of categories: at most 8 levels, at most 10 000 in all.
public struct Category: Codable, Sendable, Hashable, EntityTagged {
  public var id: UUID
  public var parentID: UUID?
  public var name: String
  public var slug: String
  /// The way to it from the top, without itself; only where one category is asked for.
  public var ancestors: [CategoryReference]?
  public var version: Int64
  public var createdAt: Date
  public var updatedAt: Date

  public init(
    id: UUID, parentID: UUID?, name: String, slug: String, ancestors: [CategoryReference]? = nil, version: Int64,
    createdAt: Date, updatedAt: Date
  ) {
    self.id = id
    self.parentID = parentID
    self.name = name
    self.slug = slug
    self.ancestors = ancestors
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case id, name, slug, ancestors, version
    case parentID = "parent_id"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }
}

public struct CategoryReference: Codable, Sendable, Hashable {
  public var id: UUID
  public var name: String
  public var slug: String

  public init(id: UUID, name: String, slug: String) {
    self.id = id
    self.name = name
    self.slug = slug
  }
}

public struct NewCategory: Codable, Sendable {
  /// 1 to 100 characters.
  public var name: String
  /// As a product's; unique among categories.
  public var slug: String?
  public var parentID: UUID?

  public init(name: String, slug: String? = nil, parentID: UUID? = nil) {
    self.name = name
    self.slug = slug
    self.parentID = parentID
  }

  enum CodingKeys: String, CodingKey {
    case name, slug
    case parentID = "parent_id"
  }
}

public struct CategoryUpdate: Codable, Sendable {
  public var id: UUID
  public var name: Patch<String>
  public var slug: Patch<String>
  /// null moves it to the top. A place under itself is 422 `cycle`.
  public var parentID: Patch<UUID>

  public init(
    id: UUID, name: Patch<String> = .absent, slug: Patch<String> = .absent, parentID: Patch<UUID> = .absent
  ) {
    self.id = id
    self.name = name
    self.slug = slug
    self.parentID = parentID
  }

  enum CodingKeys: String, CodingKey {
    case id, name, slug
    case parentID = "parent_id"
  }
}

public struct CategoryID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

public struct CategoryQuery: Codable, Sendable {
  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?
  public var parentID: UUID?
  /// true gives those without a parent.
  public var root: Bool?
  public var slug: String?

  public init(
    limit: Int? = nil, cursor: Cursor? = nil, parentID: UUID? = nil, root: Bool? = nil, slug: String? = nil
  ) {
    self.limit = limit
    self.cursor = cursor
    self.parentID = parentID
    self.root = root
    self.slug = slug
  }

  enum CodingKeys: String, CodingKey {
    case limit, cursor, root, slug
    case parentID = "parent_id"
  }
}
