public import Foundation
public import GravityContracts

/// Texts are trimmed and kept in NFC; control characters are refused.
public struct NewProduct: Codable, Sendable {
  /// 1 to 200 characters.
  public var title: String
  /// 1 to 120 lower-case letters and digits of any script, in words joined by `-`. Made of the title when it is nil,
  /// with a suffix where that is taken.
  public var slug: String?
  /// 1 to 10 000 characters; line ends are kept.
  public var description: String?
  /// `draft` when nil. A published product needs a variant.
  public var status: Product.Status?
  /// 1 to 100 printable characters.
  public var externalID: String?
  public var categoryID: UUID?
  /// At most 50 of 1 to 50 characters; those that differ in case only count once.
  public var tags: [String]?
  /// At most 5.
  public var options: [ProductOption]?
  /// At most 100, each with a combination of option values of its own.
  public var variants: [NewVariant]?

  public init(
    title: String, slug: String? = nil, description: String? = nil, status: Product.Status? = nil,
    externalID: String? = nil, categoryID: UUID? = nil, tags: [String]? = nil, options: [ProductOption]? = nil,
    variants: [NewVariant]? = nil
  ) {
    self.title = title
    self.slug = slug
    self.description = description
    self.status = status
    self.externalID = externalID
    self.categoryID = categoryID
    self.tags = tags
    self.options = options
    self.variants = variants
  }

  enum CodingKeys: String, CodingKey {
    case title, slug, description, status, tags, options, variants
    case externalID = "external_id"
    case categoryID = "category_id"
  }
}

public struct NewVariant: Codable, Sendable, Hashable {
  /// 1 to 64 printable ASCII characters without blanks at its ends; unique among the variants of products that are
  /// not deleted. In a list that replaces variants it says which one is meant.
  public var sku: String
  /// 1 to 200 characters.
  public var title: String?
  /// A value for each option of the product.
  public var options: [String: String]?
  /// The one price, or one beside ``prices``.
  public var price: Price?
  /// At most 50, one for each currency.
  public var prices: [Price]?
  /// 1 to 64 printable ASCII characters.
  public var barcode: String?
  /// true when nil.
  public var requiresShipping: Bool?

  public init(
    sku: String, title: String? = nil, options: [String: String]? = nil, price: Price? = nil, prices: [Price]? = nil,
    barcode: String? = nil, requiresShipping: Bool? = nil
  ) {
    self.sku = sku
    self.title = title
    self.options = options
    self.price = price
    self.prices = prices
    self.barcode = barcode
    self.requiresShipping = requiresShipping
  }

  enum CodingKeys: String, CodingKey {
    case sku, title, options, price, prices, barcode
    case requiresShipping = "requires_shipping"
  }
}

/// What is left out stays; null takes away what may be missing. Bounds are those of ``NewProduct``.
public struct ProductUpdate: Codable, Sendable {
  public var id: UUID
  public var title: Patch<String>
  /// The former slug goes on to lead to the product. null makes one of the title.
  public var slug: Patch<String>
  public var description: Patch<String>
  public var status: Patch<Product.Status>
  public var externalID: Patch<String>
  public var categoryID: Patch<UUID>
  public var tags: Patch<[String]>
  public var options: Patch<[ProductOption]>
  /// All variants: one whose SKU is there is changed and keeps its id, others are added, those not named are deleted.
  public var variants: Patch<[NewVariant]>

  public init(
    id: UUID, title: Patch<String> = .absent, slug: Patch<String> = .absent, description: Patch<String> = .absent,
    status: Patch<Product.Status> = .absent, externalID: Patch<String> = .absent, categoryID: Patch<UUID> = .absent,
    tags: Patch<[String]> = .absent, options: Patch<[ProductOption]> = .absent,
    variants: Patch<[NewVariant]> = .absent
  ) {
    self.id = id
    self.title = title
    self.slug = slug
    self.description = description
    self.status = status
    self.externalID = externalID
    self.categoryID = categoryID
    self.tags = tags
    self.options = options
    self.variants = variants
  }

  enum CodingKeys: String, CodingKey {
    case id, title, slug, description, status, tags, options, variants
    case externalID = "external_id"
    case categoryID = "category_id"
  }
}

/// ``NewVariant`` for the product `id`.
public struct VariantAddition: Codable, Sendable {
  /// The product's.
  public var id: UUID
  public var sku: String
  public var title: String?
  public var options: [String: String]?
  public var price: Price?
  public var prices: [Price]?
  public var barcode: String?
  public var requiresShipping: Bool?

  public init(id: UUID, _ variant: NewVariant) {
    self.id = id
    sku = variant.sku
    title = variant.title
    options = variant.options
    price = variant.price
    prices = variant.prices
    barcode = variant.barcode
    requiresShipping = variant.requiresShipping
  }

  public var variant: NewVariant {
    NewVariant(
      sku: sku, title: title, options: options, price: price, prices: prices, barcode: barcode,
      requiresShipping: requiresShipping)
  }

  enum CodingKeys: String, CodingKey {
    case id, sku, title, options, price, prices, barcode
    case requiresShipping = "requires_shipping"
  }
}

/// What is left out stays; null takes away what may be missing. Bounds are those of ``NewVariant``.
public struct VariantUpdate: Codable, Sendable {
  /// The product's.
  public var id: UUID
  public var variantID: UUID
  public var sku: Patch<String>
  public var title: Patch<String>
  public var options: Patch<[String: String]>
  /// Sets the price of its currency; others stay.
  public var price: Patch<Price>
  /// Replaces all prices.
  public var prices: Patch<[Price]>
  public var barcode: Patch<String>
  public var requiresShipping: Patch<Bool>

  public init(
    id: UUID, variantID: UUID, sku: Patch<String> = .absent, title: Patch<String> = .absent,
    options: Patch<[String: String]> = .absent, price: Patch<Price> = .absent, prices: Patch<[Price]> = .absent,
    barcode: Patch<String> = .absent, requiresShipping: Patch<Bool> = .absent
  ) {
    self.id = id
    self.variantID = variantID
    self.sku = sku
    self.title = title
    self.options = options
    self.price = price
    self.prices = prices
    self.barcode = barcode
    self.requiresShipping = requiresShipping
  }

  enum CodingKeys: String, CodingKey {
    case id, sku, title, options, price, prices, barcode
    case variantID = "variant_id"
    case requiresShipping = "requires_shipping"
  }
}
