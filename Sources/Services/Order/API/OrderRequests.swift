public import Foundation
public import GravityContracts

public struct Placement: Codable, Sendable {
  /// 1 to 100, each SKU once or more; quantities of one SKU are added.
  public var lines: [RequestedLine]
  public var shippingAddress: OrderAddress
  public var billingAddress: OrderAddress?
  /// A token of the payment service's, never a card's number: at most 100 characters.
  public var paymentMethod: String
  public var currency: Currency

  public init(
    lines: [RequestedLine], shippingAddress: OrderAddress, billingAddress: OrderAddress? = nil, paymentMethod: String,
    currency: Currency
  ) {
    self.lines = lines
    self.shippingAddress = shippingAddress
    self.billingAddress = billingAddress
    self.paymentMethod = paymentMethod
    self.currency = currency
  }

  enum CodingKeys: String, CodingKey {
    case lines, currency
    case shippingAddress = "shipping_address"
    case billingAddress = "billing_address"
    case paymentMethod = "payment_method"
  }
}

public struct RequestedLine: Codable, Sendable, Hashable {
  public var sku: String
  /// 1 to 1 000 000.
  public var quantity: Int64

  public init(sku: String, quantity: Int64) {
    self.sku = sku
    self.quantity = quantity
  }
}

public struct OrderID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

public struct OrderSearch: Codable, Sendable {
  /// Everybody's, with `orders:read`.
  public var all: Bool?
  public var userID: UUID?
  public var number: String?
  public var status: OrderStatus?
  public var limit: Int?
  public var cursor: Cursor?

  public init(
    all: Bool? = nil, userID: UUID? = nil, number: String? = nil, status: OrderStatus? = nil, limit: Int? = nil,
    cursor: Cursor? = nil
  ) {
    self.all = all
    self.userID = userID
    self.number = number
    self.status = status
    self.limit = limit
    self.cursor = cursor
  }

  enum CodingKeys: String, CodingKey {
    case all, number, status, limit, cursor
    case userID = "user_id"
  }
}

public struct OrderCancellation: Codable, Sendable {
  public var id: UUID
  /// For the history: at most 200 characters.
  public var note: String?

  public init(id: UUID, note: String? = nil) {
    self.id = id
    self.note = note
  }
}

public struct OrderHistory: Codable, Sendable, Hashable {
  /// Oldest first.
  public var entries: [Entry]
  public init(entries: [Entry]) { self.entries = entries }

  public struct Entry: Codable, Sendable, Hashable {
    public var at: Date
    public var status: Open<OrderStatus>
    public var paymentStatus: Open<OrderPaymentStatus>
    public var fulfillmentStatus: Open<FulfillmentStatus>
    /// `placed`, `payment_authorized`, `confirmed`, …
    public var reason: String
    public var note: String?

    public init(
      at: Date, status: OrderStatus, paymentStatus: OrderPaymentStatus, fulfillmentStatus: FulfillmentStatus,
      reason: String, note: String?
    ) {
      self.at = at
      self.status = .known(status)
      self.paymentStatus = .known(paymentStatus)
      self.fulfillmentStatus = .known(fulfillmentStatus)
      self.reason = reason
      self.note = note
    }

    enum CodingKeys: String, CodingKey {
      case at, status, reason, note
      case paymentStatus = "payment_status"
      case fulfillmentStatus = "fulfillment_status"
    }
  }
}

public struct OrderExport: Codable, Sendable {
  /// Orders placed at this time or later.
  public var from: Date?
  /// Orders placed before this time.
  public var to: Date?
  public var limit: Int?

  public init(from: Date? = nil, to: Date? = nil, limit: Int? = nil) {
    self.from = from
    self.to = to
    self.limit = limit
  }
}

public struct SagaSearch: Codable, Sendable {
  public var state: SagaState?
  public var name: String?
  /// What it is about: an order's id.
  public var subject: String?
  public var limit: Int?
  public var cursor: Cursor?

  public init(
    state: SagaState? = nil, name: String? = nil, subject: String? = nil, limit: Int? = nil, cursor: Cursor? = nil
  ) {
    self.state = state
    self.name = name
    self.subject = subject
    self.limit = limit
    self.cursor = cursor
  }
}

public struct SagaID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}
