import Foundation
import Patience
import Testing

/// What a buyer began goes on when their token does not.
@Suite(.timeLimit(.minutes(4))) struct ExpiredTokenTests {
  private static let settings = [
    "GRAVITY_ADMIN_PASSWORD": "tall-green-ladder-9", "GRAVITY_ADMIN_EMAIL": "admin@example.com",
  ]

  /// In stock once.
  private static func article(_ administrator: Visitor) async throws {
    let price: [String: any Sendable] = ["amount": 1_299, "currency": "USD"]
    let variant: [String: any Sendable] = ["sku": "MUG", "price": price]
    let made = try await administrator.send(
      "POST", "/api/v1/products", ["title": "Mug", "status": "published", "variants": [variant]])
    let stocked = try await administrator.send(
      "POST", "/api/v1/inventory/items/MUG/adjustments", ["delta": 1, "reason": "received"])
    #expect(made.status == 201 && (200..<300).contains(stocked.status))
  }

  @Test("an order whose buyer's token expires while its saga waits is still confirmed")
  func expires() async throws {
    let platform = try await PlatformProcess.up(environment: Self.settings, on: .sqlite)
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    try await Self.article(try await visitor.administrator())
    let (again, _, _) = try await visitor.newcomer()
    // A second token of theirs, good for a second, and for thirty more by which clocks may differ.
    let account = try #require(try await again.get("/api/v1/auth/me").text("id"))
    let minted = try await PlatformProcess.run([
      "token", "mint", "--data-dir", platform.folder.path, "--sub", account, "--ttl", "1s",
    ])
    try #require(minted.code == 0, "\(minted.errors)")
    let buyer = Visitor(
      base: platform.gateway, token: minted.output.trimmingCharacters(in: .whitespacesAndNewlines))
    let line: [String: any Sendable] = ["sku": "MUG", "quantity": 1]
    let address: [String: any Sendable] = [
      "name": "A. Buyer", "line1": "1 High Street", "city": "Bonn", "country": "DE",
    ]
    // The bank asks first, so that two steps are left for later.
    let placed = try await buyer.send(
      "POST", "/api/v1/orders",
      [
        "lines": [line], "shipping_address": address, "payment_method": "pm_sim_requires_action", "currency": "USD",
      ], headers: [("Idempotency-Key", UUID().uuidString), ("Prefer", "wait=1")])
    let (id, payment) = (try #require(placed.text("id")), try #require(placed.text("payment_id")))
    #expect(placed.text("status") == "pending")

    #expect(try await Visitor.decided { try await buyer.get("/api/v1/orders/\(id)") }.status == 200)
    let reply = try await eventually("the token has expired", within: .seconds(120)) {
      let reply = try await Visitor.decided { try await buyer.get("/api/v1/orders/\(id)") }
      return reply.status == 200 ? nil : reply
    }
    #expect(reply.status == 401 && reply.code == "token_expired", "\(reply.status) \(reply.code ?? "")")

    let waiting = try await again.get("/api/v1/orders/\(id)")
    #expect(waiting.text("status") == "pending" && waiting.text("payment_status") == "requires_action")
    let done = try await again.send("POST", "/api/v1/payments/\(payment)/next-action", ["outcome": "succeed"])
    #expect(done.status == 200)
    let order = try await eventually("the order is settled") {
      let order = try await again.get("/api/v1/orders/\(id)")
      return order.text("status") == "pending" ? nil : order
    }
    #expect(order.text("status") == "confirmed" && order.text("payment_status") == "paid")
    #expect(try await buyer.get("/api/v1/orders/\(id)").status == 401, "what placed it is of no use any more")
    #expect(await platform.stop() == 0)
  }
}
