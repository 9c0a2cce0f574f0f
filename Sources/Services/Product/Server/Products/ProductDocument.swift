import Foundation
import GravityContracts
import GravityData
import ProductAPI

private let encoder = WireFormat.makeEncoder()
private let decoder = WireFormat.makeDecoder()

/// A product as it is kept whole, which is how it is read.
struct ProductDocument: SQLBindable, SQLDecodable, SQLRecord {
  var product: Product
  /// Made when the product was given, so that binding cannot fail.
  private let text: String

  init(_ product: Product) throws {
    self.product = product
    text = String(decoding: try encoder.encode(product), as: UTF8.self)
  }

  static var sqlType: SQLType { .jsonb }
  var sqlValue: SQLValue { .jsonb(text) }

  init(sqlCell cell: SQLCell) throws(SQLMismatch) {
    guard case .text(let text) = cell else { throw SQLMismatch(cell, wanted: "product") }
    do { product = try decoder.decode(Product.self, from: Data(text.utf8)) } catch {
      throw SQLMismatch(cell, wanted: "product: \(error)")
    }
    self.text = text
  }

  init(_ row: SQLRow) throws { self = try row.get("document") }
}

extension Product {
  /// The status, or `deleted`.
  var shelf: String { deletedAt == nil ? knownStatus.rawValue : ProductStore.deleted }

  /// What titles are sorted by: without case and accents, at most 400 bytes, so that a cursor holds it.
  static func titleKey(_ title: String) -> String {
    var key = String(title.folded.prefix(100))
    while key.utf8.count > 400 { key.removeLast() }
    return key
  }

  /// The lowest price of the variants in each currency.
  var lowestPrices: [String: Int64] {
    var lowest: [String: Int64] = [:]
    for price in variants.flatMap(\.prices) {
      lowest[price.currency.code] = min(lowest[price.currency.code] ?? .max, price.amount)
    }
    return lowest
  }
}
