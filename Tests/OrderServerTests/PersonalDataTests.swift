import Foundation
import GravityContracts
import GravityData
import GravityPersonalData
import OrderAPI
import Testbed
import Testing

@testable import OrderServer

@Suite struct PersonalDataTests {
  private static func erase(_ shop: OrderFixture) async throws -> [String: Int64] {
    try await shop.database.write { [user = shop.user] transaction in
      try shop.service.personalData.erase(user, in: transaction)
    }
    let text = try await shop.database.rows("SELECT receipt FROM gravity_erasures WHERE user_id = \(shop.user)").first
    let json = try text?.get("receipt", as: String.self)
    let receipt = try WireFormat.makeDecoder().decode(ErasureReceipt.self, from: Data(try #require(json).utf8))
    #expect(receipt.isComplete == receipt.waiting.isEmpty)
    return receipt.waiting
  }

  @Test(
    "an order keeps its address while it is under way; then only what taxes ask for stays", arguments: Engine.available)
  func erased(_ engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let order = try await shop.place([("MUG", 1)]).value
      _ = try await shop.send(OrderAPI.createCart, nil, ["currency": "USD"], token: shop.token)
      #expect(order.status == .known(.confirmed))
      let page = try await shop.service.personalData.items(PersonalDataQuery(userID: shop.user), in: shop.database)
      #expect(page.items.map(\.kind) == ["order", "cart"])

      #expect(try await Self.erase(shop) == ["orders_under_way": 1])
      #expect(try await shop.order(order.id).shippingAddress == order.shippingAddress)
      let path = "/api/v1/orders/\(order.id.lowercased)/complete"
      #expect(try await shop.send(OrderAPI.complete, path, token: shop.administrator).status == 200)
      #expect(try await Self.erase(shop).isEmpty)
      let left = try await shop.order(order.id)
      #expect(
        left.shippingAddress.name.isEmpty && left.shippingAddress.line1.isEmpty && left.shippingAddress.city == nil)
      #expect(left.shippingAddress.country == order.shippingAddress.country)
      #expect(left.lines == order.lines && left.total == order.total && left.number == order.number)
      #expect(try await Self.erase(shop).isEmpty)
      #expect(try await shop.order(order.id).version == left.version, "once is enough")
      let carts = try await shop.database.rows("SELECT count(*) FROM carts WHERE user_id = \(shop.user)")
      #expect(try carts.first?.get(0, as: Int.self) == 0)
    }
  }

  @Test("a confirmed order that nobody closes is under way for 30 days", arguments: Engine.available)
  func forgotten(_ engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let order = try await shop.place([("MUG", 1)]).value
      let old = Date(timeIntervalSinceNow: -31 * 86_400).roundedToMicroseconds
      try await shop.database.write { try $0.execute("UPDATE orders SET placed_at = \(old) WHERE id = \(order.id)") }
      #expect(try await Self.erase(shop).isEmpty)
      #expect(try await shop.order(order.id).shippingAddress.name.isEmpty)
    }
  }

  @Test("whoever is erased places no order any more", arguments: Engine.available)
  func late(_ engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let waiting = try await Self.erase(shop)
      let late = try await shop.place([("MUG", 1)])
      #expect(waiting.isEmpty && late.status == 404)
    }
  }
}
