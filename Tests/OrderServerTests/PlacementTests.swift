import Foundation
import GravityContracts
import HTTPTypes
import OrderAPI
import Patience
import Testbed
import Testing

@testable import OrderServer

@Suite("Placing an order")
struct PlacementTests {
  private struct Refusal: Equatable {
    var status: Int
    var fields: [String]
  }

  @Test("reserves, authorizes, commits and captures, in this order, and tells", arguments: Engine.available)
  func confirmed(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let reply = try await shop.place([("MUG", 2), ("TEE", 1)])
      #expect(reply.status == 201)
      #expect(reply.headers[.init("Preference-Applied")!] == "wait=15")
      let order = try reply.value
      #expect(order.status == .known(.confirmed) && order.paymentStatus == .known(.paid))
      #expect(order.total == Money(2 * 1_299 + 2_450, .usd))
      #expect(shop.stock.calls == ["reserve", "commit"])
      #expect(shop.cashier.calls == ["authorize", "capture"])
      #expect(shop.stock.available("MUG") == 998 && shop.stock.available("TEE") == 999)
      #expect(shop.cashier.charge(order.paymentID)?.status == .captured)
      #expect(shop.cashier.charge(order.paymentID)?.amount == order.total)
      #expect(try await shop.events(of: order.id) == ["placed", "paid", "confirmed"])
      let history: Reply<OrderHistory> = try await shop.send(
        OrderAPI.history, "/api/v1/orders/\(order.id.lowercased)/history", token: shop.token)
      #expect(
        try history.value.entries.map(\.reason) == ["placed", "payment_authorized", "payment_captured", "confirmed"])
      let saga: Reply<SagaView> = try await shop.send(
        OrderAPI.saga, "/api/v1/orders/\(order.id.lowercased)/saga", token: shop.token)
      #expect(try saga.value.state == .known(.completed))
      #expect(try saga.value.steps?.map(\.name) == ["reserve", "authorize", "commit", "capture"])
    }
  }

  @Test("answers at once unless it is asked to wait", arguments: Engine.available)
  func atOnce(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let placed = try await shop.place(wait: 0).value
      #expect(placed.status == .known(.pending) && placed.paymentStatus == .known(.unpaid))
      #expect(try await shop.order(placed.id, becomes: .confirmed).version > placed.version)
    }
  }

  @Test("is canceled for want of stock, and no card is touched", arguments: Engine.available)
  func noStock(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      shop.stock.set("MUG", 1)
      let order = try await shop.place([("TEE", 1), ("MUG", 2)]).value
      #expect(order.status == .known(.canceled) && order.cancelReason == "insufficient_stock")
      #expect(order.paymentStatus == .known(.voided))
      #expect(shop.cashier.calls.isEmpty)
      #expect(shop.stock.available("TEE") == 1_000)
      #expect(try await shop.events(of: order.id) == ["placed", "canceled"])
    }
  }

  @Test("is canceled when the card is declined, and the stock is free again", arguments: Engine.available)
  func declined(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let order = try await shop.place(method: "pm_decline").value
      #expect(order.status == .known(.canceled) && order.cancelReason == "payment_declined")
      #expect(shop.stock.available("MUG") == 1_000)
      #expect(shop.stock.calls == ["reserve", "release"])
    }
  }

  @Test("waits for the buyer's bank, and goes on when the payment has moved", arguments: Engine.available)
  func action(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let placed = try await shop.place(method: "pm_action", wait: 0).value
      try await eventually("the buyer is told what to do") {
        try await shop.order(placed.id).nextAction == "/challenge"
      }
      #expect(try await shop.order(placed.id).paymentStatus == .known(.requiresAction))
      shop.cashier.set(placed.paymentID, .authorized)
      try await shop.paymentMoved(placed)
      let order = try await shop.order(placed.id, becomes: .confirmed)
      #expect(order.paymentStatus == .known(.paid) && order.nextAction == nil)
    }
  }

  @Test("is canceled when the bank says no after all", arguments: Engine.available)
  func actionFailed(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let placed = try await shop.place(method: "pm_action", wait: 0).value
      try await eventually("it waits") { try await shop.order(placed.id).nextAction != nil }
      shop.cashier.set(placed.paymentID, .declined(code: "authentication_failed"))
      try await shop.paymentMoved(placed)
      let order = try await shop.order(placed.id, becomes: .canceled)
      #expect(order.cancelReason == "payment_declined" && order.nextAction == nil)
      #expect(shop.stock.available("MUG") == 1_000)
    }
  }

  @Test("survives answers that are lost at every step, and charges once", arguments: Engine.available)
  func lostAnswers(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      for call in ["reserve", "commit"] { shop.stock.fail(call, times: 2) }
      for call in ["authorize", "capture"] { shop.cashier.fail(call, times: 2) }
      let order = try await shop.place().value
      #expect(order.status == .known(.confirmed))
      #expect(shop.cashier.charges.count == 1)
      #expect(shop.stock.available("MUG") == 998)
    }
  }

  @Test("gives one order for one key, also when the catalogue is away by then", arguments: Engine.available)
  func idempotency(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let first = try await shop.place(key: "once")
      shop.catalogue.isAway = true
      let again = try await shop.place(wait: 0, key: "once")
      #expect(again.status == 201)
      #expect(again.headers[.init("Idempotency-Replayed")!] == "true")
      #expect(try again.value.id == first.value.id)
      let other = try await shop.place([("TEE", 1)], wait: 0, key: "once")
      #expect(other.status == 422 && other.code == "idempotency_key_reused")
      #expect(shop.cashier.charges.count == 1)
    }
  }

  @Test("at the same time under one key places one order", arguments: Engine.available)
  func together(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let ids = try await withThrowingTaskGroup(of: UUID?.self) { group in
        for _ in 0..<16 {
          group.addTask {
            try await eventually("it is placed") {
              let reply = try await shop.place(wait: 0, key: "the-same")
              if reply.status == 201 { return try reply.value.id }
              try #require(reply.status == 409 || reply.status == 503)
              return nil
            }
          }
        }
        return try await group.reduce(into: Set<UUID?>()) { $0.insert($1) }
      }
      #expect(ids.count == 1)
    }
  }

  @Test("200 at once for 20 units confirms exactly 20", arguments: Engine.available)
  func lastUnits(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      shop.stock.set("MUG", 20)
      let placed = try await withThrowingTaskGroup(of: UUID.self) { group in
        for _ in 0..<200 {
          group.addTask {
            let key = UUID().uuidString
            return try await eventually("it is placed", within: .seconds(180)) {
              // Two hundred wait for one another: who gets no answer in time asks again, as clients do.
              guard let reply = try? await shop.place([("MUG", 1)], wait: 0, key: key) else { return nil }
              if reply.status == 201 { return try reply.value.id }
              try #require([409, 503].contains(reply.status))
              return nil
            }
          }
        }
        return try await group.reduce(into: [UUID]()) { $0.append($1) }
      }
      var counts: [String: Int] = [:]
      for id in placed {
        try await eventually("the order is settled") { try await shop.order(id).status != .known(.pending) }
        counts[try await shop.order(id).status.rawValue, default: 0] += 1
      }
      #expect(counts == ["confirmed": 20, "canceled": 180])
      #expect(shop.stock.available("MUG") == 0)
      #expect(shop.cashier.charges.filter { $0.status == .captured }.count == 20)
    }
  }

  @Test("of what costs nothing asks no card", arguments: Engine.available)
  func free(on engine: Engine) async throws {
    try await OrderFixture.run(on: engine) { shop in
      let order = try await shop.place([("FREE", 3)]).value
      #expect(order.status == .known(.confirmed) && order.total == Money(0, .usd))
      #expect(shop.cashier.calls.isEmpty)
      #expect(try await shop.cancel(order.id).value.status == .known(.canceled))
      #expect(shop.cashier.calls.isEmpty)
    }
  }

  @Test("tells everything that is wrong with a request at once")
  func invalid() async throws {
    try await OrderFixture.run(on: .sqlite) { shop in
      func fields(_ change: (inout [String: Any]) -> Void) async throws -> Refusal {
        var body = OrderFixture.placement()
        change(&body)
        let reply: Reply<Order> = try await shop.send(
          OrderAPI.place, nil, body, token: shop.token, headers: ["Idempotency-Key": UUID().uuidString])
        return Refusal(status: reply.status, fields: reply.fields)
      }
      #expect(try await fields { $0["lines"] = [[String: Any]]() } == Refusal(status: 422, fields: ["lines"]))
      #expect(
        try await fields {
          $0["lines"] = [["sku": "", "quantity": 0], ["sku": "MUG", "quantity": 1_000_001]]
          $0["shipping_address"] = ["name": " ", "line1": "x\u{7}y", "country": "Germany"]
          $0["payment_method"] = "4242424242424242"
        }
          == Refusal(
            status: 422,
            fields: [
              "lines.0.sku", "lines.0.quantity", "lines.1.quantity", "shipping_address.country",
              "shipping_address.name", "shipping_address.line1", "payment_method",
            ]
          ))
      #expect(try await fields { $0["currency"] = "XXX" } == Refusal(status: 422, fields: ["currency"]))
      let unknown = try await shop.place([("MUG", 1), ("NIX", 1)])
      #expect(unknown.status == 422 && unknown.code == "unknown_sku" && unknown.fields == ["lines.1.sku"])
      #expect(try await shop.place([("TEE", 1)], currency: "KWD").fields == ["lines.0.sku"])
      shop.catalogue.isAway = true
      #expect(try await shop.place().code == "catalogue_unavailable")
      let missing: Reply<Order> = try await shop.send(
        OrderAPI.place, nil, OrderFixture.placement(), token: shop.token)
      #expect(missing.status == 400 && missing.code == "idempotency_key_required")
      #expect(shop.stock.calls.isEmpty)
    }
  }

  @Test("adds up lines of one SKU")
  func sameSKU() async throws {
    try await OrderFixture.run(on: .sqlite) { shop in
      let order = try await shop.place([("MUG", 1), ("TEE", 1), ("MUG", 2)]).value
      #expect(order.lines.map(\.sku) == ["MUG", "TEE"] && order.lines.map(\.quantity) == [3, 1])
    }
  }
}
