import Foundation
import GravityContracts
import GravityData
import OrderAPI
import Testbed
import Testing

@testable import OrderServer

@Suite("Carts")
struct CartTests {
  private func make(_ shop: OrderFixture, token: String?, currency: String = "USD") async throws -> Cart {
    let reply: Reply<Cart> = try await shop.send(
      OrderAPI.createCart, nil, ["currency": currency], token: token)
    #expect(reply.status == 201)
    return try reply.value
  }
  private func set(
    _ shop: OrderFixture, _ cart: Cart, _ sku: String, _ quantity: Int, token: String?, ifMatch: String? = nil
  ) async throws -> Reply<Cart> {
    try await shop.send(
      OrderAPI.setCartLine, "/api/v1/carts/\(cart.id.lowercased)/lines/\(sku)", ["quantity": quantity], token: token,
      headers: ifMatch.map { ["If-Match": $0] } ?? [:])
  }
  private func get(_ shop: OrderFixture, _ cart: Cart, token: String?) async throws -> Reply<Cart> {
    try await shop.send(OrderAPI.cart, "/api/v1/carts/\(cart.id.lowercased)", token: token)
  }
  private func checkout(
    _ shop: OrderFixture, _ cart: Cart, expected: Int64? = nil, key: String = UUID().uuidString, token: String? = nil
  ) async throws -> Reply<Order> {
    var body: [String: Any] = ["payment_method": "pm_approve", "shipping_address": OrderFixture.address]
    if let expected { body["expected_total"] = ["amount": expected, "currency": "USD"] }
    return try await shop.send(
      OrderAPI.checkout, "/api/v1/carts/\(cart.id.lowercased)/checkout", body, token: token ?? shop.token,
      headers: ["Idempotency-Key": key, "Prefer": "wait=15"])
  }

  @Test("hold lines at today's prices", arguments: Engine.available)
  func lines(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let cart = try await make(shop, token: shop.token)
      _ = try await set(shop, cart, "MUG", 2, token: shop.token)
      let full = try await set(shop, cart, "TEE", 1, token: shop.token)
      #expect(try full.value.total == Money(2 * 1_299 + 2_450, .usd))
      shop.catalogue.set("MUG", 1_000, .usd)
      shop.catalogue.remove("TEE")
      let now = try await get(shop, cart, token: shop.token).value
      #expect(now.total == Money(2_000, .usd))
      #expect(now.lines.map(\.problem) == [nil, "unknown"])
      let less = try await set(shop, cart, "TEE", 0, token: shop.token)
      #expect(try less.value.lines.map(\.sku) == ["MUG"])
      #expect(try await set(shop, cart, "NIX", 1, token: shop.token).code == "unknown_sku")
      let stale = try await set(shop, cart, "MUG", 5, token: shop.token, ifMatch: full.etag)
      #expect(stale.status == 412)
    }
  }

  @Test("of a member are nobody else's; a guest's belongs to whoever knows it", arguments: Engine.available)
  func whose(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let own = try await make(shop, token: shop.token)
      #expect(try await get(shop, own, token: nil).status == 404)
      #expect(try await get(shop, own, token: FakeVerifier.token(UUID.v7())).status == 404)
      let guest = try await make(shop, token: nil)
      #expect(try await get(shop, guest, token: nil).status == 200)
      #expect(guest.id.uuidString.dropFirst(14).first == "4", "a guest's id is random, not made of the time")
    }
  }

  @Test("of a guest become a member's after login, together with what is there", arguments: Engine.available)
  func claim(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let own = try await make(shop, token: shop.token)
      _ = try await set(shop, own, "TEE", 2, token: shop.token)
      _ = try await set(shop, own, "MUG", 1, token: shop.token)
      let guest = try await make(shop, token: nil)
      _ = try await set(shop, guest, "MUG", 3, token: nil)
      let path = "/api/v1/carts/\(guest.id.lowercased)/claim"
      for _ in 0..<2 {
        let claimed: Reply<Cart> = try await shop.send(OrderAPI.claimCart, path, token: shop.token)
        let cart = try claimed.value
        #expect(cart.userID == shop.user)
        #expect(cart.lines.map(\.sku) == ["MUG", "TEE"] && cart.lines.map(\.quantity) == [3, 2])
      }
      #expect(try await get(shop, own, token: shop.token).status == 404)
      #expect(try await get(shop, guest, token: nil).status == 404)
    }
  }

  @Test("become one order, however often and under whichever key", arguments: Engine.available)
  func checkoutOnce(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let cart = try await make(shop, token: shop.token)
      #expect(try await checkout(shop, cart).code == "cart_empty")
      _ = try await set(shop, cart, "MUG", 2, token: shop.token)
      let orders = try await withThrowingTaskGroup(of: UUID?.self) { group in
        for _ in 0..<8 {
          group.addTask {
            let reply = try await checkout(shop, cart)
            #expect([201, 409, 503].contains(reply.status))
            return reply.status == 201 ? try reply.value.id : nil
          }
        }
        return try await group.reduce(into: Set<UUID>()) { if let id = $1 { $0.insert(id) } }
      }
      #expect(orders.count == 1)
      let later = try await checkout(shop, cart)
      #expect(try later.value.id == orders.first)
      #expect(shop.cashier.charges.count == 1)
      #expect(try await get(shop, cart, token: shop.token).value.orderID == orders.first)
      #expect(try await set(shop, cart, "MUG", 1, token: shop.token).code == "cart_completed")
    }
  }

  @Test("are not ordered at another total than the buyer was shown", arguments: Engine.available)
  func prices(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let cart = try await make(shop, token: shop.token)
      _ = try await set(shop, cart, "MUG", 1, token: shop.token)
      shop.catalogue.set("MUG", 1_399, .usd)
      let refused = try await checkout(shop, cart, expected: 1_299)
      #expect(refused.status == 409 && refused.code == "prices_changed")
      #expect(refused.problem?.extensions["total"] == .object(["amount": .integer(1_399), "currency": "USD"]))
      #expect(try await checkout(shop, cart, expected: 1_399).value.total == Money(1_399, .usd))
    }
  }

  @Test("expire when nobody touches them", arguments: Engine.available)
  func expiry(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let cart = try await make(shop, token: shop.token)
      try await shop.database.write { transaction in
        let past = try transaction.now.addingTimeInterval(-1)
        try transaction.execute("UPDATE carts SET expires_at = \(past) WHERE id = \(cart.id)")
      }
      #expect(try await get(shop, cart, token: shop.token).status == 404)
      #expect(try await shop.database.write { try CartStore($0).deleteExpired(limit: 10) } == 1)
    }
  }
}
