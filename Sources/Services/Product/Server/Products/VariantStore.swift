import Foundation
import GravityContracts
import GravityData
import ProductAPI

/// The tables `variants` and `prices`; knows no other.
struct VariantStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// - Returns: the first of the SKUs that a variant of another product has, which is not deleted.
  func taken(_ skus: [String], byOthersThan product: UUID) throws -> String? {
    guard !skus.isEmpty else { return nil }
    return try transaction.scalar(
      """
      SELECT sku FROM variants WHERE sku IN \(list: skus) AND live AND product_id <> \(product)
      ORDER BY sku LIMIT 1
      """)
  }

  /// The product whose variant it is, and that is not deleted.
  func product(ofSKU sku: String) throws -> UUID? {
    try transaction.scalar("SELECT product_id FROM variants WHERE sku = \(sku) AND live")
  }

  /// Brings the rows from what they are to what they shall be. SKUs may change places.
  func replace(_ old: [Variant], with new: [Variant], of product: UUID) throws {
    let kept = old.filter(new.contains)
    let gone = old.filter { !kept.contains($0) }.map(\.id)
    if !gone.isEmpty {
      try transaction.execute("DELETE FROM variants WHERE id IN \(list: gone)")
      try transaction.execute("DELETE FROM prices WHERE variant_id IN \(list: gone)")
    }
    let added = new.filter { !kept.contains($0) }
    guard !added.isEmpty else { return }
    try transaction.execute(Self.insertion(of: added.map { (product, $0) }))
    // A statement takes 65 535 values at most, and a product may have 5 000 prices.
    let prices = added.flatMap { variant in variant.prices.map { (variant.id, $0) } }
    for start in stride(from: 0, to: prices.count, by: 1_000) {
      try transaction.execute(Self.insertion(of: prices[start..<min(start + 1_000, prices.count)]))
    }
  }

  static func insertion(of variants: [(product: UUID, Variant)]) -> SQL {
    "INSERT INTO variants (id, product_id, sku, title, requires_shipping, availability, live) VALUES "
      + .joined(
        variants.map { product, variant in
          """
          (\(variant.id), \(product), \(variant.sku), \(variant.title), \(variant.requiresShipping),
          \(variant.availability.rawValue), \(true))
          """
        })
  }

  static func insertion(of prices: some Swift.Collection<(UUID, Price)>) -> SQL {
    "INSERT INTO prices (variant_id, currency, amount, compare_at) VALUES "
      + .joined(
        prices.map { variant, price in
          "(\(variant), \(price.currency.code), \(price.amount), \(price.compareAt?.amount))"
        })
  }

  /// Whether the SKUs of a product are taken: not while it is deleted.
  func setLive(_ isLive: Bool, of product: UUID) throws {
    try transaction.execute("UPDATE variants SET live = \(isLive) WHERE product_id = \(product)")
  }

  /// What is known of the SKUs that are not of deleted products.
  func quoted(_ skus: [String], in currency: String) throws -> [QuotedRow] {
    try transaction.all(
      """
      SELECT variants.sku, variants.id, variants.product_id, variants.title, variants.requires_shipping,
        variants.availability, products.title AS product_title, products.shelf, products.version, prices.amount,
        prices.compare_at
      FROM variants JOIN products ON products.id = variants.product_id
      LEFT JOIN prices ON prices.variant_id = variants.id AND prices.currency = \(currency)
      WHERE variants.sku IN \(list: skus) AND variants.live
      """)
  }
}

/// A variant with its product and its price in a currency.
struct QuotedRow: SQLRecord {
  let sku: String
  let id: UUID
  let product: UUID
  let title: String?
  let requiresShipping: Bool
  let availability: Variant.Availability
  let productTitle: String
  let shelf: String
  let version: Int64
  let amount: Int64?
  let compareAt: Int64?

  init(_ row: SQLRow) throws {
    sku = try row.get("sku")
    id = try row.get("id")
    product = try row.get("product_id")
    title = try row.get("title")
    requiresShipping = try row.get("requires_shipping")
    availability = Variant.Availability(rawValue: try row.get("availability")) ?? .unknown
    productTitle = try row.get("product_title")
    shelf = try row.get("shelf")
    version = try row.get("version")
    amount = try row.get("amount")
    compareAt = try row.get("compare_at")
  }
}

extension SQL {
  /// Pieces with commas between them; `+` would copy what is there for each of them.
  static func joined(_ pieces: [SQL], by separator: SQL = ", ") -> SQL {
    var whole = StringInterpolation(literalCapacity: 0, interpolationCount: pieces.count)
    for (index, piece) in pieces.enumerated() {
      if index > 0 { whole.appendInterpolation(separator) }
      whole.appendInterpolation(piece)
    }
    return SQL(stringInterpolation: whole)
  }
}
