import Foundation
import GravityContracts
import PaymentAPI
import Testbed
import Testing

@testable import PaymentServer

@Suite struct RefundTests {
  @Test("fifty refunds at once never give back more than was taken", arguments: Engine.available)
  func concurrency(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let id = try await payments.create(more: ["capture_method": "automatic"]).value.id
      let statuses = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
        for _ in 0..<50 {
          group.addTask {
            let reply = try await payments.send(PaymentAPI.createRefund, id, payments.money(30))
            return (reply.status, reply.code)
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.filter { $0.0 == 201 }.count == 33)
      #expect(statuses.filter { $0 == (422, "amount_too_large") }.count == 17)
      let payment = try await payments.payment(id)
      #expect(payment.amountRefunded.amount == 990)
      #expect(try await payments.charges(of: id).map(\.amountRefunded.amount) == [990])
      let reply = try await payments.send(PaymentAPI.createRefund, id, payments.money(11))
      #expect(
        reply.problem?.extensions["refundable"] == .object(["amount": .integer(10), "currency": .string("USD")]))
      #expect(try await payments.balance().balanced)
    }
  }

  @Test("a refund under way blocks its amount; one that fails gives it free again", arguments: Engine.available)
  func pendingAndFailed(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let id = try await payments.create(more: ["capture_method": "automatic"]).value.id
      payments.provider.fail(.refund, with: .lostOnTheWay)
      let pending = try await payments.send(PaymentAPI.createRefund, id, payments.money(700)).value
      #expect(pending.status == .known(.pending))
      #expect(try await payments.payment(id).amountRefunded.amount == 0)
      #expect(try await payments.send(PaymentAPI.createRefund, id, payments.money(301)).code == "amount_too_large")
      #expect(try await payments.balance().balanced)
      payments.provider.recover()
      payments.provider.fail(.refund, with: .refuses("account_closed"))
      payments.clock.advance(1)
      try await payments.service.reconciler.reconcileDue()
      let reread = try await payments.service.reader.refund(RefundID(paymentID: id, id: pending.id))
      #expect(reread.status == .known(.failed) && reread.failureCode == "account_closed")
      #expect(try await payments.events(of: pending.id) == ["refund.failed"])
      let failed = try await payments.send(PaymentAPI.createRefund, id, payments.money(1))
      #expect(try failed.status == 201 && failed.value.status == .known(.failed))
      payments.provider.recover()
      #expect(try await payments.send(PaymentAPI.createRefund, id).value.amount.amount == 1_000)
      #expect(try await payments.payment(id).status == .known(.succeeded))
      #expect(try await payments.balance().balanced)
    }
  }

  @Test("a refund under an id of the caller's is made once", arguments: Engine.available)
  func ids(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let id = try await payments.create(more: ["capture_method": "automatic"]).value.id
      let refund = OrderedIDs.next()
      @Sendable func fields() -> [String: Any] { payments.money(100).merging(["id": refund.lowercased]) { $1 } }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<10 {
          group.addTask {
            let reply = try await payments.send(PaymentAPI.createRefund, id, fields())
            #expect(try reply.status == 201 && reply.value.id == refund)
          }
        }
        try await group.waitForAll()
      }
      #expect(try await payments.payment(id).amountRefunded.amount == 100)
      let other = payments.money(101).merging(["id": refund.lowercased]) { $1 }
      #expect(try await payments.send(PaymentAPI.createRefund, id, other).code == "refund_exists")
      let elsewhere = try await payments.create(more: ["capture_method": "automatic"]).value.id
      #expect(try await payments.send(PaymentAPI.createRefund, elsewhere, fields()).code == "refund_exists")
    }
  }

  @Test(
    "captures and cancels that come together end in one of two ways, with the same books", arguments: Engine.available)
  func captureAgainstCancel(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      for round in 0..<15 {
        let id = try await payments.create().value.id
        if round % 3 == 1 { payments.provider.fail(.capture, with: .lostOnTheWayBack) }
        if round % 3 == 2 { payments.provider.fail(.void, with: .lostOnTheWayBack) }
        let codes = try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<4 {
            group.addTask { try await payments.send(PaymentAPI.capture, id).status }
            group.addTask { try await payments.send(PaymentAPI.cancel, id).status }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes.allSatisfy { $0 == 200 || $0 == 409 })
        payments.provider.recover()
        payments.clock.advance(60)
        try await payments.service.reconciler.reconcileDue()
        let (row, charge) = (try await payments.row(id), try #require(try await payments.charges(of: id).first))
        #expect(row.stage == .succeeded || row.stage == .canceled)
        #expect(row.held == 0 && row.captured == charge.amountCaptured.amount)
        #expect(row.refunded == charge.amountRefunded.amount)
        if row.stage == .canceled {
          #expect(row.captured == row.refunded)
        } else {
          #expect(row.captured == 1_000 && row.refunded == 0 && !row.isCancelRequested)
        }
      }
      #expect(try await payments.balance().balanced)
    }
  }
}
