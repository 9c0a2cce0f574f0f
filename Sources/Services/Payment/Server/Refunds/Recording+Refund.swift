import Foundation
import GravityContracts
import GravityData
import GravityEvents
import PaymentAPI

extension Recording {
  /// The answer to a refund beside the payment's own course.
  mutating func applyToRefund(_ answer: ProviderAnswer?) throws -> Recorder.Recorded {
    switch answer {
    case .refunded(let reference):
      attempt.finish(.succeeded, at: now)
      attempt.reference = reference
      try endRefund(succeeded: true, nil)
    case .failed(let refusal), .declined(let refusal):
      attempt.finish(.failed, refusal, at: now)
      try endRefund(succeeded: false, refusal.code)
    case nil, .pending, .notFound, .actionRequired, .authorized, .captured, .voided: return try staysOpen(answer)
    }
    try AttemptStore(transaction).update(attempt)
    try core.save(&payment, transaction, now)
    return Recorder.Recorded(payment: payment)
  }

  /// Ends the attempt's refund: its row, the payment's sums, the ledger and the event.
  mutating func endRefund(succeeded: Bool, _ failure: String?) throws {
    guard let id = attempt.refundID, var refund = try RefundStore(transaction).find(id) else {
      throw Problem.notFound("refund")
    }
    refund.finish(succeeded ? .succeeded : .failed, failure: failure, at: now)
    payment.refunding -= refund.amount
    if succeeded { payment.refunded += refund.amount }
    try RefundStore(transaction).update(refund)
    try core.postings(transaction, now).refundEnded(refund, succeeded: succeeded, by: attempt)
    try core.events.record(
      succeeded ? PaymentEvents.refundSucceeded : PaymentEvents.refundFailed, refund, of: payment, in: transaction)
  }
}
