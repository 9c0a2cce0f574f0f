import Foundation
import GravityContracts
import GravityData
import PaymentAPI

/// What the ledger says, added up anew from all of its transfers each time.
struct LedgerBook: Sendable {
  let core: PaymentCore

  /// Debits and credits are added up apart, and both held against the payments, all as of one moment.
  func balance() async throws -> LedgerBalance {
    let (debits, credits, totals) = try await core.read { transaction, _ in
      let store = LedgerStore(transaction)
      return (try store.debits(), try store.credits(), try PaymentStore(transaction).totals())
    }
    let codes = Set(debits.map(\.currency) + credits.map(\.currency) + totals.map(\.currency)).sorted()
    let currencies = try codes.compactMap(Currency.init).map { currency in
      try Self.balance(
        of: currency, debits.filter { $0.currency == currency.code }, credits.filter { $0.currency == currency.code },
        totals.first { $0.currency == currency.code })
    }
    return LedgerBalance(
      balanced: currencies.allSatisfy {
        $0.difference == 0 && $0.pendingDebits == $0.pendingCredits && $0.checks.allSatisfy(\.holds)
      }, currencies: currencies)
  }

  func accounts() async throws -> LedgerAccountList {
    LedgerAccountList(items: try await balance().currencies.flatMap(\.accounts))
  }

  func transfers(_ request: LedgerTransferSearch) async throws -> Page<LedgerTransfer> {
    let limit = try PageLimit.checked(request.limit)
    let after = try request.cursor.map { try $0.id }
    let rows = try await core.read { transaction, _ in
      try LedgerStore(transaction).list(after: after, payment: request.paymentID, limit: limit + 1)
    }
    return Page(fetched: rows.map(\.transfer), limit: limit) { Cursor([$0.id.lowercased]) }
  }

  private static func balance(
    of currency: Currency, _ debits: [LedgerSum], _ credits: [LedgerSum], _ totals: PaymentTotals?
  ) throws -> LedgerCurrencyBalance {
    let accounts = try LedgerAccountName.allCases.map { name in
      let account = "\(currency.code):\(name.rawValue)"
      let (debit, credit) = (
        try Side(debits.filter { $0.account == account }), try Side(credits.filter { $0.account == account })
      )
      let (own, other) = name.isDebitNormal ? (debit, credit) : (credit, debit)
      return LedgerAccount(
        account: name.rawValue, currency: currency, normal: name.isDebitNormal ? "debit" : "credit",
        debitsPosted: debit.posted, creditsPosted: credit.posted, debitsPending: debit.pending,
        creditsPending: credit.pending, balance: own.posted - other.posted)
    }
    func account(_ name: LedgerAccountName) -> LedgerAccount? { accounts.first { $0.account == name.rawValue } }
    let (debit, credit) = (try Side(debits), try Side(credits))
    return LedgerCurrencyBalance(
      currency: currency, debits: debit.posted, credits: credit.posted, pendingDebits: debit.pending,
      pendingCredits: credit.pending, transfers: debits.reduce(0) { $0 + $1.transfers },
      accounts: accounts.filter {
        [$0.debitsPosted, $0.creditsPosted, $0.debitsPending, $0.creditsPending].contains { $0 != 0 }
      },
      checks: [
        LedgerCheck(
          name: "captured", ledger: account(.merchantRevenue)?.creditsPosted ?? 0, payments: totals?.captured ?? 0),
        LedgerCheck(name: "refunded", ledger: account(.refunds)?.debitsPosted ?? 0, payments: totals?.refunded ?? 0),
        LedgerCheck(
          name: "refunding", ledger: account(.refunds)?.debitsPending ?? 0, payments: totals?.refunding ?? 0),
        LedgerCheck(name: "held", ledger: account(.customerFunds)?.creditsPending ?? 0, payments: totals?.held ?? 0),
        LedgerCheck(name: "unallocated", ledger: account(.customerFunds)?.balance ?? 0, payments: 0),
      ])
  }

  /// One side of an account, or of all of them.
  private struct Side {
    var posted: Int64 = 0
    var pending: Int64 = 0

    init(_ sums: [LedgerSum]) throws {
      for sum in sums {
        switch sum.phase {
        case .single: posted = try Self.sum(posted, sum.total)
        case .pending: pending = try Self.sum(pending, sum.total)
        case .post:
          posted = try Self.sum(posted, sum.total)
          pending = try Self.sum(pending, -sum.total)
        case .void: pending = try Self.sum(pending, -sum.total)
        }
      }
    }

    private static func sum(_ left: Int64, _ right: Int64) throws -> Int64 {
      let (sum, overflow) = left.addingReportingOverflow(right)
      if overflow { throw LedgerOverflow() }
      return sum
    }
  }
}

/// A currency's transfers add up to 2⁶³ minor units or more.
struct LedgerOverflow: Error, Sendable {}
