public import GravityContracts

// What the fields of what the inventory takes may be, beyond their types.

extension FieldBounds {
  fileprivate static let sku = FieldBounds.text(1...100, format: "sku")
  fileprivate static let locationCode = FieldBounds.text(1...40, pattern: "^[a-z0-9][a-z0-9_-]*$")
  /// A line of text.
  fileprivate static let locationName = FieldBounds.text(1...200, pattern: #"^[^\u0000-\u001F\u007F-\u009F]+$"#)
  fileprivate static let threshold = FieldBounds.integer(0...1_000_000_000)
  fileprivate static let onHand = FieldBounds.integer(0...1_000_000_000_000)
  fileprivate static let lifetime = FieldBounds.integer(1...604_800)
}

extension NewStockItem: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["sku": .sku, "low_threshold": .threshold, "restock_threshold": .threshold]
  }
}

extension StockItemUpdate: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["low_threshold": .threshold, "restock_threshold": .threshold] }
}

extension NewStockLocation: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["code": .locationCode, "name": .locationName, "priority": .integer(0...1_000_000)]
  }
}

extension StockLocationUpdate: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["name": .locationName, "priority": .integer(0...1_000_000)]
  }
}

extension StockAdjustment: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["delta": .integer(-1_000_000_000...1_000_000_000), "reference": .locationName]
  }
}

extension StockLevelChange: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["on_hand": .onHand, "incoming": .onHand] }
}

extension NewStockReservation: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["lines": .items(1...100), "ttl_seconds": .lifetime] }
}

extension NewStockReservation.Line: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["sku": .sku, "quantity": .integer(1...1_000_000)] }
}

extension StockReservationExtension: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["ttl_seconds": .lifetime] }
}
