import Foundation
import GravityContracts
import GravityData
import PaymentAPI
import Testbed
import Testing

@testable import PaymentServer

/// What a payment comes to, worked out apart from the service.
private struct Model {
  var amount: Int64
  var currency: String
  var held: Int64 = 0
  var captured: Int64 = 0
  var refunded: Int64 = 0
  var isOver = false
}

@Suite struct LedgerTests {
  @Test(
    "random operations leave payments, ledger and provider as an independent model has them",
    arguments: Engine.available, [1, 2, 3] as [UInt64])
  func model(_ engine: Engine, _ seed: UInt64) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      var random = Seeded(seed)
      var models: [UUID: Model] = [:]
      let currencies = ["JPY", "USD", "KWD", "CLF"]
      for _ in 0..<150 {
        let id = models.keys.sorted { $0.lowercased < $1.lowercased }.randomElement(using: &random)
        switch (Int.random(in: 0..<10, using: &random), id) {
        case (0...2, _), (_, nil):
          let currency = currencies.randomElement(using: &random)!
          let amount = Bool.random(using: &random) ? Int64.random(in: 1...10_000, using: &random) : 1 << 40
          let isAutomatic = Int.random(in: 0..<4, using: &random) == 0
          let reply = try await payments.create(
            amount: amount, currency: currency, more: ["capture_method": isAutomatic ? "automatic" : "manual"])
          var model = Model(amount: amount, currency: currency)
          if isAutomatic { (model.captured, model.isOver) = (amount, true) } else { model.held = amount }
          models[try reply.value.id] = model
        case (3...5, let id?):
          var model = models[id]!
          let amount = Int64.random(in: 1...max(1, model.amount), using: &random)
          let isFinal = Int.random(in: 0..<4, using: &random) == 0
          let reply = try await payments.send(
            PaymentAPI.capture, id,
            payments.money(amount, model.currency).merging(["final_capture": isFinal]) { $1 })
          if model.isOver {
            #expect(reply.status == (model.captured == amount ? 200 : 409))
          } else if amount > model.held {
            #expect(reply.code == "amount_too_large")
          } else {
            #expect(reply.status == 200)
            model.held -= amount
            model.captured += amount
            if isFinal || model.held == 0 { (model.held, model.isOver) = (0, true) }
          }
          models[id] = model
        case (6, let id?):
          let reply = try await payments.send(PaymentAPI.cancel, id)
          let canCancel = models[id]!.captured == 0
          #expect(reply.status == (canCancel ? 200 : 409))
          if canCancel { (models[id]!.held, models[id]!.isOver) = (0, true) }
        case (7, let id?):
          let reply = try await payments.send(PaymentAPI.release, id)
          let isPart = models[id]!.captured > 0 && !models[id]!.isOver
          #expect(reply.status == (isPart || models[id]!.captured > 0 ? 200 : 409))
          if isPart { (models[id]!.held, models[id]!.isOver) = (0, true) }
        case (_, let id?):
          var model = models[id]!
          let amount = Int64.random(in: 1...max(1, model.captured * 2 / 3 + 1), using: &random)
          let reply = try await payments.send(PaymentAPI.createRefund, id, payments.money(amount, model.currency))
          if model.captured == 0 {
            #expect(reply.code == "invalid_state")
          } else if amount > model.captured - model.refunded {
            #expect(reply.code == "amount_too_large")
          } else {
            #expect(reply.status == 201)
            model.refunded += amount
          }
          models[id] = model
        }
      }
      for (id, model) in models {
        let row = try await payments.row(id)
        #expect([row.held, row.captured, row.refunded] == [model.held, model.captured, model.refunded])
        let charge = try #require(try await payments.charges(of: id).first)
        #expect([charge.amountCaptured.amount, charge.amountRefunded.amount] == [model.captured, model.refunded])
      }
      let balance = try await payments.balance()
      #expect(balance.balanced && balance.currencies.count == Set(models.values.map(\.currency)).count)
      for currency in balance.currencies {
        let mine = models.values.filter { $0.currency == currency.currency.code }
        func account(_ name: String) -> LedgerAccount? { currency.accounts.first { $0.account == name } }
        let (captured, refunded, held) = (
          mine.reduce(0) { $0 + $1.captured }, mine.reduce(0) { $0 + $1.refunded }, mine.reduce(0) { $0 + $1.held }
        )
        #expect(account("merchant_revenue")?.balance ?? 0 == captured)
        #expect(account("refunds")?.balance ?? 0 == refunded)
        #expect(account("provider_receivable")?.balance ?? 0 == captured - refunded)
        #expect(account("customer_funds")?.balance ?? 0 == 0 && account("customer_funds")?.creditsPending ?? 0 == held)
        #expect(currency.difference == 0 && currency.debits == 2 * captured + refunded)
      }
      try await Self.addUp(payments, balance)
    }
  }

  /// What any client can do: add up the transfers one by one, and compare.
  private static func addUp(_ payments: PaymentFixture, _ balance: LedgerBalance) async throws {
    var (posted, pending) = ([String: Int64](), [String: Int64]())
    var open: [UUID: Int64] = [:]
    var cursor = ""
    repeat {
      let page = try await payments.send(PaymentAPI.ledgerTransfers, query: "?limit=100\(cursor)").value
      for transfer in page.items {
        let (debit, credit) = (
          "\(transfer.amount.currency) \(transfer.debit)", "\(transfer.amount.currency) \(transfer.credit)"
        )
        let amount = transfer.amount.amount
        if transfer.phase == .known(.single) || transfer.phase == .known(.post) {
          posted[debit, default: 0] += amount
          posted[credit, default: 0] -= amount
        }
        switch transfer.phase {
        case .known(.pending): open[transfer.id] = amount
        case .known(.post), .known(.void): open[try #require(transfer.pendingID), default: 0] -= amount
        default: break
        }
        if transfer.phase != .known(.single) {
          let signed = transfer.phase == .known(.pending) ? amount : -amount
          pending[debit, default: 0] += signed
          pending[credit, default: 0] -= signed
        }
      }
      cursor = page.nextCursor.map { "&cursor=\($0)" } ?? ""
    } while !cursor.isEmpty
    #expect(open.values.allSatisfy { $0 >= 0 })
    #expect(posted.values.reduce(0, +) == 0 && pending.values.reduce(0, +) == 0)
    for account in balance.currencies.flatMap(\.accounts) {
      let name = "\(account.currency) \(account.account)"
      #expect(account.debitsPosted - account.creditsPosted == posted[name] ?? 0, "\(name)")
      #expect(account.debitsPending - account.creditsPending == pending[name] ?? 0, "\(name)")
    }
    #expect(try await payments.send(PaymentAPI.ledgerAccounts).value.items == balance.currencies.flatMap(\.accounts))
  }

  @Test("the database itself refuses to change, delete or unbalance a transfer", arguments: Engine.available)
  func guards(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      let id = try await payments.create().value.id
      _ = try await payments.send(PaymentAPI.capture, id, payments.money(400))
      let before = try await payments.balance()
      let attempt = try await payments.attempts(id)[0]
      let hold = try #require(try await payments.row(id).holdID)
      let clock = payments.clock
      @Sendable func transfer(
        _ phase: LedgerPhase = .single, of pending: UUID? = nil, amount: Int64 = 1,
        debit: LedgerAccountName = .providerReceivable, credit: LedgerAccountName = .customerFunds,
        _ change: (inout TransferRow) -> Void = { _ in }
      ) -> TransferRow {
        var row = TransferRow(
          id: OrderedIDs.next(), phase, of: pending, code: "test", debit: debit, credit: credit, amount: amount,
          attempt: attempt, at: clock.now)
        change(&row)
        return row
      }
      let bad: [(String, TransferRow)] = [
        ("another currency", transfer { $0.debit = "EUR:provider_receivable" }),
        ("to itself", transfer(credit: .providerReceivable)), ("nothing", transfer(amount: 0)),
        ("less than nothing", transfer(amount: -1)), ("a post of nothing", transfer(.post)),
        ("a single of a hold", transfer(of: hold)), ("too large a post", transfer(.post, of: hold, amount: 601)),
        ("too large a void", transfer(.void, of: hold, amount: 601)),
        ("a post the other way", transfer(.post, of: hold, debit: .customerFunds, credit: .providerReceivable)),
        ("a post of what is not there", transfer(.post, of: OrderedIDs.next())),
      ]
      for (what, row) in bad {
        await #expect(throws: DatabaseError.self, "\(what)") {
          try await payments.database.write { try LedgerStore($0).insert(row) }
        }
      }
      for change: SQL in [
        "UPDATE ledger_transfers SET amount = amount + 1", "DELETE FROM ledger_transfers",
        "UPDATE payments SET captured = captured + 601 WHERE id = \(id)",
        "UPDATE payments SET refunded = captured + 1 WHERE id = \(id)",
        "UPDATE payments SET released = 601 WHERE id = \(id)",
      ] {
        await #expect(throws: DatabaseError.self, "\(change)") {
          try await payments.database.write { _ = try $0.execute(change) }
        }
      }
      #expect(try await payments.balance() == before)
      // What fits is taken, so the refusals above are not of everything.
      try await payments.database.write { try LedgerStore($0).insert(transfer(.void, of: hold, amount: 600)) }
      let after = try await payments.balance()
      #expect(!after.balanced, "the payments know nothing of it, and the check shows that")
      #expect(after.currencies[0].checks.filter { !$0.holds }.map(\.name) == ["held"])
    }
  }

  @Test("currencies without and with three decimals, and the largest amount", arguments: Engine.available)
  func bounds(_ engine: Engine) async throws {
    try await PaymentFixture.run(on: engine) { payments in
      for (currency, amount) in [("JPY", 1), ("KWD", 1_001), ("USD", Money.greatest), ("USD", Money.greatest)] {
        let id = try await payments.create(amount: amount, currency: currency).value.id
        #expect(
          try await payments.send(PaymentAPI.capture, id).value.amountCaptured == Money(amount, Currency(currency)!))
        #expect(try await payments.send(PaymentAPI.createRefund, id).value.amount.amount == amount)
      }
      let balance = try await payments.balance()
      #expect(balance.balanced && balance.currencies.map(\.currency.code) == ["JPY", "KWD", "USD"])
      #expect(balance.currencies[2].debits == Money.greatest * 6)
    }
  }
}

/// SplitMix64: the same numbers for the same seed.
private struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
