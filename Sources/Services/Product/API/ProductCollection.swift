public import Foundation
public import GravityContracts

/// Products that belong together: put in by hand, or whatever the rules fit at the moment of asking.
public struct ProductCollection: Codable, Sendable, Hashable, EntityTagged {
  public var id: UUID
  public var title: String
  public var slug: String
  public var description: String?
  /// nil for one that is kept by hand.
  public var rules: CollectionRules?
  public var version: Int64
  public var createdAt: Date
  public var updatedAt: Date

  public init(
    id: UUID, title: String, slug: String, description: String?, rules: CollectionRules?, version: Int64,
    createdAt: Date, updatedAt: Date
  ) {
    self.id = id
    self.title = title
    self.slug = slug
    self.description = description
    self.rules = rules
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case id, title, slug, description, rules, version
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }
}

/// What a product must be like. Rules are looked at when products are asked for, so they are never behind.
public struct CollectionRules: Codable, Sendable, Hashable {
  public enum Match: String, Codable, Sendable, CaseIterable { case all, any }
  /// Whether every condition must hold, or one.
  public var match: Match
  /// 1 to 20.
  public var conditions: [CollectionCondition]

  public init(match: Match, conditions: [CollectionCondition]) {
    self.match = match
    self.conditions = conditions
  }
}

/// `title`: equals, not_equals, starts_with, contains a `value`. `tag`: equals, not_equals a `value`. `category`:
/// equals, not_equals an id in `value`, categories under it included. `price`: less_than, at_most, equals, at_least,
/// greater_than a `price`; a product's price in a currency is the lowest of its variants', and one without a price in
/// the currency fits none. Case and accents of titles do not matter, nor the case of tags.
public struct CollectionCondition: Codable, Sendable, Hashable {
  public enum Field: String, Codable, Sendable, CaseIterable { case title, tag, category, price }
  public enum Relation: String, Codable, Sendable, CaseIterable {
    case equals, contains
    case notEquals = "not_equals"
    case startsWith = "starts_with"
    case lessThan = "less_than"
    case atMost = "at_most"
    case atLeast = "at_least"
    case greaterThan = "greater_than"
  }
  public var field: Field
  public var relation: Relation
  /// Of title, tag and category: 1 to 200 characters.
  public var value: String?
  public var price: Money?

  public init(field: Field, relation: Relation, value: String? = nil, price: Money? = nil) {
    self.field = field
    self.relation = relation
    self.value = value
    self.price = price
  }
}

public struct NewCollection: Codable, Sendable {
  /// 1 to 200 characters.
  public var title: String
  public var slug: String?
  /// 1 to 10 000 characters.
  public var description: String?
  public var rules: CollectionRules?

  public init(title: String, slug: String? = nil, description: String? = nil, rules: CollectionRules? = nil) {
    self.title = title
    self.slug = slug
    self.description = description
    self.rules = rules
  }
}

public struct CollectionUpdate: Codable, Sendable {
  public var id: UUID
  public var title: Patch<String>
  public var slug: Patch<String>
  public var description: Patch<String>
  /// Of one that has rules: a collection does not change its kind.
  public var rules: Patch<CollectionRules>

  public init(
    id: UUID, title: Patch<String> = .absent, slug: Patch<String> = .absent, description: Patch<String> = .absent,
    rules: Patch<CollectionRules> = .absent
  ) {
    self.id = id
    self.title = title
    self.slug = slug
    self.description = description
    self.rules = rules
  }
}

public struct CollectionID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

public struct CollectionQuery: Codable, Sendable {
  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?
  public var slug: String?

  public init(limit: Int? = nil, cursor: Cursor? = nil, slug: String? = nil) {
    self.limit = limit
    self.cursor = cursor
    self.slug = slug
  }
}

public struct MemberChange: Codable, Sendable {
  /// The collection's.
  public var id: UUID
  /// At most 100; those that are in it stay. A collection holds 10 000.
  public var add: [UUID]?
  /// At most 100; those that are not in it do not matter.
  public var remove: [UUID]?

  public init(id: UUID, add: [UUID]? = nil, remove: [UUID]? = nil) {
    self.id = id
    self.add = add
    self.remove = remove
  }
}
