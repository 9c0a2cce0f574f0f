import AsyncHTTPClient
import Foundation
public import GravityContracts
public import GravityDiscovery
import ProductAPI

/// Asks the product service over HTTP.
public struct RemoteCatalogue: Catalogue {
  private let product: EndpointClient
  private let timeout: Duration

  /// - Parameters:
  ///   - product: With a service token.
  ///   - timeout: How long one question may take; somebody waits for the answer.
  public init(product: EndpointClient, timeout: Duration = .seconds(3)) {
    self.product = product
    self.timeout = timeout
  }

  public func offers(_ skus: [String], in currency: Currency) async throws -> [String: CatalogueAnswer] {
    let quotes: Quotes
    do {
      quotes = try await product(ProductAPI.quotes, QuoteRequest(skus: skus, currency: currency), timeout: timeout)
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      throw Problem(
        503, "catalogue_unavailable", "Prices cannot be asked for now", detail: "Try again in a moment.",
        retryAfter: 1)
    }
    var answers: [String: CatalogueAnswer] = [:]
    for missing in quotes.missing { answers[missing.sku] = .missing(missing.reason.rawValue) }
    for quote in quotes.items where quote.price.currency == currency && quote.price.amount >= 0 {
      let title = quote.variantTitle.map { "\(quote.title), \($0)" } ?? quote.title
      answers[quote.sku] = .offer(
        Offer(sku: quote.sku, productID: quote.productID, title: title, price: quote.price))
    }
    return answers
  }
}
