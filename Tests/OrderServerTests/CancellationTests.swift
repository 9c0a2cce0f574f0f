import Foundation
import GravityContracts
import OrderAPI
import Patience
import Testbed
import Testing

@testable import OrderServer

@Suite("Canceling an order")
struct CancellationTests {
  @Test("that waits for its payment frees the stock and bars the payment", arguments: Engine.available)
  func pending(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let placed = try await shop.place(method: "pm_action", wait: 0).value
      try await eventually("it waits") { try await shop.order(placed.id).nextAction != nil }
      let order = try await shop.cancel(placed.id).value
      #expect(order.status == .known(.canceled) && order.cancelReason == "requested")
      #expect(order.paymentStatus == .known(.voided))
      #expect(shop.stock.available("MUG") == 1_000)
      #expect(shop.cashier.charge(placed.paymentID)?.status == .canceled)
      #expect(try await shop.events(of: placed.id) == ["placed", "canceled"])
    }
  }

  @Test("that is confirmed gives the money and the stock back, once", arguments: Engine.available)
  func confirmed(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let order = try await shop.place().value
      shop.cashier.fail("refund", times: 1)
      shop.stock.fail("takeBack", times: 1)
      let canceled = try await shop.cancel(order.id).value
      #expect(canceled.status == .known(.canceled) && canceled.paymentStatus == .known(.refunded))
      #expect(shop.cashier.charge(order.paymentID)?.refunded == true)
      #expect(shop.stock.available("MUG") == 1_000)
      #expect(try await shop.events(of: order.id) == ["placed", "paid", "confirmed", "refunded", "canceled"])
      let again = try await shop.cancel(order.id)
      #expect(again.status == 409 && again.problem?.extensions["allowed"] == .array([]))
    }
  }

  @Test("whose refund is refused stays as it is, and may be tried again", arguments: Engine.available)
  func refused(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let order = try await shop.place().value
      shop.cashier.answerRefunds(.failed)
      #expect(try await shop.cancel(order.id).value.status == .known(.confirmed))
      #expect(shop.stock.available("MUG") == 998)
      shop.cashier.answerRefunds(.succeeded)
      #expect(try await shop.cancel(order.id).value.status == .known(.canceled))
    }
  }

  @Test("is a buyer's right for a while, and an administrator's for ever", arguments: Engine.available)
  func window(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) {
      $0.cancelWindow = .zero
    } _: { shop in
      let order = try await shop.place().value
      let late = try await shop.cancel(order.id)
      #expect(late.status == 409 && late.code == "invalid_state")
      #expect(try await shop.cancel(order.id, token: shop.administrator).value.status == .known(.canceled))
    }
  }

  @Test("that is completed, or somebody else's, is refused", arguments: Engine.available)
  func notOurs(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let order = try await shop.place().value
      #expect(try await shop.cancel(order.id, token: FakeVerifier.token(UUID.v7())).status == 404)
      let done: Reply<Order> = try await shop.send(
        OrderAPI.complete, "/api/v1/orders/\(order.id.lowercased)/complete", token: shop.administrator)
      #expect(try done.value.status == .known(.completed))
      let refused = try await shop.cancel(order.id)
      #expect(refused.status == 409 && refused.problem?.extensions["state"] == "completed")
      let canceled = try await shop.place(method: "pm_decline").value
      let complete: Reply<Order> = try await shop.send(
        OrderAPI.complete, "/api/v1/orders/\(canceled.id.lowercased)/complete", token: shop.administrator)
      #expect(complete.status == 409)
    }
  }
}
