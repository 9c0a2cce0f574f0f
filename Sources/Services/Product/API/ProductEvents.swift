public import Foundation
public import GravityContracts

/// What the product service tells others. Ids only: whoever needs more asks for it.
public enum ProductEvents {
  public static let all: [any EventDescription] = [
    productCreated, productUpdated, productPublished, productDeleted, productRestored, variantCreated, variantUpdated,
    variantDeleted, priceChanged,
  ]

  public static let productCreated = EventType<ProductEvent>(
    "product.created.v1", summary: "There is a new product")
  public static let productUpdated = EventType<ProductEvent>(
    "product.updated.v1", summary: "A product has another version, whatever changed in it or its variants")
  public static let productPublished = EventType<ProductEvent>(
    "product.published.v1", summary: "A product can be seen by everybody from now on")
  public static let productDeleted = EventType<ProductEvent>(
    "product.deleted.v1", summary: "A product was deleted; it may be restored")
  public static let productRestored = EventType<ProductEvent>(
    "product.restored.v1", summary: "The deletion of a product was taken back")
  public static let variantCreated = EventType<VariantEvent>(
    "variant.created.v1", summary: "A product has a new variant")
  public static let variantUpdated = EventType<VariantEvent>(
    "variant.updated.v1", summary: "Something but the price of a variant changed")
  public static let variantDeleted = EventType<VariantEvent>(
    "variant.deleted.v1", summary: "A variant is gone for good")
  public static let priceChanged = EventType<PriceEvent>(
    "price.changed.v1", summary: "A variant has another price in some currencies, or none any more")
}

public struct ProductEvent: Codable, Sendable, Hashable {
  public var productID: UUID
  /// ``Product/version``.
  public var version: Int64

  public init(productID: UUID, version: Int64) {
    self.productID = productID
    self.version = version
  }

  enum CodingKeys: String, CodingKey {
    case productID = "product_id"
    case version
  }
}

public struct VariantEvent: Codable, Sendable, Hashable {
  public var productID: UUID
  public var variantID: UUID
  public var sku: String
  /// ``Product/version``.
  public var version: Int64

  public init(productID: UUID, variantID: UUID, sku: String, version: Int64) {
    self.productID = productID
    self.variantID = variantID
    self.sku = sku
    self.version = version
  }

  enum CodingKeys: String, CodingKey {
    case sku, version
    case productID = "product_id"
    case variantID = "variant_id"
  }
}

public struct PriceEvent: Codable, Sendable, Hashable {
  public var productID: UUID
  public var variantID: UUID
  /// ISO 4217 codes.
  public var currencies: [String]
  /// ``Product/version``.
  public var version: Int64

  public init(productID: UUID, variantID: UUID, currencies: [String], version: Int64) {
    self.productID = productID
    self.variantID = variantID
    self.currencies = currencies
    self.version = version
  }

  enum CodingKeys: String, CodingKey {
    case currencies, version
    case productID = "product_id"
    case variantID = "variant_id"
  }
}
