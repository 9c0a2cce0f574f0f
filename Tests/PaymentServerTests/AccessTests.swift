import Foundation
import GravityContracts
import GravityTelemetry
import PaymentAPI
import Testbed
import Testing

@testable import PaymentServer

@Suite struct AccessTests {
  @Test(
    "a payer sees own payments only; a stranger finds nothing; services need the permission",
    arguments: Engine.available)
  func ownership(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let (alice, bob) = (OrderedIDs.next(), OrderedIDs.next())
      let (asAlice, asBob) = (FakeVerifier.user(alice), FakeVerifier.user(bob))
      let reader = FakeVerifier.user(OrderedIDs.next(), ["payments:read"])
      let hers = try await payments.create("pm_sim_requires_action", customer: alice).value.id
      let nobodys = try await payments.create("pm_sim_requires_action").value.id

      #expect(try await payments.send(PaymentAPI.payment, hers, token: asAlice).value.id == hers)
      #expect(try await payments.send(PaymentAPI.payment, hers, token: reader).value.id == hers)
      #expect(try await payments.send(PaymentAPI.refunds, hers, token: asAlice).status == 200)
      #expect(try await payments.send(PaymentAPI.payments, token: asAlice).value.items.map(\.id) == [hers])
      #expect(try await payments.send(PaymentAPI.payments, token: reader).value.items.count == 2)
      #expect(
        try await payments.send(PaymentAPI.payments, query: "?customer_id=\(alice.lowercased)", token: asBob).value
          .items.isEmpty)
      for (id, token) in [(hers, asBob), (nobodys, asBob), (nobodys, asAlice), (nobodys, FakeVerifier.token("user~x"))]
      {
        for reply in [
          try await payments.send(PaymentAPI.payment, id, token: token),
          try await payments.send(PaymentAPI.completeAction, id, ["outcome": "succeed"], token: token),
        ] { #expect(reply.status == 404 && reply.code == "not_found") }
        #expect(try await payments.send(PaymentAPI.refunds, id, token: token).code == "not_found")
      }
      #expect(try await payments.row(hers).stage == .requiresAction)
      // With the permission to read alone, nothing can be moved.
      #expect(
        try await payments.send(PaymentAPI.completeAction, hers, ["outcome": "succeed"], token: reader).status == 404)
    }
  }

  @Test("each endpoint that needs a permission refuses those who lack it", arguments: Engine.available)
  func permissions(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let id = OrderedIDs.next()
      // A provider bears no token: its signature is what counts, see `WebhookTests`.
      #expect(PaymentAPI.endpoints.filter { $0.access == .public }.map(\.name) == [PaymentAPI.webhook.name])
      for endpoint in PaymentAPI.endpoints where endpoint.access != .public {
        let nobody = try await payments.status(endpoint, id, token: nil)
        #expect(nobody == 401, "\(endpoint.name)")
        guard case .permission(let permission) = endpoint.access else { continue }
        let other: Permission = permission == "payments:read" ? "payments:write" : "payments:read"
        for token in [FakeVerifier.user(id, [other]), FakeVerifier.token("service~cart", [other])] {
          let status = try await payments.status(endpoint, id, token: token)
          #expect(status == 403, "\(endpoint.name)")
        }
      }
    }
  }

  @Test("what looks like a card's number is refused, wherever it stands, and never logged", arguments: Engine.available)
  func cardNumbers(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let number = "4242424242424242"
      for (method, metadata, field) in [
        (number, [:], "payment_method"), ("pm_\(number)", [:], "payment_method"),
        ("pm_sim_approve", ["card": "4242 4242 4242 4242"], "metadata.card"),
        ("pm_sim_approve", ["note": "it is 4242-4242-4242-4242, thanks"], "metadata.note"),
        ("pm_sim_approve", [number: "x"], "metadata"),
      ] {
        let reply = try await payments.create(method, more: ["metadata": metadata])
        #expect(reply.status == 422 && reply.fields == [field], "\(method)")
        #expect(reply.problem?.errors?.first?.code == "card_number")
        #expect(!reply.text.contains("4242"))
      }
      let id = try await payments.create().value.id
      let reply = try await payments.send(PaymentAPI.cancel, id, ["reason": number])
      #expect(reply.fields == ["reason"] && !reply.text.contains("4242"))
      #expect(try await payments.send(PaymentAPI.confirm, id, ["payment_method": number]).fields == ["payment_method"])
      let log = payments.log.lines.joined()
      #expect(log.contains("/api/v1/payments 422"))
      #expect(!log.contains(number) && !log.contains("4242 4242") && !log.contains("4242-4242"))
    }
  }

  @Test(
    "card numbers are told from other numbers",
    arguments: [
      ("4242424242424242", true), ("4242424242424241", false), ("378282246310005", true), ("6304000000000000", true),
      ("tel 030 901820", false), ("5555.5555.5555.4444", true), ("x5555555555554444y", true),
      ("018f4242-4242-7242-8242-424242424242", false), ("42424242424242424242", false), ("", false),
      ("order 4242-4242-4242-4242-4242", false),
    ])
  func luhn(_ text: String, _ isFound: Bool) { #expect(CardNumber.isFound(in: text) == isFound, "\(text)") }

  @Test("fields that are not valid are all named", arguments: [Engine.sqlite])
  func fields(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      for amount in [0, -1] as [Int64] {
        #expect(try await payments.create(amount: amount).fields == ["amount.amount"])
      }
      #expect(try await payments.create(amount: Money.greatest + 1).fields == ["amount.amount"])
      #expect(try await payments.create(currency: "XXX").fields == ["amount.currency"])
      #expect(try await payments.create("pm_other").fields == ["payment_method"])
      #expect(try await payments.create("a b").fields == ["payment_method"])
      let many = Dictionary(uniqueKeysWithValues: (0..<21).map { ("k\($0)", "v") })
      #expect(try await payments.create(more: ["metadata": many]).fields == ["metadata"])
      #expect(
        try await payments.create(more: ["metadata": ["k": String(repeating: "v", count: 501)]]).fields == [
          "metadata.k"
        ])
      #expect(try await payments.create("a b", amount: 0).fields == ["amount.amount", "payment_method"])
      let id = try await payments.create().value.id
      #expect(try await payments.send(PaymentAPI.capture, id, payments.money(0)).fields == ["amount.amount"])
      #expect(try await payments.send(PaymentAPI.capture, id, payments.money(1, "EUR")).fields == ["amount.currency"])
      #expect(try await payments.send(PaymentAPI.capture, id, raw: "{").status == 400)
      #expect(try await payments.send(PaymentAPI.capture, OrderedIDs.next()).status == 404)
      _ = try await payments.send(PaymentAPI.capture, id, payments.money(5))
      #expect(
        try await payments.send(PaymentAPI.createRefund, id, payments.money(1, "EUR")).fields == ["amount.currency"])
      #expect(try await payments.send(PaymentAPI.createRefund, id, payments.money(0)).fields == ["amount.amount"])
      #expect(
        try await payments.send(PaymentAPI.payments, query: "?limit=101", token: FakeVerifier.user(id)).fields == [
          "limit"
        ])
    }
  }

  @Test("lists page without loss, newest first", arguments: Engine.available)
  func pages(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let order = OrderedIDs.next()
      var made: [UUID] = []
      for index in 0..<5 {
        made.append(try await payments.create(more: index < 3 ? ["order_id": order.lowercased] : [:]).value.id)
      }
      let token = FakeVerifier.user(order, ["payments:read"])
      var (seen, cursor) = ([UUID](), "")
      repeat {
        let page = try await payments.send(PaymentAPI.payments, query: "?limit=2\(cursor)", token: token).value
        seen += page.items.map(\.id)
        cursor = page.nextCursor.map { "&cursor=\($0)" } ?? ""
      } while !cursor.isEmpty
      #expect(seen == made.reversed())
      let ofOrder = try await payments.send(
        PaymentAPI.payments, query: "?order_id=\(order.lowercased)", token: token
      ).value.items
      #expect(ofOrder.map(\.id) == made.prefix(3).reversed())
    }
  }
}
