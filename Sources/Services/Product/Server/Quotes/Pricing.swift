import Foundation
import GravityContracts
import GravityData
import ProductAPI

/// What things cost, for carts and orders: always from the database, in one snapshot.
struct Pricing: Sendable {
  static let greatestCount = 100
  let core: ProductCore

  func quotes(_ request: QuoteRequest) async throws -> Quotes {
    guard (1...Self.greatestCount).contains(request.skus.count) else {
      throw Problem.invalid("skus", "range", "must be from 1 to \(Self.greatestCount)")
    }
    var (skus, known) = ([String](), Set<String>())
    for sku in request.skus where known.insert(sku).inserted { skus.append(sku) }
    // What cannot be a SKU is not known; the database would not take it.
    let asked = skus.filter { sku in
      var errors: [Problem.FieldError] = []
      return MachineText("sku", 64).checked(sku, &errors) != nil
    }
    let rows = try await core.read { transaction in
      try VariantStore(transaction).quoted(asked, in: request.currency.code)
    }
    let found = Dictionary(rows.map { ($0.sku, $0) }, uniquingKeysWith: { first, _ in first })
    var quotes = Quotes(items: [], missing: [])
    for sku in skus {
      guard let row = found[sku] else {
        quotes.missing.append(MissingQuote(sku: sku, reason: .unknown))
        continue
      }
      guard row.shelf == Product.Status.published.rawValue else {
        quotes.missing.append(MissingQuote(sku: sku, reason: .notPublished))
        continue
      }
      guard let price = row.amount.flatMap({ Money($0, request.currency) }) else {
        quotes.missing.append(MissingQuote(sku: sku, reason: .noPrice))
        continue
      }
      quotes.items.append(
        Quote(
          sku: sku, productID: row.product, variantID: row.id, title: row.productTitle, variantTitle: row.title,
          price: price, compareAt: row.compareAt.flatMap { Money($0, request.currency) },
          requiresShipping: row.requiresShipping, availability: row.availability, productVersion: row.version))
    }
    return quotes
  }
}
