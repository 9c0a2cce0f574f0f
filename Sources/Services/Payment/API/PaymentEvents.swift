public import Foundation
public import GravityContracts

/// What the payment service tells others. Ids and codes only: whoever needs more asks for it.
public enum PaymentEvents {
  public static let all: [any EventDescription] = [
    requiresAction, authorized, captured, failed, canceled, refundSucceeded, refundFailed,
  ]

  public static let requiresAction = EventType<PaymentEvent>(
    "payment.requires_action.v1", summary: "The payer has to do something before the payment goes on")
  public static let authorized = EventType<PaymentEvent>(
    "payment.authorized.v1", summary: "The money is held until it is captured")
  public static let captured = EventType<PaymentEvent>(
    "payment.captured.v1", summary: "Money was taken, all or a part of it")
  public static let failed = EventType<PaymentEvent>(
    "payment.failed.v1", summary: "An attempt to hold or take the money was declined or failed")
  public static let canceled = EventType<PaymentEvent>(
    "payment.canceled.v1", summary: "Nothing is held and nothing will be taken")
  public static let refundSucceeded = EventType<RefundEvent>(
    "refund.succeeded.v1", summary: "Money was given back")
  public static let refundFailed = EventType<RefundEvent>(
    "refund.failed.v1", summary: "Money could not be given back")
}

public struct PaymentEvent: Codable, Sendable, Hashable {
  public var paymentID: UUID
  public var orderID: UUID?
  /// ``Payment/version``.
  public var version: Int64
  /// Of a failure, as in ``PaymentFailure``.
  public var code: String?
  public var declineCode: String?

  public init(paymentID: UUID, orderID: UUID?, version: Int64, code: String? = nil, declineCode: String? = nil) {
    self.paymentID = paymentID
    self.orderID = orderID
    self.version = version
    self.code = code
    self.declineCode = declineCode
  }

  enum CodingKeys: String, CodingKey {
    case version, code
    case paymentID = "payment_id"
    case orderID = "order_id"
    case declineCode = "decline_code"
  }
}

public struct RefundEvent: Codable, Sendable, Hashable {
  public var refundID: UUID
  public var paymentID: UUID
  public var orderID: UUID?
  /// ``Refund/version``.
  public var version: Int64
  /// Why it failed.
  public var code: String?

  public init(refundID: UUID, paymentID: UUID, orderID: UUID?, version: Int64, code: String? = nil) {
    self.refundID = refundID
    self.paymentID = paymentID
    self.orderID = orderID
    self.version = version
    self.code = code
  }

  enum CodingKeys: String, CodingKey {
    case version, code
    case refundID = "refund_id"
    case paymentID = "payment_id"
    case orderID = "order_id"
  }
}
