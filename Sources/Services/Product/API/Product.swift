public import Foundation
public import GravityContracts

/// Something that is sold, in one or more variants.
public struct Product: Codable, Sendable, Hashable, EntityTagged {
  /// draft → published → archived → draft.
  public enum Status: String, Codable, Sendable, CaseIterable { case draft, published, archived }

  public var id: UUID
  /// The key of another system; unique among products that are not deleted.
  public var externalID: String?
  public var title: String
  public var slug: String
  /// Plain text as it was given: HTML in it is never interpreted.
  public var description: String?
  public var status: Open<Status>
  public var categoryID: UUID?
  public var tags: [String]
  /// What variants differ in, in order.
  public var options: [ProductOption]
  public var variants: [Variant]
  /// Counts up with every change of the product or a variant; the ETag is made of it.
  public var version: Int64
  public var createdAt: Date
  public var updatedAt: Date
  /// When it was published last.
  public var publishedAt: Date?
  /// Set in lists of deleted products.
  public var deletedAt: Date?

  public init(
    id: UUID, externalID: String?, title: String, slug: String, description: String?, status: Status,
    categoryID: UUID?, tags: [String], options: [ProductOption], variants: [Variant], version: Int64, createdAt: Date,
    updatedAt: Date, publishedAt: Date?, deletedAt: Date?
  ) {
    self.id = id
    self.externalID = externalID
    self.title = title
    self.slug = slug
    self.description = description
    self.status = .known(status)
    self.categoryID = categoryID
    self.tags = tags
    self.options = options
    self.variants = variants
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.publishedAt = publishedAt
    self.deletedAt = deletedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case id, title, slug, description, status, tags, options, variants, version
    case externalID = "external_id"
    case categoryID = "category_id"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
    case publishedAt = "published_at"
    case deletedAt = "deleted_at"
  }
}

/// A way in which variants differ: `Size`, with `S`, `M`, `L`.
public struct ProductOption: Codable, Sendable, Hashable {
  /// 1 to 50 characters; names of a product differ in more than case.
  public var name: String
  /// 1 to 100 of 1 to 100 characters, each once.
  public var values: [String]

  public init(name: String, values: [String]) {
    self.name = name
    self.values = values
  }
}

/// What is put into a cart: one SKU.
public struct Variant: Codable, Sendable, Hashable {
  /// Whether there is stock, as the inventory service told last.
  public enum Availability: String, Codable, Sendable, CaseIterable {
    case unknown
    case inStock = "in_stock"
    case outOfStock = "out_of_stock"
  }

  public var id: UUID
  public var sku: String
  /// Its option values joined by ` / `, unless another was given; nil where there is nothing to tell.
  public var title: String?
  /// A value for each of the product's options.
  public var options: [String: String]
  /// The first of ``prices``.
  public var price: Price?
  /// One for each currency, in the order in which they were given.
  public var prices: [Price]
  public var barcode: String?
  public var requiresShipping: Bool
  public var availability: Open<Availability>

  public init(
    id: UUID, sku: String, title: String?, options: [String: String], prices: [Price], barcode: String?,
    requiresShipping: Bool, availability: Availability
  ) {
    self.id = id
    self.sku = sku
    self.title = title
    self.options = options
    self.price = prices.first
    self.prices = prices
    self.barcode = barcode
    self.requiresShipping = requiresShipping
    self.availability = .known(availability)
  }

  enum CodingKeys: String, CodingKey {
    case id, sku, title, options, price, prices, barcode, availability
    case requiresShipping = "requires_shipping"
  }
}

/// What a variant costs in a currency.
public struct Price: Codable, Sendable, Hashable {
  /// Minor units, 0 to 2⁵³ − 1.
  public var amount: Int64
  public var currency: Currency
  /// What it cost before: more than `amount`, in the same currency.
  public var compareAt: Money?

  public init(amount: Int64, currency: Currency, compareAt: Money? = nil) {
    self.amount = amount
    self.currency = currency
    self.compareAt = compareAt
  }

  /// nil where the amount is out of bounds.
  public var money: Money? { Money(amount, currency) }

  enum CodingKeys: String, CodingKey {
    case amount, currency
    case compareAt = "compare_at"
  }
}

public struct ProductID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

public struct ProductSlug: Codable, Sendable {
  public var slug: String
  public init(slug: String) { self.slug = slug }
}

public struct VariantID: Codable, Sendable {
  public var id: UUID
  public var variantID: UUID

  public init(id: UUID, variantID: UUID) {
    self.id = id
    self.variantID = variantID
  }

  enum CodingKeys: String, CodingKey {
    case id
    case variantID = "variant_id"
  }
}

/// A page of a list that has no filters.
public struct ListQuery: Codable, Sendable {
  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?

  public init(limit: Int? = nil, cursor: Cursor? = nil) {
    self.limit = limit
    self.cursor = cursor
  }
}
