import Foundation
import GravityContracts
import GravityData
import PaymentAPI

struct PaymentRow: SQLRecord, Hashable {
  var id: UUID
  var orderID: UUID?
  var customerID: UUID?
  var amount: Int64
  var currency: Currency
  var captureMethod: CaptureMethod
  var paymentMethod: String?
  var provider: String
  var stage: Stage
  /// The attempt whose answer moves the payment on, or moved it last.
  var attemptID: UUID?
  /// How many attempts there were.
  var attempts: Int64
  /// The key of the last authorization that was asked for.
  var authorizationKey: String?
  var reference: String?
  /// The ledger's pending transfer of what is held.
  var holdID: UUID?
  var authorized: Int64
  var captured: Int64
  /// Held once, and neither captured nor held any more.
  var released: Int64
  var refunded: Int64
  /// In refunds that are under way.
  var refunding: Int64
  var expiresAt: Date?
  var isCancelRequested: Bool
  var cancellationReason: String?
  var action: NextAction?
  var failure: PaymentFailure?
  var metadata: [String: String]
  /// Of what was asked for when it was made.
  var fingerprint: [UInt8]
  var version: Int64
  var createdAt: Date
  var updatedAt: Date

  static func lockName(_ id: UUID) -> String { "payment \(id.lowercased)" }

  init(id: UUID, fields: PaymentFields, provider: String, at time: Date) {
    self.id = id
    orderID = fields.orderID
    customerID = fields.customerID
    amount = fields.amount.amount
    currency = fields.amount.currency
    captureMethod = fields.captureMethod
    paymentMethod = fields.paymentMethod
    self.provider = provider
    stage = fields.paymentMethod == nil ? .requiresPaymentMethod : .requiresConfirmation
    (attempts, authorized, captured, released, refunded, refunding) = (0, 0, 0, 0, 0, 0)
    isCancelRequested = false
    metadata = fields.metadata
    fingerprint = fields.fingerprint
    version = 1
    createdAt = time
    updatedAt = time
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    orderID = try row.get("order_id")
    customerID = try row.get("customer_id")
    amount = try row.get("amount")
    currency = try row.currency()
    captureMethod = try row.get("capture_method")
    paymentMethod = try row.get("payment_method")
    provider = try row.get("provider")
    stage = try row.get("stage")
    attemptID = try row.get("attempt_id")
    attempts = try row.get("attempts")
    authorizationKey = try row.get("authorization_key")
    reference = try row.get("provider_reference")
    holdID = try row.get("hold_id")
    authorized = try row.get("authorized")
    captured = try row.get("captured")
    released = try row.get("released")
    refunded = try row.get("refunded")
    refunding = try row.get("refunding")
    expiresAt = try row.get("expires_at")
    isCancelRequested = try row.get("cancel_requested")
    cancellationReason = try row.get("cancellation_reason")
    if let type: String = try row.get("action_type") {
      action = NextAction(type: type, url: try row.get("action_url"))
    }
    if let code: String = try row.get("error_code") {
      failure = PaymentFailure(
        code: code, declineCode: try row.get("decline_code"), message: try row.get("error_message"))
    }
    metadata = try row.get("metadata", as: SQLJSON<[String: String]>.self).value
    fingerprint = try row.get("fingerprint")
    version = try row.get("version")
    createdAt = try row.get("created_at")
    updatedAt = try row.get("updated_at")
  }

  /// What is held and not captured.
  var held: Int64 { authorized - captured - released }
  /// What was captured and neither given back nor about to be.
  var refundable: Int64 { captured - refunded - refunding }

  /// What a void gives up: what is held, or might be, as far as is known.
  var toRelease: Int64 { held > 0 ? held : amount }

  func money(_ amount: Int64) -> Money {
    // Never beyond the payment's own amount, which is in bounds.
    Money(amount, currency)!
  }

  var payment: Payment {
    Payment(
      id: id, orderID: orderID, customerID: customerID, status: stage.status, amount: money(amount),
      amountCapturable: money(stage.status == .requiresCapture ? held : 0), amountCaptured: money(captured),
      amountRefunded: money(refunded), captureMethod: captureMethod, paymentMethod: paymentMethod,
      nextAction: action, lastError: failure,
      cancellationPending: isCancelRequested && stage.status == .processing,
      cancellationReason: cancellationReason,
      authorizationExpiresAt: stage.status == .requiresCapture ? expiresAt : nil, metadata: metadata,
      version: version, createdAt: createdAt, updatedAt: updatedAt)
  }
}

extension SQLRow {
  /// The column `currency`.
  func currency() throws(SQLMismatch) -> Currency {
    let code: String = try get("currency")
    guard let currency = Currency(code) else { throw SQLMismatch(.text(code), wanted: "currency") }
    return currency
  }
}
