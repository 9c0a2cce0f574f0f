public import Foundation
public import GravityContracts

public struct NewPayment: Codable, Sendable {
  /// A UUIDv7 of the caller's own, under which a repeat is known; made here when it is left out.
  public var id: UUID?
  public var orderID: UUID?
  public var customerID: UUID?
  /// Greater than 0.
  public var amount: Money
  /// A provider's token of 1 to 100 of `A–Z a–z 0–9 _ - . :`. What looks like a card's number is refused.
  public var paymentMethod: String?
  /// `manual` when it is left out: the money is held until it is captured.
  public var captureMethod: CaptureMethod?
  /// Whether the provider is asked at once, which needs ``paymentMethod``; true when that is given.
  public var confirm: Bool?
  /// At most 20 names of 1 to 40 bytes with values of at most 500; nothing that looks like a card's number.
  public var metadata: [String: String]?

  public init(
    id: UUID? = nil, orderID: UUID? = nil, customerID: UUID? = nil, amount: Money, paymentMethod: String? = nil,
    captureMethod: CaptureMethod? = nil, confirm: Bool? = nil, metadata: [String: String]? = nil
  ) {
    self.id = id
    self.orderID = orderID
    self.customerID = customerID
    self.amount = amount
    self.paymentMethod = paymentMethod
    self.captureMethod = captureMethod
    self.confirm = confirm
    self.metadata = metadata
  }

  enum CodingKeys: String, CodingKey {
    case id, amount, confirm, metadata
    case orderID = "order_id"
    case customerID = "customer_id"
    case paymentMethod = "payment_method"
    case captureMethod = "capture_method"
  }
}

/// Names a payment in a path: `{payment_id}`.
public struct PaymentID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
  enum CodingKeys: String, CodingKey { case id = "payment_id" }
}

public struct PaymentSearch: Codable, Sendable {
  public var orderID: UUID?
  /// Somebody else's only with payments:read.
  public var customerID: UUID?
  public var limit: Int?
  public var cursor: Cursor?

  public init(orderID: UUID? = nil, customerID: UUID? = nil, limit: Int? = nil, cursor: Cursor? = nil) {
    self.orderID = orderID
    self.customerID = customerID
    self.limit = limit
    self.cursor = cursor
  }

  enum CodingKeys: String, CodingKey {
    case limit, cursor
    case orderID = "order_id"
    case customerID = "customer_id"
  }
}

public struct PaymentConfirmation: Codable, Sendable {
  public var id: UUID
  /// Instead of the one that the payment has.
  public var paymentMethod: String?

  public init(id: UUID, paymentMethod: String? = nil) {
    self.id = id
    self.paymentMethod = paymentMethod
  }

  enum CodingKeys: String, CodingKey {
    case id = "payment_id"
    case paymentMethod = "payment_method"
  }
}

public struct ActionCompletion: Codable, Sendable {
  public var id: UUID
  public var outcome: ActionOutcome

  public init(id: UUID, outcome: ActionOutcome) {
    self.id = id
    self.outcome = outcome
  }

  enum CodingKeys: String, CodingKey {
    case outcome
    case id = "payment_id"
  }
}

public enum ActionOutcome: String, Codable, Sendable, Hashable, CaseIterable { case succeed, fail }

public struct PaymentCapture: Codable, Sendable {
  public var id: UUID
  /// All that is held when it is left out. Without an `Idempotency-Key`, two calls for a part take two parts.
  public var amount: Money?
  /// Whether what is left is released; false when it is left out, so that more can be captured.
  public var finalCapture: Bool?

  public init(id: UUID, amount: Money? = nil, finalCapture: Bool? = nil) {
    self.id = id
    self.amount = amount
    self.finalCapture = finalCapture
  }

  enum CodingKeys: String, CodingKey {
    case amount
    case id = "payment_id"
    case finalCapture = "final_capture"
  }
}

public struct PaymentCancel: Codable, Sendable {
  public var id: UUID
  /// 1 to 200 characters, for people.
  public var reason: String?

  public init(id: UUID, reason: String? = nil) {
    self.id = id
    self.reason = reason
  }

  enum CodingKeys: String, CodingKey {
    case reason
    case id = "payment_id"
  }
}

public struct SimulatorChargeSearch: Codable, Sendable {
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

/// Who sends a webhook.
public struct WebhookSender: Codable, Sendable {
  /// `stripe`, `simulator`.
  public var provider: String
  public init(provider: String) { self.provider = provider }
}
