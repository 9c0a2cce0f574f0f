import Foundation
import GravityContracts
import GravityData
public import GravityEvents
import InventoryAPI
import ProductAPI

extension ProductService {
  /// What the service does when inventory tells that an item has run out or is back. They may come in any order: the
  /// SKU's last counts. What is told of a SKU that there is no variant of yet is kept for the variant that comes.
  public var stockEvents: [EventHandler] {
    func on(
      _ type: EventType<StockLevelEvent>, _ availability: @escaping @Sendable (StockLevelEvent) -> Variant.Availability
    ) -> EventHandler {
      .on(type) { [core] event, transaction in
        try core.note(availability(event.payload), of: event.payload.sku, event.sequence, in: transaction)
      }
    }
    return [
      on(InventoryEvents.outOfStock) { _ in .outOfStock }, on(InventoryEvents.backInStock) { _ in .inStock },
      // An item that had run out may have become low, which is not yet back in stock for inventory.
      on(InventoryEvents.low) { $0.available > 0 ? .inStock : .outOfStock },
    ]
  }
}

extension ProductCore {
  fileprivate func note(
    _ availability: Variant.Availability, of sku: String, _ sequence: Int64, in transaction: any Transaction
  ) throws {
    guard try AvailabilityStore(transaction).put(availability, of: sku, sequence),
      let id = try VariantStore(transaction).product(ofSKU: sku),
      let old = try ProductStore(transaction).find(id),
      let index = old.variants.firstIndex(where: { $0.sku == sku }),
      old.variants[index].availability != .known(availability)
    else { return }
    var product = old
    product.variants[index].availability = .known(availability)
    _ = try save(product, after: old, .keep, transaction, now(transaction))
  }
}

/// The table `sku_availability`; knows no other.
struct AvailabilityStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// - Parameter sequence: of the event that tells it.
  /// - Returns: false when a later event has told something already.
  func put(_ availability: Variant.Availability, of sku: String, _ sequence: Int64) throws -> Bool {
    try transaction.execute(
      """
      INSERT INTO sku_availability (sku, availability, sequence)
      VALUES (\(sku), \(availability.rawValue), \(sequence))
      ON CONFLICT (sku) DO UPDATE SET availability = excluded.availability, sequence = excluded.sequence
      WHERE sku_availability.sequence < excluded.sequence
      """) == 1
  }

  func find(_ skus: [String]) throws -> [String: Variant.Availability] {
    guard !skus.isEmpty else { return [:] }
    let rows = try transaction.rows("SELECT sku, availability FROM sku_availability WHERE sku IN \(list: skus)")
    return try Dictionary(
      uniqueKeysWithValues: rows.map { row in
        (try row.get("sku"), Variant.Availability(rawValue: try row.get("availability")) ?? .unknown)
      })
  }
}
