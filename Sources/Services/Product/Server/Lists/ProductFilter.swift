import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity
import ProductAPI

/// A checked ``ProductQuery``, but for the collection, whose rules have to be read first.
struct ProductFilter: Sendable {
  static let greatestTag = 200

  /// The shelves that the caller may see and asked for; nil is every one but that of deleted products.
  let shelf: String?
  let category: UUID?
  let tagKey: String?
  let sku: String?
  let externalID: String?
  let currency: Currency?
  let prices: ClosedRange<Int64>?
  let words: [String]

  /// - Throws: `Problem` 422 with everything that is wrong; 401 and 403 for a status that is not shown to the caller.
  init(_ query: ProductQuery, for principal: Principal?) throws {
    shelf = try Self.shelf(query, principal)
    var errors: [Problem.FieldError] = []
    category = query.category
    tagKey = query.tag.map(\.tagKey)
    sku = query.sku
    externalID = query.externalID
    currency = query.currency
    for (field, value) in [("tag", query.tag), ("sku", query.sku), ("external_id", query.externalID)] {
      if let value, value.unicodeScalars.count > Self.greatestTag {
        errors.append(
          .init(field: field, code: "too_long", message: "must have at most \(Self.greatestTag) characters"))
      }
    }
    let needsCurrency = query.priceMin != nil || query.priceMax != nil || query.sort == .price
    if needsCurrency, query.currency == nil {
      errors.append(.init(field: "currency", code: "required", message: "says what the price is in"))
    }
    for (field, value) in [("price_min", query.priceMin), ("price_max", query.priceMax)] {
      if let value, !(0...Money.greatest).contains(value) {
        errors.append(.init(field: field, code: "range", message: "must be from 0 to \(Money.greatest) minor units"))
      }
    }
    let (least, greatest) = (query.priceMin ?? 0, query.priceMax ?? Money.greatest)
    if query.priceMin != nil || query.priceMax != nil, errors.isEmpty, least > greatest {
      errors.append(.init(field: "price_max", code: "range", message: "must not be below price_min"))
    }
    prices = query.priceMin == nil && query.priceMax == nil || least > greatest ? nil : least...greatest
    var words: [String] = []
    if let q = query.q {
      words = q.unicodeScalars.count <= 320 ? SearchTerms.words(q) : []
      if !(1...SearchTerms.greatestQuery).contains(words.count) {
        let message = "must have one to \(SearchTerms.greatestQuery) words, at most 320 characters"
        errors.append(.init(field: "q", code: "format", message: message))
      }
    }
    self.words = words
    guard errors.isEmpty else { throw Problem.invalid(errors) }
  }

  private static func shelf(_ query: ProductQuery, _ principal: Principal?) throws -> String? {
    func require(_ permission: Permission, _ isAllowed: Bool) throws {
      if !isAllowed { throw principal == nil ? Problem.unauthenticated() : Problem.forbidden(.permission(permission)) }
    }
    let mayWrite = principal?.may("products:write") == true
    if query.deleted == true {
      try require("products:write", mayWrite)
      return ProductStore.deleted
    }
    let readsAll = principal?.readsEveryProduct == true
    if let status = query.status {
      try require("products:read", readsAll || status == .published)
      return status.rawValue
    }
    return readsAll ? nil : Product.Status.published.rawValue
  }

  /// Of the tables `products`, and `product_prices` where ``currency`` is given.
  var conditions: [SQL] {
    var conditions: [SQL] = []
    switch shelf {
    case nil: conditions.append("products.shelf <> 'deleted'")
    // A literal, so that the planner knows how much of the table it is.
    case Product.Status.published.rawValue: conditions.append("products.shelf = 'published'")
    case let shelf?: conditions.append("products.shelf = \(shelf)")
    }
    if let category { conditions.append("products.category_id IN \(CategoryStore.subtree(of: category))") }
    if let tagKey {
      conditions.append("products.id IN (SELECT product_id FROM product_tags WHERE tag = \(tagKey))")
    }
    if let sku {
      let live: SQL = shelf == ProductStore.deleted ? "NOT live" : "live"
      conditions.append("products.id IN (SELECT product_id FROM variants WHERE sku = \(sku) AND \(live))")
    }
    if let externalID { conditions.append("products.external_id = \(externalID)") }
    if let prices {
      conditions.append(
        "product_prices.lowest >= \(prices.lowerBound) AND product_prices.lowest <= \(prices.upperBound)")
    }
    for word in words {
      // A range of the index: texts compare by their bytes on both engines, and nothing sorts after U+10FFFF.
      conditions.append(
        """
        products.id IN (SELECT product_id FROM product_terms WHERE term >= \(word) AND term < \(word + "\u{10FFFF}"))
        """)
    }
    return conditions
  }
}
