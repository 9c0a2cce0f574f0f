import Foundation
import GravityContracts
import GravityEvents
import ProductAPI

/// Products as the events that led to them, for a service that was not there.
struct ProductSnapshot: Sendable {
  let core: ProductCore

  func page(_ query: SnapshotQuery) async throws -> SnapshotPage {
    let limit = try PageLimit.checked(query.limit)
    let after = try query.cursor.map { try $0.id }
    return try await core.read { transaction in
      let products = try ProductStore(transaction).list(shelf: nil, after: after, limit: limit + 1)
      let items = try products.prefix(limit).map { product in
        SnapshotItem(
          subject: product.id.lowercased,
          sequence: try Outbox.sequence(
            family: ProductEvents.productCreated.family, subject: product.id.lowercased, in: transaction),
          events: try events(leadingTo: product))
      }
      return SnapshotPage(
        items: items, nextCursor: products.count > limit ? items.last.map { Cursor([$0.subject]) } : nil)
    }
  }

  private func events(leadingTo product: Product) throws -> [SnapshotEvent] {
    let event = ProductEvent(productID: product.id, version: product.version)
    let published = product.status == .known(.published) ? [ProductEvents.productPublished] : []
    return try ([ProductEvents.productCreated] + published).map { try SnapshotEvent($0, event) }
  }
}
