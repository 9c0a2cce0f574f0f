public import Foundation
public import GravityContracts

/// Filters narrow together; each may be left out.
public struct ProductQuery: Codable, Sendable {
  public enum Sort: String, Codable, Sendable, CaseIterable {
    case title, price
    case createdAt = "created_at"
  }
  public enum Direction: String, Codable, Sendable, CaseIterable { case asc, desc }

  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?
  /// Other than `published` for those who may read drafts.
  public var status: Product.Status?
  /// Deleted ones instead, for those who may write.
  public var deleted: Bool?
  /// In the category or one under it.
  public var category: UUID?
  public var collection: UUID?
  public var tag: String?
  public var sku: String?
  public var externalID: String?
  /// The currency that `price_min`, `price_max` and `sort=price` are about. A product's price is the lowest of its
  /// variants'; those without one in the currency are left out.
  public var currency: Currency?
  /// Minor units.
  public var priceMin: Int64?
  public var priceMax: Int64?
  /// One to five words; each must begin a word of the title. Case and accents do not matter.
  public var q: String?
  /// `created_at` when nil.
  public var sort: Sort?
  /// `desc` for `created_at`, else `asc`, when nil.
  public var direction: Direction?
  /// Names of ``PartialProduct``'s fields, separated by commas; `id` and `version` always come. All when nil.
  public var fields: String?

  public init(
    limit: Int? = nil, cursor: Cursor? = nil, status: Product.Status? = nil, deleted: Bool? = nil,
    category: UUID? = nil, collection: UUID? = nil, tag: String? = nil, sku: String? = nil, externalID: String? = nil,
    currency: Currency? = nil, priceMin: Int64? = nil, priceMax: Int64? = nil, q: String? = nil, sort: Sort? = nil,
    direction: Direction? = nil, fields: String? = nil
  ) {
    self.limit = limit
    self.cursor = cursor
    self.status = status
    self.deleted = deleted
    self.category = category
    self.collection = collection
    self.tag = tag
    self.sku = sku
    self.externalID = externalID
    self.currency = currency
    self.priceMin = priceMin
    self.priceMax = priceMax
    self.q = q
    self.sort = sort
    self.direction = direction
    self.fields = fields
  }

  enum CodingKeys: String, CodingKey {
    case limit, cursor, status, deleted, category, collection, tag, sku, currency, q, sort, direction, fields
    case externalID = "external_id"
    case priceMin = "price_min"
    case priceMax = "price_max"
  }
}

/// A product of a list, with the fields that were asked for.
public struct PartialProduct: Codable, Sendable, Hashable {
  public var id: UUID
  public var externalID: String?
  public var title: String?
  public var slug: String?
  public var description: String?
  public var status: Open<Product.Status>?
  public var categoryID: UUID?
  public var tags: [String]?
  public var options: [ProductOption]?
  public var variants: [Variant]?
  public var version: Int64
  public var createdAt: Date?
  public var updatedAt: Date?
  public var publishedAt: Date?
  public var deletedAt: Date?

  /// Whole.
  public init(_ product: Product) {
    id = product.id
    externalID = product.externalID
    title = product.title
    slug = product.slug
    description = product.description
    status = product.status
    categoryID = product.categoryID
    tags = product.tags
    options = product.options
    variants = product.variants
    version = product.version
    createdAt = product.createdAt
    updatedAt = product.updatedAt
    publishedAt = product.publishedAt
    deletedAt = product.deletedAt
  }

  /// The names that `fields` may have.
  public enum Field: String, Sendable, CaseIterable, CodingKey {
    case id, title, slug, description, status, tags, options, variants, version
    case externalID = "external_id"
    case categoryID = "category_id"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
    case publishedAt = "published_at"
    case deletedAt = "deleted_at"
  }

  typealias CodingKeys = Field
}
