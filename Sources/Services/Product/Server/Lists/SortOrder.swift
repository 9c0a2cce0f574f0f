import Foundation
import GravityContracts
import GravityData
import ProductAPI

/// The order of a list, and the place in it where a page begins: a key and an id, so that a page neither repeats nor
/// leaves out a product that does not change meanwhile.
struct SortOrder: Sendable {
  let sort: ProductQuery.Sort
  let direction: ProductQuery.Direction
  let currency: Currency?

  init(_ query: ProductQuery) {
    sort = query.sort ?? .createdAt
    direction = query.direction ?? (sort == .createdAt ? .desc : .asc)
    currency = query.currency
  }

  /// Stands first in a cursor, so that one of another order is told.
  private var name: String {
    let base = "\(sort.rawValue) \(direction.rawValue)"
    return sort == .price ? "\(base) \(currency?.code ?? "")" : base
  }

  private var key: SQL {
    switch sort {
    case .createdAt: "products.created_at"
    case .title: "products.title_key"
    case .price: "product_prices.lowest"
    }
  }

  private var id: SQL { sort == .price ? "product_prices.product_id" : "products.id" }

  var clause: SQL {
    let word: SQL = direction == .asc ? "" : " DESC"
    return "ORDER BY \(key)\(word), \(id)\(word)"
  }

  /// - Throws: `Problem` 422 for a cursor of another list.
  func condition(after cursor: Cursor) throws -> SQL {
    let parts = cursor.parts
    guard parts.count == 3, parts[0] == name, let last = UUID(uuidString: parts[2]), let value = value(parts[1]) else {
      throw Problem.invalid("cursor", "format", "is not a cursor of this list, or its order is another now")
    }
    let word: SQL = direction == .asc ? ">" : "<"
    return "(\(key), \(id)) \(word) (\(value), \(last))"
  }

  private func value(_ text: String) -> SQL? {
    switch sort {
    case .createdAt: Int64(text).map { "\(Date(microsecondsSince1970: $0))" }
    case .price: Int64(text).map { "\($0)" }
    case .title: "\(text)"
    }
  }

  func cursor(after product: Product) -> Cursor {
    let value =
      switch sort {
      case .createdAt: "\(product.createdAt.microsecondsSince1970)"
      case .title: Product.titleKey(product.title)
      case .price: "\(product.lowestPrices[currency?.code ?? ""] ?? 0)"
      }
    return Cursor([name, value, product.id.lowercased])
  }
}
