import Foundation
import GravityContracts
import GravityHTTP
import HTTPTypes
import PaymentAPI
import Testbed
import Testing

@testable import PaymentServer

@Suite struct FlowTests {
  @Test("a payment is held, captured in parts and refunded; the events tell it", arguments: Engine.available)
  func life(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let order = OrderedIDs.next()
      let made = try await payments.create(more: ["order_id": order.lowercased, "metadata": ["cart": "7"]])
      #expect(made.status == 201 && made.etag == "\"v2\"")
      let payment = try made.value
      #expect(payment.status == .known(.requiresCapture) && payment.orderID == order)
      #expect(payment.amountCapturable.amount == 1_000 && payment.metadata == ["cart": "7"])
      #expect(payment.authorizationExpiresAt == payments.clock.now.addingTimeInterval(7 * 86_400).roundedToMicroseconds)

      let part = try await payments.send(PaymentAPI.capture, payment.id, payments.money(300))
      #expect(try part.value.status == .known(.requiresCapture) && part.value.amountCapturable.amount == 700)
      let tooMuch = try await payments.send(PaymentAPI.capture, payment.id, payments.money(701))
      #expect(tooMuch.status == 422 && tooMuch.code == "amount_too_large")
      #expect(
        tooMuch.problem?.extensions["capturable"]
          == .object(["amount": .integer(700), "currency": .string("USD")]))
      let last = try await payments.send(
        PaymentAPI.capture, payment.id, payments.money(500).merging(["final_capture": true]) { $1 })
      #expect(try last.value.status == .known(.succeeded) && last.value.amountCaptured.amount == 800)
      #expect(try await payments.send(PaymentAPI.capture, payment.id).value.amountCaptured.amount == 800, "a repeat")
      #expect(try await payments.send(PaymentAPI.capture, payment.id, payments.money(800)).status == 200, "a repeat")
      #expect(try await payments.send(PaymentAPI.capture, payment.id, payments.money(500)).code == "invalid_state")

      let refund = try await payments.send(
        PaymentAPI.createRefund, payment.id, payments.money(200).merging(["reason": "broken"]) { $1 })
      #expect(try refund.status == 201 && refund.value.status == .known(.succeeded))
      #expect(try await payments.payment(payment.id).amountRefunded.amount == 200)
      let rest = try await payments.send(PaymentAPI.createRefund, payment.id)
      #expect(try rest.value.amount.amount == 600)
      let none = try await payments.send(PaymentAPI.createRefund, payment.id)
      #expect(none.status == 422 && none.code == "amount_too_large")
      #expect(
        try await payments.send(PaymentAPI.refunds, payment.id, token: FakeVerifier.user(order, ["payments:read"]))
          .value.items.count == 2)
      #expect(try await payments.send(PaymentAPI.cancel, payment.id).code == "invalid_state")

      #expect(
        try await payments.events(of: payment.id) == ["payment.authorized", "payment.captured", "payment.captured"])
      #expect(try await payments.events(of: try refund.value.id) == ["refund.succeeded"])
      let attempts = try await payments.send(PaymentAPI.attempts, payment.id).value.items
      #expect(attempts.map(\.operation.rawValue) == ["authorize", "capture", "capture", "void", "refund", "refund"])
      #expect(attempts.map(\.number) == [1, 2, 3, 4, 5, 6] && Set(attempts.map(\.providerKey)).count == 6)
      #expect(attempts.allSatisfy { $0.state == .known(.succeeded) && $0.finishedAt != nil })
      let charge = try #require(try await payments.charges(of: payment.id).first)
      #expect(charge.amountCaptured.amount == 800 && charge.amountRefunded.amount == 800)
      #expect(charge.status == .known(.voided))
      #expect(try await payments.balance().balanced)
    }
  }

  @Test(
    "a decline is 402 with the bank's code, told again to a repeat, and not tried again", arguments: Engine.available)
  func declines(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      for code in ["insufficient_funds", "expired_card"] {
        let id = OrderedIDs.next()
        for key in [nil, "first", "first"] {
          let reply = try await payments.create("pm_sim_decline_\(code)", id: id, key: key.map { $0 + code })
          #expect(reply.status == 402 && reply.code == "card_declined")
          #expect(reply.problem?.extensions["decline_code"] == .string(code))
          #expect(reply.problem?.extensions["payment_id"] == .string(id.lowercased))
        }
        #expect(try await payments.attempts(id).count == 1)
        let payment = try await payments.payment(id)
        #expect(payment.status == .known(.requiresPaymentMethod) && payment.lastError?.declineCode == code)
        #expect(try await payments.events(of: id) == ["payment.failed"])
        let other = try await payments.send(PaymentAPI.confirm, id, ["payment_method": "pm_sim_approve"])
        #expect(try other.value.status == .known(.requiresCapture) && other.value.lastError == nil)
        #expect(try await payments.send(PaymentAPI.confirm, id).status == 200, "a repeat")
        #expect(
          try await payments.send(PaymentAPI.confirm, id, ["payment_method": "pm_sim_timeout"]).code
            == "invalid_state", "another wish")
        #expect(try await payments.charges(of: id).filter { $0.status == .known(.authorized) }.count == 1)
      }
    }
  }

  @Test("the same id with the same content is the same payment, with other content 409", arguments: Engine.available)
  func ids(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let id = OrderedIDs.next()
      let replies = try await withThrowingTaskGroup(of: Reply<Payment>.self) { group in
        for _ in 0..<10 { group.addTask { try await payments.create(id: id) } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      // Who comes while the provider is asked sees that; nobody is refused.
      for reply in replies {
        #expect(try reply.status == 201 && reply.value.id == id)
        #expect(try [.known(.processing), .known(.requiresCapture)].contains(reply.value.status))
      }
      #expect(try await payments.attempts(id).count == 1 && payments.provider.calls.count == 1)
      #expect(try await payments.create(id: id).value.status == .known(.requiresCapture))
      for other in [
        try await payments.create(amount: 1_001, id: id), try await payments.create(currency: "EUR", id: id),
        try await payments.create("pm_sim_timeout", id: id),
        try await payments.create(id: id, more: ["metadata": ["a": "b"]]),
        try await payments.create(id: id, more: ["capture_method": "automatic"]),
      ] {
        #expect(other.status == 409 && other.code == "payment_exists")
      }
      #expect(try await payments.create(id: UUID()).fields == ["id"], "only version 7")
    }
  }

  @Test(
    "an Idempotency-Key gives the payment of the first call, and refuses another request", arguments: Engine.available)
  func idempotencyKeys(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let replayed = try #require(HTTPField.Name("Idempotency-Replayed"))
      let first = try await payments.create(key: "k1")
      let again = try await payments.create(key: "k1")
      #expect(try first.value.id == again.value.id && again.status == 201)
      #expect(again.headers[replayed] == "true")
      #expect(first.headers[replayed] == nil)
      #expect(try await payments.create(amount: 7, key: "k1").code == "idempotency_key_reused")
      let id = try first.value.id
      for _ in 0..<3 {
        let reply = try await payments.send(PaymentAPI.capture, id, payments.money(100), key: "c1")
        #expect(try reply.value.amountCaptured.amount == 100)
      }
      for _ in 0..<3 {
        let reply = try await payments.send(PaymentAPI.createRefund, id, payments.money(10), key: "r1")
        #expect(try reply.status == 201 && reply.value.status == .known(.succeeded))
      }
      #expect(try await payments.payment(id).amountRefunded.amount == 10)
      for _ in 0..<2 {
        #expect(try await payments.send(PaymentAPI.release, id, key: "l1").value.status == .known(.succeeded))
      }
      #expect(payments.provider.calls.count == 4)
      // A key tells what its own call came to, whatever came after it.
      let other = try await payments.create(key: "k2").value.id
      _ = try await payments.send(PaymentAPI.capture, other, payments.money(100), key: "c2")
      payments.provider.fail(.capture, with: .refuses("not_held"))
      for _ in 0..<2 {
        let failed = try await payments.send(PaymentAPI.capture, other, payments.money(200), key: "c3")
        #expect(failed.status == 402 && failed.code == "capture_failed")
        #expect(failed.problem?.extensions["decline_code"] == .string("not_held"))
      }
      #expect(try await payments.send(PaymentAPI.capture, other, payments.money(100), key: "c2").status == 200)
      payments.provider.recover()
      _ = try await payments.send(PaymentAPI.capture, other, payments.money(200))
      #expect(try await payments.send(PaymentAPI.capture, other, payments.money(200), key: "c3").status == 402)
      #expect(try await payments.payment(other).amountCaptured.amount == 300)
    }
  }

  @Test("a cancel of what never was leaves a tombstone, by which a late create is refused", arguments: Engine.available)
  func tombstones(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let id = OrderedIDs.next()
      for _ in 0..<2 {
        let reply = try await payments.send(PaymentAPI.cancel, id, ["reason": "saga"])
        let value = try reply.value
        #expect(reply.status == 200 && value.status == .known(.canceled) && !value.cancellationPending)
        #expect(value.payment == nil && value.id == id)
      }
      let late = try await payments.create(id: id)
      #expect(late.status == 409 && late.code == "payment_canceled")
      #expect(try await payments.send(PaymentAPI.paymentForServices, id).status == 404)
      #expect(payments.provider.calls.isEmpty)
      // Create and cancel at the same time: whoever is first, nothing is held afterwards.
      for _ in 0..<10 {
        let id = OrderedIDs.next()
        async let made = payments.create(id: id)
        async let canceled = payments.send(PaymentAPI.cancel, id)
        _ = try await (made, canceled)
        payments.clock.advance(60)
        try await payments.service.reconciler.reconcileDue()
        #expect(try await payments.send(PaymentAPI.cancel, id).value.status == .known(.canceled))
        #expect(try await payments.charges(of: id).allSatisfy { $0.status != .known(.authorized) })
      }
    }
  }

  @Test("who pays passes the challenge, or fails it", arguments: Engine.available)
  func challenges(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let customer = OrderedIDs.next()
      func begin(_ more: [String: Any] = [:]) async throws -> Payment {
        try await payments.create("pm_sim_requires_action", customer: customer, more: more).value
      }
      func complete(_ payment: Payment, _ outcome: String) async throws -> Reply<Payment> {
        try await payments.send(
          PaymentAPI.completeAction, payment.id, ["outcome": outcome], token: FakeVerifier.user(customer))
      }
      let payment = try await begin()
      #expect(payment.status == .known(.requiresAction))
      #expect(payment.nextAction?.url == "/api/v1/payments/\(payment.id.lowercased)/next-action")
      for _ in 0..<2 {
        let done = try await complete(payment, "succeed")
        #expect(try done.value.status == .known(.requiresCapture) && done.value.nextAction == nil)
      }
      #expect(try await payments.events(of: payment.id) == ["payment.requires_action", "payment.authorized"])

      let automatic = try await begin(["capture_method": "automatic"])
      #expect(try await complete(automatic, "succeed").value.status == .known(.succeeded))

      let failing = try await begin()
      let failed = try await complete(failing, "fail")
      #expect(failed.status == 402 && failed.problem?.extensions["decline_code"] == .string("authentication_failed"))
      #expect(try await complete(failing, "succeed").code == "invalid_state")
      #expect(try await payments.payment(failing.id).status == .known(.requiresPaymentMethod))

      let canceled = try await begin()
      #expect(try await payments.send(PaymentAPI.cancel, canceled.id).value.status == .known(.canceled))
      #expect(try await complete(canceled, "succeed").code == "invalid_state")
      #expect(try await payments.charges(of: canceled.id).map(\.status) == [.known(.voided)])
      #expect(try await payments.balance().balanced)
    }
  }

  @Test("money that is taken at once; a payment without a method waits for one", arguments: Engine.available)
  func automatic(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let paid = try await payments.create(more: ["capture_method": "automatic"]).value
      #expect(paid.status == .known(.succeeded) && paid.amountCaptured.amount == 1_000)
      #expect(try await payments.events(of: paid.id) == ["payment.captured"])
      let empty = try await payments.create(nil).value
      #expect(empty.status == .known(.requiresPaymentMethod) && empty.lastError == nil)
      #expect(try await payments.send(PaymentAPI.confirm, empty.id).fields == ["payment_method"])
      let waiting = try await payments.create(more: ["confirm": false]).value
      #expect(waiting.status == .known(.requiresConfirmation))
      #expect(try await payments.send(PaymentAPI.confirm, waiting.id).value.status == .known(.requiresCapture))
      #expect(try await payments.create(nil, more: ["confirm": true]).fields == ["payment_method"])
    }
  }

  @Test(
    "an authorization that expires ends the payment, or releases what was not captured", arguments: Engine.available)
  func expiry(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let (held, part) = (try await payments.create().value.id, try await payments.create().value.id)
      _ = try await payments.send(PaymentAPI.capture, part, payments.money(400))
      payments.clock.advance(7 * 86_400 - 1)
      #expect(try await payments.service.expiry.expireDue() == 0)
      payments.clock.advance(1)
      let late = try await payments.send(PaymentAPI.capture, held)
      #expect(late.status == 402 && late.code == "capture_failed")
      #expect(late.problem?.extensions["decline_code"] == .string("authorization_expired"))
      #expect(try await payments.service.expiry.expireDue() == 2)
      #expect(try await payments.service.expiry.expireDue() == 0)
      let (first, second) = (try await payments.payment(held), try await payments.payment(part))
      #expect(first.status == .known(.canceled) && first.cancellationReason == "authorization_expired")
      #expect(second.status == .known(.succeeded) && second.amountCaptured.amount == 400)
      #expect(
        try await payments.events(of: held) == ["payment.authorized", "payment.failed", "payment.canceled"])
      #expect(try await payments.balance().balanced)
    }
  }

  @Test("every declared endpoint is served, and its types can be described")
  func declared() throws {
    for endpoint in PaymentAPI.endpoints {
      #expect(Self.unknowns(endpoint).isEmpty, "\(endpoint.name)")
      #expect(endpoint.path.hasPrefix("/api/v1/payments"))
    }
  }

  private static func unknowns<E: EndpointDescription>(_ endpoint: E) -> [String] {
    Schema(of: E.Request.self).unknowns + Schema(of: E.Response.self).unknowns
  }
}
