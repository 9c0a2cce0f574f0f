import Foundation
import GravityContracts
import HTTPTypes
import OrderAPI
import Patience
import Testbed
import Testing

@testable import OrderServer

@Suite("Looking at orders")
struct ReadingTests {
  @Test("shows one's own, newest first, by pages; a stranger's are 404", arguments: Engine.available)
  func own(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      var ids: [UUID] = []
      for _ in 0..<5 { ids.append(try await shop.place(wait: 0).value.id) }
      let stranger = FakeVerifier.token(UUID.v7())
      _ = try await shop.place(wait: 0, token: stranger)
      let first: Reply<Page<Order>> = try await shop.send(
        OrderAPI.orders, "/api/v1/orders?limit=3", token: shop.token)
      let cursor = try #require(try first.value.nextCursor)
      let rest: Reply<Page<Order>> = try await shop.send(
        OrderAPI.orders, "/api/v1/orders?limit=3&cursor=\(cursor)", token: shop.token)
      #expect(try first.value.items.map(\.id) + rest.value.items.map(\.id) == ids.reversed())
      #expect(try rest.value.nextCursor == nil)
      for path in ["", "/history", "/saga"] {
        let reply: Reply<Order> = try await shop.send(
          OrderAPI.order, "/api/v1/orders/\(ids[0].lowercased)\(path)", token: stranger)
        #expect(reply.status == 404)
      }
      let all: Reply<Page<Order>> = try await shop.send(
        OrderAPI.orders, "/api/v1/orders?all=true", token: shop.administrator)
      #expect(try all.value.items.count == 6)
      let forbidden: Reply<Page<Order>> = try await shop.send(
        OrderAPI.orders, "/api/v1/orders?all=true", token: shop.token)
      #expect(forbidden.status == 403)
      let number = try first.value.items[0].number.lowercased()
      let found: Reply<Page<Order>> = try await shop.send(
        OrderAPI.orders, "/api/v1/orders?number=\(number)", token: shop.token)
      #expect(try found.value.items.map(\.id) == [ids[4]])
    }
  }

  @Test("A service reads any order, a user not by that way", arguments: Engine.available)
  func services(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let id = try await shop.place(wait: 0).value.id
      let path = "/api/v1/orders/\(id.lowercased)/full"
      let service: Reply<Order> = try await shop.send(
        OrderAPI.orderForServices, path, token: FakeVerifier.service)
      #expect(try service.value.id == id)
      let user: Reply<Order> = try await shop.send(OrderAPI.orderForServices, path, token: shop.token)
      #expect(user.status == 403)
    }
  }

  @Test("The table has a row for each, quoted as RFC 4180 asks, and no formulas")
  func table() async throws {
    try await OrderFixture.run(on: .sqlite) { shop in
      let order = try await shop.place([("MUG", 3)], currency: "KWD").value
      let reply: Reply<Content> = try await shop.send(
        OrderAPI.export, "/api/v1/orders/export", token: shop.administrator)
      #expect(reply.headers[.contentType] == "text/csv")
      let lines = reply.text.components(separatedBy: "\r\n")
      #expect(lines.count == 3 && lines[0].hasPrefix("number,id,placed_at"))
      #expect(lines[1].hasPrefix(order.number) && lines[1].contains(",KWD,11.985,"))
      let refused: Reply<Content> = try await shop.send(
        OrderAPI.export, "/api/v1/orders/export", token: shop.token)
      #expect(refused.status == 403)
    }
  }

  @Test("Administrators see sagas, and try parked ones again", arguments: Engine.available)
  func sagas(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let order = try await shop.place().value
      let list: Reply<Page<SagaView>> = try await shop.send(
        OrderAPI.sagas, "/api/v1/sagas?state=completed&subject=\(order.id.lowercased)", token: shop.administrator)
      #expect(try list.value.items.map(\.id) == [order.id])
      let retry: Reply<SagaView> = try await shop.send(
        OrderAPI.retrySaga, "/api/v1/sagas/\(order.id.lowercased)/retry", token: shop.administrator)
      #expect(retry.status == 409)
      // After the pivot a refusal parks.
      shop.cashier.set(order.paymentID, .canceled)
      let placed = try await shop.place(method: "pm_action", wait: 0).value
      try await eventually("it waits") { try await shop.order(placed.id).nextAction != nil }
      let forbidden: Reply<Page<SagaView>> = try await shop.send(OrderAPI.sagas, token: shop.token)
      #expect(forbidden.status == 403)
    }
  }
}
