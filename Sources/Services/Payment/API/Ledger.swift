public import Foundation
public import GravityContracts

/// The ledger at one moment: for each currency its debits and credits, which are equal, and what other books say.
public struct LedgerBalance: Codable, Sendable, Hashable {
  /// Whether every difference is 0 and every check holds.
  public var balanced: Bool
  public var currencies: [LedgerCurrencyBalance]

  public init(balanced: Bool, currencies: [LedgerCurrencyBalance]) {
    self.balanced = balanced
    self.currencies = currencies
  }
}

/// All amounts are minor units of ``currency``; totals stay below 2⁶³.
public struct LedgerCurrencyBalance: Codable, Sendable, Hashable {
  public var currency: Currency
  /// Posted.
  public var debits: Int64
  public var credits: Int64
  /// ``debits`` − ``credits``: 0.
  public var difference: Int64
  public var pendingDebits: Int64
  public var pendingCredits: Int64
  public var transfers: Int64
  public var accounts: [LedgerAccount]
  /// What the ledger is held against.
  public var checks: [LedgerCheck]

  public init(
    currency: Currency, debits: Int64, credits: Int64, pendingDebits: Int64, pendingCredits: Int64, transfers: Int64,
    accounts: [LedgerAccount], checks: [LedgerCheck]
  ) {
    self.currency = currency
    self.debits = debits
    self.credits = credits
    difference = debits - credits
    self.pendingDebits = pendingDebits
    self.pendingCredits = pendingCredits
    self.transfers = transfers
    self.accounts = accounts
    self.checks = checks
  }

  enum CodingKeys: String, CodingKey {
    case currency, debits, credits, difference, transfers, accounts, checks
    case pendingDebits = "pending_debits"
    case pendingCredits = "pending_credits"
  }
}

/// One account in one currency.
public struct LedgerAccount: Codable, Sendable, Hashable {
  /// `provider_receivable`, `customer_funds`, `merchant_revenue` or `refunds`.
  public var account: String
  public var currency: Currency
  /// Which side is the account's own: `debit` or `credit`.
  public var normal: String
  public var debitsPosted: Int64
  public var creditsPosted: Int64
  public var debitsPending: Int64
  public var creditsPending: Int64
  /// Posted, the account's own side less the other.
  public var balance: Int64

  public init(
    account: String, currency: Currency, normal: String, debitsPosted: Int64, creditsPosted: Int64,
    debitsPending: Int64, creditsPending: Int64, balance: Int64
  ) {
    self.account = account
    self.currency = currency
    self.normal = normal
    self.debitsPosted = debitsPosted
    self.creditsPosted = creditsPosted
    self.debitsPending = debitsPending
    self.creditsPending = creditsPending
    self.balance = balance
  }

  enum CodingKeys: String, CodingKey {
    case account, currency, normal, balance
    case debitsPosted = "debits_posted"
    case creditsPosted = "credits_posted"
    case debitsPending = "debits_pending"
    case creditsPending = "credits_pending"
  }
}

/// A figure of the ledger beside the same figure from the payments themselves.
public struct LedgerCheck: Codable, Sendable, Hashable {
  public var name: String
  public var ledger: Int64
  public var payments: Int64
  public var holds: Bool

  public init(name: String, ledger: Int64, payments: Int64) {
    self.name = name
    self.ledger = ledger
    self.payments = payments
    holds = ledger == payments
  }
}

/// As many as there are accounts and currencies: one page.
public struct LedgerAccountList: Codable, Sendable, Hashable {
  public var items: [LedgerAccount]
  public init(items: [LedgerAccount]) { self.items = items }
}

/// An amount from one account to another, for ever. What was wrong is made good by another transfer.
public struct LedgerTransfer: Codable, Sendable, Hashable {
  public var id: UUID
  public var phase: Open<LedgerPhase>
  /// Which pending transfer is posted or voided.
  public var pendingID: UUID?
  /// What happened: `authorize`, `capture`, `recognize`, `void`, `refund`.
  public var code: String
  public var debit: String
  public var credit: String
  public var amount: Money
  public var paymentID: UUID
  public var attemptID: UUID
  public var refundID: UUID?
  public var createdAt: Date

  public init(
    id: UUID, phase: LedgerPhase, pendingID: UUID?, code: String, debit: String, credit: String, amount: Money,
    paymentID: UUID, attemptID: UUID, refundID: UUID?, createdAt: Date
  ) {
    self.id = id
    self.phase = .known(phase)
    self.pendingID = pendingID
    self.code = code
    self.debit = debit
    self.credit = credit
    self.amount = amount
    self.paymentID = paymentID
    self.attemptID = attemptID
    self.refundID = refundID
    self.createdAt = createdAt
  }

  enum CodingKeys: String, CodingKey {
    case id, phase, code, debit, credit, amount
    case pendingID = "pending_id"
    case paymentID = "payment_id"
    case attemptID = "attempt_id"
    case refundID = "refund_id"
    case createdAt = "created_at"
  }
}

public enum LedgerPhase: String, Codable, Sendable, Hashable, CaseIterable {
  /// In one step.
  case single
  /// Reserved: it is in the pending sums until it is posted or voided, in parts or as a whole.
  case pending
  case post, void
}

public struct LedgerTransferSearch: Codable, Sendable {
  public var paymentID: UUID?
  public var limit: Int?
  public var cursor: Cursor?

  public init(paymentID: UUID? = nil, limit: Int? = nil, cursor: Cursor? = nil) {
    self.paymentID = paymentID
    self.limit = limit
    self.cursor = cursor
  }

  enum CodingKeys: String, CodingKey {
    case limit, cursor
    case paymentID = "payment_id"
  }
}
