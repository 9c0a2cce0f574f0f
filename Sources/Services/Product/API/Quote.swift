public import Foundation
public import GravityContracts

/// What a cart or an order asks before it is priced.
public struct QuoteRequest: Codable, Sendable {
  /// 1 to 100; one that stands twice is answered once.
  public var skus: [String]
  public var currency: Currency
  /// Taken and without effect until there are prices for groups.
  public var customerGroup: String?

  public init(skus: [String], currency: Currency, customerGroup: String? = nil) {
    self.skus = skus
    self.currency = currency
    self.customerGroup = customerGroup
  }

  enum CodingKeys: String, CodingKey {
    case skus, currency
    case customerGroup = "customer_group"
  }
}

/// Each SKU that was asked for stands in one of the two, in the order of the request.
public struct Quotes: Codable, Sendable, Hashable {
  public var items: [Quote]
  public var missing: [MissingQuote]

  public init(items: [Quote], missing: [MissingQuote]) {
    self.items = items
    self.missing = missing
  }
}

public struct Quote: Codable, Sendable, Hashable {
  public var sku: String
  public var productID: UUID
  public var variantID: UUID
  /// The product's.
  public var title: String
  public var variantTitle: String?
  public var price: Money
  public var compareAt: Money?
  public var requiresShipping: Bool
  public var availability: Open<Variant.Availability>
  /// ``Product/version`` that the price is of.
  public var productVersion: Int64

  public init(
    sku: String, productID: UUID, variantID: UUID, title: String, variantTitle: String?, price: Money,
    compareAt: Money?, requiresShipping: Bool, availability: Variant.Availability, productVersion: Int64
  ) {
    self.sku = sku
    self.productID = productID
    self.variantID = variantID
    self.title = title
    self.variantTitle = variantTitle
    self.price = price
    self.compareAt = compareAt
    self.requiresShipping = requiresShipping
    self.availability = .known(availability)
    self.productVersion = productVersion
  }

  enum CodingKeys: String, CodingKey {
    case sku, title, price, availability
    case productID = "product_id"
    case variantID = "variant_id"
    case variantTitle = "variant_title"
    case compareAt = "compare_at"
    case requiresShipping = "requires_shipping"
    case productVersion = "product_version"
  }
}

public struct MissingQuote: Codable, Sendable, Hashable {
  public enum Reason: String, Codable, Sendable, CaseIterable {
    case unknown
    case notPublished = "not_published"
    case noPrice = "no_price"
  }
  public var sku: String
  public var reason: Open<Reason>

  public init(sku: String, reason: Reason) {
    self.sku = sku
    self.reason = .known(reason)
  }
}
