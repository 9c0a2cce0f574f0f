import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import ProductAPI

/// Lists of products.
struct ProductListing: Sendable {
  let core: ProductCore

  func page(_ query: ProductQuery, for principal: Principal?) async throws -> Page<PartialProduct> {
    let limit = try PageLimit.checked(query.limit)
    let fields = try FieldSelection(query.fields)
    let filter = try ProductFilter(query, for: principal)
    let order = SortOrder(query)
    let after = try query.cursor.map { try order.condition(after: $0) }
    let products = try await core.read { transaction in
      var conditions = filter.conditions + (after.map { [$0] } ?? [])
      if let id = query.collection {
        // One that is not there holds nothing, as a category that is not there.
        guard let collection = try CollectionStore(transaction).find(id) else { return [Product]() }
        conditions.append(collection.members)
      }
      let join: SQL =
        if let currency = filter.currency {
          """
          JOIN product_prices ON product_prices.product_id = products.id
          AND product_prices.currency = \(currency.code)
          """
        } else {
          ""
        }
      let found: [ProductDocument] = try transaction.all(
        """
        SELECT products.document FROM products \(join) WHERE \(.joined(conditions, by: " AND ")) \(order.clause)
        LIMIT \(limit + 1)
        """)
      return found.map(\.product)
    }
    let page = products.prefix(limit)
    return Page(
      items: page.map(fields.of),
      nextCursor: products.count > limit ? page.last.map(order.cursor) : nil)
  }
}
