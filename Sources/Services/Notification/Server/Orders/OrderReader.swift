public import Foundation
public import GravityContracts

/// Where orders are known: the order service.
public protocol OrderReader: Sendable {
  /// - Returns: nil when there is no such order.
  /// - Throws: when nothing can be said now; the message is tried again.
  func order(_ id: UUID) async throws -> OrderSummary?
}

/// What a message tells of an order.
public struct OrderSummary: Sendable, Hashable {
  public struct Line: Sendable, Hashable {
    public var sku: String
    public var title: String
    public var quantity: Int64
    public var total: Money

    public init(sku: String, title: String, quantity: Int64, total: Money) {
      self.sku = sku
      self.title = title
      self.quantity = quantity
      self.total = total
    }
  }
  public var id: UUID
  /// For people.
  public var number: String
  public var userID: UUID
  public var lines: [Line]
  public var total: Money
  /// `insufficient_stock`, `payment_declined`, …
  public var cancelReason: String?

  public init(id: UUID, number: String, userID: UUID, lines: [Line], total: Money, cancelReason: String?) {
    self.id = id
    self.number = number
    self.userID = userID
    self.lines = lines
    self.total = total
    self.cancelReason = cancelReason
  }
}
