public import Foundation
public import GravityContracts

/// How much there is of a SKU, at one place or summed over all.
///
/// Nothing is ever negative, and a reservation that has expired counts no more, whether or not it was swept.
public struct StockLevel: Codable, Sendable, Hashable {
  /// The location's code.
  public var location: String
  /// What is there: the sum of all movements.
  public var onHand: Int64
  /// Of that, held for orders that are being placed.
  public var reserved: Int64
  /// Of that, sold and not yet shipped.
  public var allocated: Int64
  /// On its way here; cannot be reserved.
  public var incoming: Int64
  /// `on_hand − reserved − allocated`.
  public var available: Int64

  public init(location: String, onHand: Int64, reserved: Int64, allocated: Int64, incoming: Int64) {
    self.location = location
    self.onHand = onHand
    self.reserved = reserved
    self.allocated = allocated
    self.incoming = incoming
    available = onHand - reserved - allocated
  }

  enum CodingKeys: String, CodingKey {
    case location, reserved, allocated, incoming, available
    case onHand = "on_hand"
  }
}

/// An item and where it is. The quantities are the sums of ``levels``.
public struct StockItem: Codable, Sendable, Hashable {
  /// What was last told of an item (see ``StockItem/status``).
  public enum Status: String, Codable, Sendable, CaseIterable {
    case inStock = "in_stock"
    case low
    case outOfStock = "out_of_stock"
  }

  public var sku: String
  public var onHand: Int64
  public var reserved: Int64
  public var allocated: Int64
  public var incoming: Int64
  /// `on_hand − reserved − allocated`: what can be reserved now.
  public var available: Int64
  /// Whether one can be bought now.
  public var purchasable: Bool
  /// What `inventory.low`, `.out_of_stock` and `.back_in_stock` last told. It has hysteresis: what is low or out of
  /// stock is in stock again at ``restockThreshold`` only, so it may lag behind ``available``.
  public var status: Open<Status>
  /// At or below this it is low; 0 for never.
  public var lowThreshold: Int64
  /// At or above this it is back in stock; greater than ``lowThreshold``.
  public var restockThreshold: Int64
  /// By the locations' priority.
  public var levels: [StockLevel]
  public var createdAt: Date
  public var updatedAt: Date

  public init(
    sku: String, status: Status, lowThreshold: Int64, restockThreshold: Int64, levels: [StockLevel], createdAt: Date,
    updatedAt: Date
  ) {
    self.sku = sku
    onHand = levels.reduce(0) { $0 + $1.onHand }
    reserved = levels.reduce(0) { $0 + $1.reserved }
    allocated = levels.reduce(0) { $0 + $1.allocated }
    incoming = levels.reduce(0) { $0 + $1.incoming }
    available = onHand - reserved - allocated
    purchasable = onHand > reserved + allocated
    self.status = .known(status)
    self.lowThreshold = lowThreshold
    self.restockThreshold = restockThreshold
    self.levels = levels
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  enum CodingKeys: String, CodingKey {
    case sku, reserved, allocated, incoming, available, purchasable, status, levels
    case onHand = "on_hand"
    case lowThreshold = "low_threshold"
    case restockThreshold = "restock_threshold"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }
}

public struct StockItemName: Codable, Sendable {
  public var sku: String
  public init(sku: String) { self.sku = sku }
}

public struct StockItemQuery: Codable, Sendable {
  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?
  public var status: StockItem.Status?

  public init(limit: Int? = nil, cursor: Cursor? = nil, status: StockItem.Status? = nil) {
    self.limit = limit
    self.cursor = cursor
    self.status = status
  }
}

public struct NewStockItem: Codable, Sendable {
  /// 1 to 100 characters without control characters, and without blanks at its ends. Case matters.
  public var sku: String
  /// 0 to 1 000 000 000; the service's default when left out.
  public var lowThreshold: Int64?
  /// Greater than the other, up to 1 000 000 000.
  public var restockThreshold: Int64?

  public init(sku: String, lowThreshold: Int64? = nil, restockThreshold: Int64? = nil) {
    self.sku = sku
    self.lowThreshold = lowThreshold
    self.restockThreshold = restockThreshold
  }

  enum CodingKeys: String, CodingKey {
    case sku
    case lowThreshold = "low_threshold"
    case restockThreshold = "restock_threshold"
  }
}

/// What is left out stays.
public struct StockItemUpdate: Codable, Sendable {
  public var sku: String
  /// 0 to 1 000 000 000.
  public var lowThreshold: Int64?
  /// Greater than the other, up to 1 000 000 000.
  public var restockThreshold: Int64?

  public init(sku: String, lowThreshold: Int64? = nil, restockThreshold: Int64? = nil) {
    self.sku = sku
    self.lowThreshold = lowThreshold
    self.restockThreshold = restockThreshold
  }

  enum CodingKeys: String, CodingKey {
    case sku
    case lowThreshold = "low_threshold"
    case restockThreshold = "restock_threshold"
  }
}
