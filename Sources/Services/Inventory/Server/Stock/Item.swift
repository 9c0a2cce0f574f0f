import Foundation
import GravityData
import InventoryAPI

/// An item with its levels, in a transaction's hands.
struct Item: Sendable, Hashable {
  let sku: String
  var thresholds: Thresholds
  var status: StockItem.Status
  let createdAt: Date
  var updatedAt: Date
  /// By priority.
  var levels: [Level] = []

  var available: Int64 { levels.reduce(0) { $0 + $1.available } }

  init(sku: String, thresholds: Thresholds, at time: Date) {
    self.sku = sku
    self.thresholds = thresholds
    status = .outOfStock
    createdAt = time
    updatedAt = time
  }

  /// Without levels.
  init(_ row: SQLRow) throws {
    sku = try row.get("sku")
    thresholds = Thresholds(low: try row.get("low_threshold"), restock: try row.get("restock_threshold"))
    status = try row.get("status")
    createdAt = try row.get("created_at")
    updatedAt = try row.get("updated_at")
  }

  var wire: StockItem {
    StockItem(
      sku: sku, status: status, lowThreshold: thresholds.low, restockThreshold: thresholds.restock,
      levels: levels.map(\.wire), createdAt: createdAt, updatedAt: updatedAt)
  }
}

/// When an item is low, out of stock and back in stock.
struct Thresholds: Sendable, Hashable {
  var low: Int64
  /// Greater than `low`.
  var restock: Int64

  /// What is told next. Between the two thresholds nothing is, so that an item on the edge does not tell again with
  /// each order; and what ran out is not low before it was back.
  func status(after status: StockItem.Status, available: Int64) -> StockItem.Status {
    if available <= 0 { return .outOfStock }
    if available >= restock { return .inStock }
    return status == .inStock && available <= low ? .low : status
  }
}
