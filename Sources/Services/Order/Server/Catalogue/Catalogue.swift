public import Foundation
public import GravityContracts

/// What can be bought, and at which price: the product service, as the order service needs it.
public protocol Catalogue: Sendable {
  /// - Parameter skus: at most 100, each once.
  /// - Throws: `Problem` 503 `catalogue_unavailable` when it cannot be asked.
  func offers(_ skus: [String], in currency: Currency) async throws -> [String: CatalogueAnswer]
}

/// What the catalogue says of one SKU.
public enum CatalogueAnswer: Sendable, Hashable {
  case offer(Offer)
  /// `unknown`, `not_published`, `no_price`.
  case missing(String)
}

/// Something that can be bought.
public struct Offer: Sendable, Hashable {
  public var sku: String
  public var productID: UUID
  public var title: String
  public var price: Money

  public init(sku: String, productID: UUID, title: String, price: Money) {
    self.sku = sku
    self.productID = productID
    self.title = title
    self.price = price
  }
}
