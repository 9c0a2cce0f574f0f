import Foundation
import GravityContracts
import GravityData
import PaymentAPI

struct AttemptRow: SQLRecord, Hashable {
  var id: UUID
  var paymentID: UUID
  var number: Int64
  var operation: AttemptOperation
  var amount: Int64
  var currency: Currency
  var provider: String
  var key: String
  var paymentMethod: String?
  var refundID: UUID?
  /// Of a capture: whether what it leaves is released.
  var isFinalCapture: Bool
  var state: AttemptState
  var reference: String?
  var failure: ProviderRefusal?
  /// How often the provider was asked in vain.
  var failures: Int64
  /// When its answer counts as lost, or the provider is asked again.
  var dueAt: Date
  var createdAt: Date
  var finishedAt: Date?

  /// The next attempt of `payment`, which counts it. The provider's key is made of what stays the same for ever, so
  /// that no two attempts share one and none ever gets another.
  init(
    _ operation: AttemptOperation, of payment: inout PaymentRow, amount: Int64, id: UUID, refund: UUID? = nil,
    isFinalCapture: Bool = false, at time: Date, dueAt: Date
  ) {
    payment.attempts += 1
    self.id = id
    paymentID = payment.id
    number = payment.attempts
    self.operation = operation
    self.amount = amount
    currency = payment.currency
    provider = payment.provider
    key = "\(payment.id.lowercased)-\(operation.rawValue)-\(payment.attempts)"
    paymentMethod = operation == .authorize ? payment.paymentMethod : nil
    refundID = refund
    self.isFinalCapture = isFinalCapture
    state = .sent
    failures = 0
    self.dueAt = dueAt
    createdAt = time
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    paymentID = try row.get("payment_id")
    number = try row.get("number")
    operation = try row.get("operation")
    amount = try row.get("amount")
    currency = try row.currency()
    provider = try row.get("provider")
    key = try row.get("provider_key")
    paymentMethod = try row.get("payment_method")
    refundID = try row.get("refund_id")
    isFinalCapture = try row.get("final_capture")
    state = try row.get("state")
    reference = try row.get("provider_reference")
    if let code: String = try row.get("failure_code") {
      failure = ProviderRefusal(code: code, message: try row.get("failure_message"))
    }
    failures = try row.get("failures")
    dueAt = try row.get("due_at")
    createdAt = try row.get("created_at")
    finishedAt = try row.get("finished_at")
  }

  /// Whether an answer of the provider still counts.
  var isOpen: Bool {
    switch state {
    case .sent, .unknown, .requiresAction: true
    case .succeeded, .declined, .failed, .abandoned: false
    }
  }

  mutating func finish(_ state: AttemptState, _ failure: ProviderRefusal? = nil, at time: Date) {
    self.state = state
    self.failure = failure
    finishedAt = time
  }

  /// Why it failed, as the payment tells it.
  var paymentFailure: PaymentFailure? {
    failure.map {
      PaymentFailure(
        code: operation == .authorize ? "card_declined" : "\(operation.rawValue)_failed", declineCode: $0.code,
        message: $0.message)
    }
  }

  var attempt: PaymentAttempt {
    PaymentAttempt(
      id: id, paymentID: paymentID, number: number, operation: operation, amount: Money(amount, currency)!,
      provider: provider, providerKey: key, providerReference: reference, state: state,
      failure: paymentFailure,
      refundID: refundID, createdAt: createdAt, finishedAt: finishedAt)
  }
}
