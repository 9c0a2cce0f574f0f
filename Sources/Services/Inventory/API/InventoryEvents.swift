public import Foundation
public import GravityContracts

/// What the inventory service tells others. Of a reservation by its id, of an item by its SKU.
public enum InventoryEvents {
  public static let all: [any EventDescription] = [
    reserved, committed, released, expired, returned, low, outOfStock, backInStock,
  ]

  public static let reserved = EventType<StockReservationEvent>(
    "inventory.reserved.v1", summary: "Stock is held for a while")
  public static let committed = EventType<StockReservationEvent>(
    "inventory.committed.v1", summary: "What was held is sold and not yet shipped")
  public static let released = EventType<StockReservationEvent>(
    "inventory.released.v1", summary: "What was held is free again")
  public static let expired = EventType<StockReservationEvent>(
    "inventory.expired.v1", summary: "What was held was not committed in time and is free again")
  public static let returned = EventType<StockReservationEvent>(
    "inventory.returned.v1", summary: "A reservation was taken back; what it held or had sold is available again")

  public static let low = EventType<StockLevelEvent>(
    "inventory.low.v1", summary: "There is no more of an item than its low threshold")
  public static let outOfStock = EventType<StockLevelEvent>(
    "inventory.out_of_stock.v1", summary: "Nothing of an item is available")
  public static let backInStock = EventType<StockLevelEvent>(
    "inventory.back_in_stock.v1", summary: "An item that was out of stock has reached its restock threshold")
}

public struct StockReservationEvent: Codable, Sendable, Hashable {
  public var reservationID: UUID
  /// ``StockReservation/version``.
  public var version: Int64
  public var lines: [Line]

  public struct Line: Codable, Sendable, Hashable {
    public var sku: String
    public var quantity: Int64

    public init(sku: String, quantity: Int64) {
      self.sku = sku
      self.quantity = quantity
    }
  }

  public init(reservationID: UUID, version: Int64, lines: [Line]) {
    self.reservationID = reservationID
    self.version = version
    self.lines = lines
  }

  enum CodingKeys: String, CodingKey {
    case version, lines
    case reservationID = "reservation_id"
  }
}

public struct StockLevelEvent: Codable, Sendable, Hashable {
  public var sku: String
  /// Over all locations, when it happened.
  public var available: Int64

  public init(sku: String, available: Int64) {
    self.sku = sku
    self.available = available
  }
}
