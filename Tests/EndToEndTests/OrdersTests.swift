import Foundation
import NIOHTTP1
import Patience
import Testing

/// An order's way through the gateway, six services and their databases.
@Suite(.timeLimit(.minutes(4))) struct OrdersTests {
  private static let settings = [
    "GRAVITY_ADMIN_PASSWORD": "tall-green-ladder-9", "GRAVITY_ADMIN_EMAIL": "admin@example.com",
  ]

  private static func order(
    _ sku: String, _ quantity: Int, _ method: String, by buyer: Visitor, key: String = UUID().uuidString
  ) async throws -> Visitor.Reply {
    try await buyer.send(
      "POST", "/api/v1/orders", Shop.order(sku, quantity, method),
      headers: [("Idempotency-Key", key), ("Prefer", "wait=20")])
  }

  @Test(
    "an order reserves, pays, is confirmed and mailed, or leaves nothing behind", arguments: TestEngine.available)
  func placed(engine: TestEngine) async throws {
    let platform = try await PlatformProcess.up(environment: Self.settings, on: engine)
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    let administrator = try await visitor.administrator()
    try await Shop.article("MUG", stock: 3, administrator)
    let (buyer, email, _) = try await visitor.newcomer()

    let placed = try await Self.order("MUG", 2, "pm_sim_approve", by: buyer, key: "first")
    #expect(placed.status == 201)
    #expect(placed.text("status") == "confirmed" && placed.text("payment_status") == "paid")
    let id = try #require(placed.text("id"))
    let again = try await Self.order("MUG", 2, "pm_sim_approve", by: buyer, key: "first")
    #expect(again.text("id") == id)
    #expect(again.headers.first(name: "Idempotency-Replayed") == "true")

    let declined = try await Self.order("MUG", 1, "pm_sim_decline_expired_card", by: buyer)
    #expect(declined.text("status") == "canceled" && declined.text("cancel_reason") == "payment_declined")
    let short = try await Self.order("MUG", 2, "pm_sim_approve", by: buyer)
    #expect(short.text("cancel_reason") == "insufficient_stock")
    let item = try await administrator.get("/api/v1/inventory/items/MUG")
    #expect(item.number("available") == 1 && item.number("on_hand") == 3 && item.number("allocated") == 2)

    // The payment's own rule: it is there, and somebody else's is not.
    let (stranger, _, _) = try await visitor.newcomer()
    #expect(try await stranger.get("/api/v1/orders/\(id)").status == 404)
    #expect(try await stranger.get("/api/v1/orders/\(id)/saga").status == 404)
    let ledger = try await administrator.get("/api/v1/payments/ledger/balance")
    #expect(String(decoding: ledger.body, as: UTF8.self).contains("\"balanced\":true"))

    let mails = try await eventually("the confirmation is in the outbox") {
      let mails = String(
        decoding: try await administrator.get("/api/v1/notifications/outbox?about=\(id)").body, as: UTF8.self)
      return mails.contains("order.confirmed") ? mails : nil
    }
    #expect(mails.contains(email))

    let canceled = try await buyer.send(
      "POST", "/api/v1/orders/\(id)/cancel", headers: [("Prefer", "wait=20")])
    #expect(
      canceled.text("status") == "canceled" && canceled.text("payment_status") == "refunded",
      "\(canceled.status) \(String(decoding: canceled.body, as: UTF8.self))")
    #expect(try await administrator.get("/api/v1/inventory/items/MUG").number("available") == 3)
    #expect(try await buyer.send("POST", "/api/v1/orders/\(id)/cancel").status == 409)
    #expect(await platform.stop() == 0)
  }

  @Test("The console is served by the gateway, and its events only to administrators")
  func console() async throws {
    let platform = try await PlatformProcess.up(environment: Self.settings, on: .sqlite)
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    let page = try await visitor.get("/console/sagas")
    #expect(page.status == 200 && page.headers.first(name: "content-security-policy") != nil)
    #expect(try await visitor.get("/api/v1/sagas/events").status == 401)
    let (member, _, _) = try await visitor.newcomer()
    #expect(try await member.get("/api/v1/sagas/events").status == 403)
    #expect(await platform.stop() == 0)
  }

  @Test("gravity torture kills a platform and finds its books in order, and ends with 0")
  func torture() async throws {
    let (code, output, errors) = try await PlatformProcess.run(
      ["torture", "--minutes", "0.3", "--clients", "4", "--port-offset", "\(PlatformProcess.freeOffset())"])
    #expect(code == 0, "\(output)\n\(errors)")
    #expect(output.contains("All 12 invariants hold."), "\(output)")
  }
}
