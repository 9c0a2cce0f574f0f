import Foundation
import Testing

/// What the tests of orders sell.
enum Shop {
  static func article(_ sku: String, stock: Int, _ administrator: Visitor) async throws {
    let variant: [String: any Sendable] = [
      "sku": sku, "price": ["amount": 1_299, "currency": "USD"] as [String: any Sendable],
    ]
    let made = try await Visitor.decided {
      try await administrator.send(
        "POST", "/api/v1/products", ["title": "Article \(sku)", "status": "published", "variants": [variant]])
    }
    #expect(made.status == 201, "\(String(decoding: made.body, as: UTF8.self))")
    let stocked = try await Visitor.decided {
      try await administrator.send(
        "POST", "/api/v1/inventory/items/\(sku)/adjustments", ["delta": stock, "reason": "received"])
    }
    #expect((200..<300).contains(stocked.status))
  }

  /// The body of an order.
  static func order(_ sku: String, _ quantity: Int, _ method: String) -> [String: any Sendable] {
    let line: [String: any Sendable] = ["sku": sku, "quantity": quantity]
    let address: [String: any Sendable] = [
      "name": "A. Buyer", "line1": "1 High Street", "city": "Bonn", "country": "DE",
    ]
    return ["lines": [line], "shipping_address": address, "payment_method": method, "currency": "USD"]
  }
}
