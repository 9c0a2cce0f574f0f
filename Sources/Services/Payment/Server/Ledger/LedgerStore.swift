import Foundation
import GravityContracts
import GravityData
import PaymentAPI

/// The table `ledger_transfers`; knows no other. It is only ever added to.
struct LedgerStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let columns: SQL = """
    id, phase, pending_id, code, currency, debit, credit, amount, payment_id, attempt_id, refund_id, created_at
    """

  func insert(_ transfer: TransferRow) throws {
    try transaction.execute(
      """
      INSERT INTO ledger_transfers (\(Self.columns))
      VALUES (\(transfer.id), \(transfer.phase), \(transfer.pendingID), \(transfer.code), \(transfer.currency.code),
        \(transfer.debit), \(transfer.credit), \(transfer.amount), \(transfer.paymentID), \(transfer.attemptID),
        \(transfer.refundID), \(transfer.createdAt))
      """)
  }

  /// By age, which is the order of ids.
  func list(after: UUID?, payment: UUID?, limit: Int) throws -> [TransferRow] {
    var filter: SQL = "WHERE TRUE"
    if let after { filter = filter + " AND id > \(after)" }
    if let payment { filter = filter + " AND payment_id = \(payment)" }
    return try transaction.all("SELECT \(Self.columns) FROM ledger_transfers \(filter) ORDER BY id LIMIT \(limit)")
  }

  /// What the transfers of each kind add up to, on each account's debit side.
  func debits() throws -> [LedgerSum] { try sums("debit") }
  /// The same on the credit side.
  func credits() throws -> [LedgerSum] { try sums("credit") }

  private func sums(_ side: SQL) throws -> [LedgerSum] {
    try transaction.all(
      """
      SELECT currency, \(side) AS account, phase, count(*) AS transfers, CAST(sum(amount) AS bigint) AS total
      FROM ledger_transfers GROUP BY currency, \(side), phase
      """)
  }
}

struct LedgerSum: SQLRecord {
  var currency: String
  /// `USD:refunds`
  var account: String
  var phase: LedgerPhase
  var transfers: Int64
  var total: Int64

  init(_ row: SQLRow) throws {
    currency = try row.get("currency")
    account = try row.get("account")
    phase = try row.get("phase")
    transfers = try row.get("transfers")
    total = try row.get("total")
  }
}

struct TransferRow: SQLRecord, Hashable {
  var id: UUID
  var phase: LedgerPhase
  var pendingID: UUID?
  var code: String
  var currency: Currency
  /// `USD:provider_receivable`: the currency is part of an account's name, so that the database can compare.
  var debit: String
  var credit: String
  var amount: Int64
  var paymentID: UUID
  var attemptID: UUID
  var refundID: UUID?
  var createdAt: Date

  init(
    id: UUID, _ phase: LedgerPhase, of pending: UUID? = nil, code: String, debit: LedgerAccountName,
    credit: LedgerAccountName, amount: Int64, attempt: AttemptRow, at time: Date
  ) {
    self.id = id
    self.phase = phase
    pendingID = pending
    self.code = code
    currency = attempt.currency
    self.debit = "\(attempt.currency.code):\(debit.rawValue)"
    self.credit = "\(attempt.currency.code):\(credit.rawValue)"
    self.amount = amount
    paymentID = attempt.paymentID
    attemptID = attempt.id
    refundID = attempt.refundID
    createdAt = time
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    phase = try row.get("phase")
    pendingID = try row.get("pending_id")
    code = try row.get("code")
    currency = try row.currency()
    debit = try row.get("debit")
    credit = try row.get("credit")
    amount = try row.get("amount")
    paymentID = try row.get("payment_id")
    attemptID = try row.get("attempt_id")
    refundID = try row.get("refund_id")
    createdAt = try row.get("created_at")
  }

  var transfer: LedgerTransfer {
    LedgerTransfer(
      id: id, phase: phase, pendingID: pendingID, code: code, debit: String(debit.dropFirst(4)),
      credit: String(credit.dropFirst(4)), amount: Money(amount, currency)!, paymentID: paymentID,
      attemptID: attemptID, refundID: refundID, createdAt: createdAt)
  }
}
