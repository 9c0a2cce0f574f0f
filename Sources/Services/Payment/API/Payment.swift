public import Foundation
public import GravityContracts

/// Money that somebody owes, from the first wish for it to the last refund.
public struct Payment: Codable, Sendable, Hashable, EntityTagged {
  public var id: UUID
  public var orderID: UUID?
  /// Who pays, and may see it.
  public var customerID: UUID?
  public var status: Open<PaymentStatus>
  /// What was asked for.
  public var amount: Money
  /// What a capture may still take.
  public var amountCapturable: Money
  public var amountCaptured: Money
  /// What was given back for certain; refunds that are under way are not in it.
  public var amountRefunded: Money
  public var captureMethod: Open<CaptureMethod>
  /// A token, never a card's number.
  public var paymentMethod: String?
  /// What the payer has to do before it goes on.
  public var nextAction: NextAction?
  /// Why the last attempt failed, until another begins.
  public var lastError: PaymentFailure?
  /// It is canceled as soon as the provider's answer to something under way is known. It is certain: whatever that
  /// answer is, nothing stays held or taken.
  public var cancellationPending: Bool
  public var cancellationReason: String?
  /// When the provider gives up what it holds.
  public var authorizationExpiresAt: Date?
  public var metadata: [String: String]
  /// Counts up with every change; the ETag is made of it.
  public var version: Int64
  public var createdAt: Date
  public var updatedAt: Date

  public init(
    id: UUID, orderID: UUID?, customerID: UUID?, status: PaymentStatus, amount: Money, amountCapturable: Money,
    amountCaptured: Money, amountRefunded: Money, captureMethod: CaptureMethod, paymentMethod: String?,
    nextAction: NextAction?, lastError: PaymentFailure?, cancellationPending: Bool, cancellationReason: String?,
    authorizationExpiresAt: Date?, metadata: [String: String], version: Int64, createdAt: Date, updatedAt: Date
  ) {
    self.id = id
    self.orderID = orderID
    self.customerID = customerID
    self.status = .known(status)
    self.amount = amount
    self.amountCapturable = amountCapturable
    self.amountCaptured = amountCaptured
    self.amountRefunded = amountRefunded
    self.captureMethod = .known(captureMethod)
    self.paymentMethod = paymentMethod
    self.nextAction = nextAction
    self.lastError = lastError
    self.cancellationPending = cancellationPending
    self.cancellationReason = cancellationReason
    self.authorizationExpiresAt = authorizationExpiresAt
    self.metadata = metadata
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case id, status, amount, metadata, version
    case orderID = "order_id"
    case customerID = "customer_id"
    case amountCapturable = "amount_capturable"
    case amountCaptured = "amount_captured"
    case amountRefunded = "amount_refunded"
    case captureMethod = "capture_method"
    case paymentMethod = "payment_method"
    case nextAction = "next_action"
    case lastError = "last_error"
    case cancellationPending = "cancellation_pending"
    case cancellationReason = "cancellation_reason"
    case authorizationExpiresAt = "authorization_expires_at"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }
}

/// Where a payment stands.
public enum PaymentStatus: String, Codable, Sendable, Hashable, CaseIterable {
  /// There is no method, or it was declined.
  case requiresPaymentMethod = "requires_payment_method"
  case requiresConfirmation = "requires_confirmation"
  /// The payer has to do something: ``Payment/nextAction``.
  case requiresAction = "requires_action"
  /// The provider was asked, and its answer is not known (yet).
  case processing
  /// The money is held.
  case requiresCapture = "requires_capture"
  /// All was taken that will be.
  case succeeded
  /// Nothing is held, and what may have been taken was given back.
  case canceled
}

/// When the money is taken: at once, or held until a capture.
public enum CaptureMethod: String, Codable, Sendable, Hashable, CaseIterable { case automatic, manual }

/// What the payer has to do.
public struct NextAction: Codable, Sendable, Hashable {
  /// `redirect`, or `simulated_challenge`: POST to ``url`` with the outcome.
  public var type: String
  public var url: String

  public init(type: String, url: String) {
    self.type = type
    self.url = url
  }
}

/// Why money could not be held or taken.
public struct PaymentFailure: Codable, Sendable, Hashable {
  /// `card_declined`, `capture_failed`, …
  public var code: String
  /// The bank's reason: `insufficient_funds`, `expired_card`, `authentication_failed`, …
  public var declineCode: String?
  /// For a person.
  public var message: String

  public init(code: String, declineCode: String?, message: String) {
    self.code = code
    self.declineCode = declineCode
    self.message = message
  }

  enum CodingKeys: String, CodingKey {
    case code, message
    case declineCode = "decline_code"
  }
}

/// What a cancel came to.
public struct PaymentCancellation: Codable, Sendable, Hashable {
  public var id: UUID
  /// `canceled` when nothing is held and nothing ever will be; `processing` with ``cancellationPending`` when that is
  /// certain to come and `payment.canceled.v1` will tell.
  public var status: Open<PaymentStatus>
  public var cancellationPending: Bool
  /// nil where there never was one.
  public var payment: Payment?

  public init(id: UUID, status: PaymentStatus, cancellationPending: Bool, payment: Payment?) {
    self.id = id
    self.status = .known(status)
    self.cancellationPending = cancellationPending
    self.payment = payment
  }

  enum CodingKeys: String, CodingKey {
    case id, status, payment
    case cancellationPending = "cancellation_pending"
  }
}
