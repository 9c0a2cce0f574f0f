public import Foundation
public import GravityContracts

/// Something that was asked of the provider for a payment. It is kept before the provider is called, so there is no
/// call that nobody knows of.
public struct PaymentAttempt: Codable, Sendable, Hashable {
  public var id: UUID
  public var paymentID: UUID
  /// 1, 2, 3, … of the payment.
  public var number: Int64
  public var operation: Open<AttemptOperation>
  public var amount: Money
  public var provider: String
  /// What makes the provider do it once, however often it is asked.
  public var providerKey: String
  /// The provider's name for what came of it.
  public var providerReference: String?
  public var state: Open<AttemptState>
  public var failure: PaymentFailure?
  public var refundID: UUID?
  public var createdAt: Date
  public var finishedAt: Date?

  public init(
    id: UUID, paymentID: UUID, number: Int64, operation: AttemptOperation, amount: Money, provider: String,
    providerKey: String, providerReference: String?, state: AttemptState, failure: PaymentFailure?, refundID: UUID?,
    createdAt: Date, finishedAt: Date?
  ) {
    self.id = id
    self.paymentID = paymentID
    self.number = number
    self.operation = .known(operation)
    self.amount = amount
    self.provider = provider
    self.providerKey = providerKey
    self.providerReference = providerReference
    self.state = .known(state)
    self.failure = failure
    self.refundID = refundID
    self.createdAt = createdAt
    self.finishedAt = finishedAt
  }

  enum CodingKeys: String, CodingKey {
    case id, number, operation, amount, provider, state, failure
    case paymentID = "payment_id"
    case providerKey = "provider_key"
    case providerReference = "provider_reference"
    case refundID = "refund_id"
    case createdAt = "created_at"
    case finishedAt = "finished_at"
  }
}

public enum AttemptOperation: String, Codable, Sendable, Hashable, CaseIterable {
  case authorize, capture, void, refund
}

public enum AttemptState: String, Codable, Sendable, Hashable, CaseIterable {
  /// Kept, and perhaps asked for.
  case sent
  /// The answer did not come; the provider is asked what became of it.
  case unknown
  case requiresAction = "requires_action"
  case succeeded
  case declined
  /// The provider refused it for another reason than the payer's bank.
  case failed
  /// It never reached the provider, and no longer can.
  case abandoned
}

/// Few, since each is a decision of somebody's: one page.
public struct PaymentAttemptList: Codable, Sendable, Hashable {
  public var items: [PaymentAttempt]
  public init(items: [PaymentAttempt]) { self.items = items }
}
