import Foundation
import GravityData
import PaymentAPI

/// What is written into the ledger when something happens to a payment, in the transaction in which it happens.
struct Postings {
  let transaction: any Transaction
  let newID: @Sendable () -> UUID
  let now: Date

  /// Money is held for `payment`, which is told under which transfer.
  func authorized(_ payment: inout PaymentRow, by attempt: AttemptRow) throws {
    let id = newID()
    try insert(
      id: id, .pending, code: "authorize", debit: .providerReceivable, credit: .customerFunds, payment.amount, attempt)
    payment.holdID = id
  }

  func captured(_ amount: Int64, of payment: PaymentRow, by attempt: AttemptRow) throws {
    try insert(
      .post, of: payment.holdID, code: "capture", debit: .providerReceivable, credit: .customerFunds, amount, attempt)
    try insert(.single, code: "recognize", debit: .customerFunds, credit: .merchantRevenue, amount, attempt)
  }

  func released(_ amount: Int64, of payment: PaymentRow, by attempt: AttemptRow) throws {
    try insert(
      .void, of: payment.holdID, code: "void", debit: .providerReceivable, credit: .customerFunds, amount, attempt)
  }

  /// The refund's ``RefundRow/holdID`` is the transfer's id.
  func refundBegan(_ refund: RefundRow, by attempt: AttemptRow) throws {
    try insert(
      id: refund.holdID, .pending, code: "refund", debit: .refunds, credit: .providerReceivable, refund.amount, attempt)
  }

  func refundEnded(_ refund: RefundRow, succeeded: Bool, by attempt: AttemptRow) throws {
    try insert(
      succeeded ? .post : .void, of: refund.holdID, code: "refund", debit: .refunds, credit: .providerReceivable,
      refund.amount, attempt)
  }

  private func insert(
    id: UUID? = nil, _ phase: LedgerPhase, of pending: UUID? = nil, code: String, debit: LedgerAccountName,
    credit: LedgerAccountName, _ amount: Int64, _ attempt: AttemptRow
  ) throws {
    try LedgerStore(transaction).insert(
      TransferRow(
        id: id ?? newID(), phase, of: pending, code: code, debit: debit, credit: credit, amount: amount,
        attempt: attempt, at: now))
  }
}
