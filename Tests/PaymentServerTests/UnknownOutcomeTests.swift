import Foundation
import GravityContracts
import GravityData
import GravityTasks
import Patience
import PaymentAPI
import ServiceLifecycle
import Testbed
import Testing

@testable import PaymentServer

@Suite struct UnknownOutcomeTests {
  @Test(
    "the provider did it and the answer never came: processing, then what the provider says",
    arguments: Engine.available)
  func timeout(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      for method in [CaptureMethod.manual, .automatic] {
        let made = try await payments.create("pm_sim_timeout", more: ["capture_method": method.rawValue])
        let id = try made.value.id
        #expect(try made.status == 201 && made.value.status == .known(.processing))
        #expect(try await payments.attempts(id).map(\.state) == [.unknown])
        let waiting = try await payments.database.rows("SELECT unique_key FROM gravity_tasks WHERE state = 'waiting'")
        #expect(
          try waiting.map { try $0.get(0, as: String.self) }.contains(try await payments.attempts(id)[0].id.lowercased))
        // Not asked before its time.
        #expect(try await payments.service.reconciler.reconcileDue() == 0)
        payments.clock.advance(0.5)
        #expect(try await payments.service.reconciler.reconcileDue() == 1)
        let status = try await payments.payment(id).status
        #expect(status == .known(method == .manual ? .requiresCapture : .succeeded))
        #expect(try await payments.charges(of: id).count == 1)
        #expect(try await payments.service.reconciler.reconcileDue() == 0)
      }
      #expect(payments.provider.calls.count == 2, "one call for each")
      #expect(try await payments.balance().balanced)
    }
  }

  @Test("whoever repeats the call after the wait gets the answer, and no second charge", arguments: Engine.available)
  func repeats(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let id = OrderedIDs.next()
      #expect(try await payments.create("pm_sim_timeout", id: id, key: "k").value.status == .known(.processing))
      #expect(try await payments.create("pm_sim_timeout", id: id, key: "k").value.status == .known(.processing))
      payments.clock.advance(1)
      #expect(try await payments.create("pm_sim_timeout", id: id, key: "k").value.status == .known(.requiresCapture))
      payments.provider.fail(.capture, with: .lostOnTheWayBack)
      #expect(try await payments.send(PaymentAPI.capture, id).value.status == .known(.processing))
      payments.clock.advance(1)
      #expect(try await payments.send(PaymentAPI.capture, id).value.status == .known(.succeeded))
      payments.provider.fail(.refund, with: .lostOnTheWayBack)
      let refund = OrderedIDs.next()
      for status in [RefundStatus.pending, .succeeded, .succeeded] {
        let reply = try await payments.send(PaymentAPI.createRefund, id, ["id": refund.lowercased])
        #expect(try reply.status == 201 && reply.value.status == .known(status))
        payments.clock.advance(1)
      }
      #expect(payments.provider.calls.count == 3)
      let charge = try #require(try await payments.charges(of: id).first)
      #expect(charge.amountCaptured.amount == 1_000 && charge.amountRefunded.amount == 1_000)
      #expect(try await payments.balance().balanced)
    }
  }

  @Test(
    "a charge that succeeds late is waited for; after a cancel it is voided, or given back", arguments: Engine.available
  )
  func lateSuccess(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let wanted = try await payments.create("pm_sim_late_success").value.id
      let canceled = try await payments.create("pm_sim_late_success").value.id
      let taken = try await payments.create("pm_sim_late_success", more: ["capture_method": "automatic"]).value.id
      for id in [canceled, taken] {
        for _ in 0..<2 {
          let reply = try await payments.send(PaymentAPI.cancel, id, ["reason": "out_of_stock"])
          let value = try reply.value
          #expect(reply.status == 200 && value.status == .known(.processing) && value.cancellationPending)
        }
      }
      payments.clock.advance(1)
      #expect(try await payments.service.reconciler.reconcileDue() == 3)
      for id in [wanted, canceled, taken] {
        #expect(try await payments.payment(id).status == .known(.processing))
      }
      payments.clock.advance(1)
      try await payments.service.reconciler.reconcileDue()
      #expect(try await payments.payment(wanted).status == .known(.requiresCapture))
      for id in [canceled, taken] {
        let payment = try await payments.payment(id)
        #expect(payment.status == .known(.canceled) && payment.cancellationReason == "out_of_stock")
        #expect(!payment.cancellationPending)
        #expect(try await payments.events(of: id) == ["payment.canceled"], "nothing else is told")
        #expect(try await payments.send(PaymentAPI.cancel, id).value.status == .known(.canceled))
      }
      #expect(try await payments.charges(of: canceled).map(\.status) == [.known(.voided)])
      let charge = try #require(try await payments.charges(of: taken).first)
      #expect(charge.amountCaptured.amount == 1_000 && charge.amountRefunded.amount == 1_000)
      #expect(try await payments.payment(taken).amountRefunded.amount == 1_000)
      let balance = try await payments.balance()
      #expect(balance.balanced && balance.currencies[0].pendingDebits == 1_000)
    }
  }

  @Test(
    "a cancel of what never reached the provider ends it for good: the call may still arrive",
    arguments: Engine.available)
  func neverArrived(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      payments.provider.fail(.authorize, with: .lostOnTheWay)
      let id = try await payments.create().value.id
      #expect(try await payments.send(PaymentAPI.cancel, id).value.cancellationPending)
      payments.clock.advance(1)
      payments.provider.recover()
      try await payments.service.reconciler.reconcileDue()
      #expect(try await payments.payment(id).status == .known(.canceled))
      #expect(try await payments.attempts(id).map(\.state) == [.abandoned, .succeeded])
      #expect(payments.provider.calls.allSatisfy { $0.contains("void") })
      // Now it arrives, late.
      let attempt = try #require(try await payments.attempts(id).first)
      let answer = try await payments.provider.authorize(
        ProviderAuthorization(
          key: attempt.key, paymentID: id, amount: Money(1_000, Currency("USD")!)!, paymentMethod: "pm_sim_approve",
          capturesAtOnce: false))
      #expect(answer == .voided)
      #expect(try await payments.charges(of: id).map(\.status) == [.known(.barred)])
      #expect(try await payments.balance().balanced)
    }
  }

  @Test(
    "an answer that is lost twice, and a provider that is away, are asked again and again", arguments: Engine.available)
  func away(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      payments.provider.goSilent()
      let id = try await payments.create().value.id
      for failures in 1..<12 {
        payments.clock.advance(60)
        #expect(try await payments.service.reconciler.reconcileDue() == 1)
        let attempt = try await payments.attempts(id)[0]
        #expect(attempt.failures == Int64(failures) + 1)
        #expect(attempt.dueAt.timeIntervalSince(payments.clock.now) <= 60)
      }
      payments.provider.recover()
      payments.clock.advance(60)
      try await payments.service.reconciler.reconcileDue()
      #expect(try await payments.payment(id).status == .known(.requiresCapture))
      #expect(try await payments.attempts(id).count == 1 && payments.provider.calls.count == 1)
    }
  }

  struct Death: Sendable, CustomTestStringConvertible {
    var operation: FaultyProvider.Operation
    var fault: FaultyProvider.Fault
    var isCanceled = false
    var testDescription: String { "\(operation) \(fault)\(isCanceled ? ", then canceled" : "")" }
  }
  static let everyDeath: [Death] = [FaultyProvider.Fault.diesBefore, .diesAfter].flatMap { fault in
    [
      Death(operation: .authorize, fault: fault), Death(operation: .authorize, fault: fault, isCanceled: true),
      Death(operation: .capture, fault: fault), Death(operation: .capture, fault: fault, isCanceled: true),
      Death(operation: .void, fault: fault), Death(operation: .refund, fault: fault),
    ]
  }

  @Test(
    "a process that dies between asking and recording: the next one finds out, and nothing is done twice",
    arguments: Engine.available, everyDeath)
  func deaths(_ engine: Engine, _ death: Death) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let id = OrderedIDs.next()
      func dead() async throws {
        try await eventually("the call hangs") { payments.provider.hanging == 1 }
      }
      payments.provider.fail(death.operation, with: death.fault)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          // As the saga would: up to the operation at which the process dies.
          _ = try await payments.create(id: id)
          switch death.operation {
          case .capture: _ = try await payments.send(PaymentAPI.capture, id)
          case .void: _ = try await payments.send(PaymentAPI.cancel, id)
          case .refund:
            _ = try await payments.send(PaymentAPI.capture, id)
            _ = try await payments.send(PaymentAPI.createRefund, id, payments.money(300))
          case .authorize, .retrieve, .completeAction: break
          }
        }
        defer { payments.provider.release() }
        try await dead()
        let next = try payments.restarted()
        if death.isCanceled {
          let answer = try await next.cancellations.cancel(PaymentCancel(id: id), once: nil).value
          #expect(answer.status == .known(.processing) && answer.cancellationPending)
        }
        #expect(try await next.reconciler.reconcileDue(all: true) == 1)
        let row = try await payments.row(id)
        let charge = try #require(try await payments.charges(of: id).first)
        switch (death.operation, death.isCanceled) {
        case (.authorize, false): #expect(row.stage == .authorized && charge.status == .known(.authorized))
        case (.capture, false): #expect(row.stage == .succeeded && charge.amountCaptured.amount == 1_000)
        case (.refund, _): #expect(row.refunded == 300 && row.refunding == 0 && charge.amountRefunded.amount == 300)
        case (.void, _), (_, true):
          #expect(
            row.stage == .canceled && charge.status != .known(.authorized)
              || charge.amountRefunded == charge.amountCaptured)
          #expect(row.captured == row.refunded && charge.amountCaptured == charge.amountRefunded)
          #expect(row.held == 0)
        default: Issue.record("no such death")
        }
        #expect(try await payments.charges(of: id).count == 1)
        let balance = try await next.ledger.balance()
        #expect(balance.balanced)
        // What hung comes back to life, with its old question, and changes nothing.
        payments.provider.recover()
        payments.provider.release()
        try await group.waitForAll()
        #expect(try await payments.row(id) == row)
        #expect(try await next.reconciler.reconcileDue(all: true) == 0)
        #expect(try await next.ledger.balance() == balance)
      }
    }
  }

  @Test("a void and a giving back that the provider refuses are tried until they succeed", arguments: Engine.available)
  func refusedVoids(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let late = try await payments.payment(in: .givingBack)
      payments.provider.recover()
      payments.provider.fail(.void, .refund, with: .refuses("try_later"))
      let held = try await payments.create().value.id
      #expect(try await payments.send(PaymentAPI.cancel, held).value.cancellationPending)
      for _ in 0..<3 {
        payments.clock.advance(60)
        try await payments.service.reconciler.reconcileDue()
        for id in [held, late] { #expect(try await payments.row(id).payment.cancellationPending) }
      }
      payments.provider.recover()
      payments.clock.advance(60)
      try await payments.service.reconciler.reconcileDue()
      for id in [held, late] {
        #expect(try await payments.row(id).stage == .canceled)
        #expect(try await payments.events(of: id).filter { $0 == "payment.canceled" }.count == 1)
        let keys = try await payments.attempts(id).map(\.key)
        #expect(Set(keys).count == keys.count, "a refusal for good is asked again under a new key")
      }
      #expect(try await payments.balance().balanced)
    }
  }

  @Test(
    "the worker finds out by itself, by a task that is asked for when the answer is lost", arguments: Engine.available)
  func worker(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let id = try await payments.create("pm_sim_timeout").value.id
      let running = Task { try await payments.service.worker.run() }
      try await eventually("it is known") { try await payments.row(id).stage == .authorized }
      running.cancel()
      _ = await running.result
    }
  }

  @Test("what somebody was asking when the process died is looked for at the start", arguments: Engine.available)
  func start(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      payments.provider.fail(.authorize, with: .diesAfter)
      let id = OrderedIDs.next()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { _ = try await payments.create(id: id) }
        defer { payments.provider.release() }
        try await eventually("the call hangs") { payments.provider.hanging == 1 }
        let next = try payments.restarted()
        let running = Task { try await next.tasks.run() }
        try await eventually("it is known") { try await payments.row(id).stage == .authorized }
        running.cancel()
        _ = await running.result
        payments.provider.release()
        try await group.waitForAll()
      }
      #expect(try await payments.charges(of: id).count == 1)
    }
  }
}
