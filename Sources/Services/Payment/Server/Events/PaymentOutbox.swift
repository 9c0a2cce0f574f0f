import Foundation
import GravityContracts
import GravityData
import GravityEvents
import PaymentAPI

extension Outbox {
  /// Takes down what happened to a payment in the transaction that makes it true.
  func record(
    _ type: EventType<PaymentEvent>, _ payment: PaymentRow, failure: PaymentFailure? = nil,
    in transaction: any Transaction
  ) throws {
    try append(
      type, subject: payment.id.lowercased,
      PaymentEvent(
        paymentID: payment.id, orderID: payment.orderID, version: payment.version, code: failure?.code,
        declineCode: failure?.declineCode), in: transaction)
  }

  func record(
    _ type: EventType<RefundEvent>, _ refund: RefundRow, of payment: PaymentRow, in transaction: any Transaction
  ) throws {
    try append(
      type, subject: refund.id.lowercased,
      RefundEvent(
        refundID: refund.id, paymentID: payment.id, orderID: payment.orderID, version: refund.version,
        code: refund.failureCode), in: transaction)
  }
}
