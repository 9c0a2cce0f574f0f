public import GravityContracts

// What the fields of what the order service takes may be, beyond their types.

extension FieldBounds {
  fileprivate static let paymentMethod = FieldBounds.text(1...100, format: "payment-method")
  fileprivate static let sku = FieldBounds.text(1...64, pattern: "^[!-~]+$")
  /// A text that may be left out by being empty.
  fileprivate static func optionalLine(_ greatest: Int) -> FieldBounds {
    .text(0...greatest, pattern: #"^[^\u0000-\u001F\u007F-\u009F]*$"#)
  }
  fileprivate static func neededLine(_ greatest: Int) -> FieldBounds {
    .text(
      1...greatest,
      pattern: #"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$"#)
  }
}

extension OrderAddress: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    [
      "name": .neededLine(100), "company": .optionalLine(100), "line1": .neededLine(200), "line2": .optionalLine(200),
      "city": .optionalLine(100), "region": .optionalLine(100), "postal_code": .optionalLine(20),
      "country": .text(2...2, format: "iso-3166"), "phone": .optionalLine(32),
    ]
  }
}

extension Placement: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["lines": .items(1...100), "payment_method": .paymentMethod] }
}

extension RequestedLine: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["sku": .sku, "quantity": .integer(1...1_000_000)] }
}

extension Checkout: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["payment_method": .paymentMethod] }
}

extension CartLineChange: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["quantity": .integer(0...1_000_000)] }
}

extension OrderCancellation: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["note": .text(0...200)] }
}

extension OrderSearch: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["number": .text(1...64, format: "order-number")] }
}

extension OrderExport: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["limit": .integer(1...10_000)] }
}
