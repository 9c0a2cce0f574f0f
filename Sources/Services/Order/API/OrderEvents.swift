public import Foundation
public import GravityContracts

/// What the order service tells others. Ids only: whoever needs more asks for it.
public enum OrderEvents {
  public static let all: [any EventDescription] = [
    orderPlaced, orderConfirmed, orderPaid, orderCompleted, orderCanceled, orderExpired, orderRefunded,
  ]

  public static let orderPlaced = EventType<OrderEvent>(
    "order.placed.v1", summary: "An order was placed; stock and payment are being seen to")
  public static let orderConfirmed = EventType<OrderEvent>(
    "order.confirmed.v1", summary: "Stock is committed and the payment captured")
  public static let orderPaid = EventType<OrderEvent>("order.paid.v1", summary: "An order was paid in full")
  public static let orderCompleted = EventType<OrderEvent>(
    "order.completed.v1", summary: "Everything about an order is done")
  public static let orderCanceled = EventType<OrderEvent>(
    "order.canceled.v1", summary: "An order was canceled: by somebody, or for want of stock or payment")
  public static let orderExpired = EventType<OrderEvent>(
    "order.expired.v1", summary: "Nobody finished the payment of an order in time")
  public static let orderRefunded = EventType<OrderEvent>(
    "order.refunded.v1", summary: "What was paid for an order was given back in full")
}

public struct OrderEvent: Codable, Sendable, Hashable {
  public var orderID: UUID
  /// Who placed it.
  public var userID: UUID

  public init(orderID: UUID, userID: UUID) {
    self.orderID = orderID
    self.userID = userID
  }

  enum CodingKeys: String, CodingKey {
    case orderID = "order_id"
    case userID = "user_id"
  }
}
