public import Foundation
public import GravityContracts

/// What somebody may buy. Prices are today's each time it is read.
public struct Cart: Codable, Sendable, Hashable, EntityTagged {
  public var id: UUID
  /// nil of a guest's, which belongs to whoever knows its id.
  public var userID: UUID?
  public var status: Open<CartStatus>
  public var currency: Currency
  public var lines: [Line]
  public var shippingAddress: OrderAddress?
  /// Of the lines that can be bought.
  public var subtotal: Money
  public var shipping: Money
  public var tax: Money
  public var discount: Money
  public var total: Money
  /// What it became.
  public var orderID: UUID?
  /// Moves on with every change.
  public var expiresAt: Date
  public var version: Int64

  public init(
    id: UUID, userID: UUID?, status: CartStatus, currency: Currency, lines: [Line], shippingAddress: OrderAddress?,
    subtotal: Money, shipping: Money, tax: Money, discount: Money, total: Money, orderID: UUID?, expiresAt: Date,
    version: Int64
  ) {
    self.id = id
    self.userID = userID
    self.status = .known(status)
    self.currency = currency
    self.lines = lines
    self.shippingAddress = shippingAddress
    self.subtotal = subtotal
    self.shipping = shipping
    self.tax = tax
    self.discount = discount
    self.total = total
    self.orderID = orderID
    self.expiresAt = expiresAt
    self.version = version
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  public struct Line: Codable, Sendable, Hashable {
    public var sku: String
    public var quantity: Int64
    /// nil when it cannot be bought now; `problem` says why.
    public var title: String?
    public var unitPrice: Money?
    public var subtotal: Money?
    /// `unknown`, `not_published`, `no_price`.
    public var problem: String?

    public init(
      sku: String, quantity: Int64, title: String?, unitPrice: Money?, subtotal: Money?, problem: String?
    ) {
      self.sku = sku
      self.quantity = quantity
      self.title = title
      self.unitPrice = unitPrice
      self.subtotal = subtotal
      self.problem = problem
    }

    enum CodingKeys: String, CodingKey {
      case sku, quantity, title, subtotal, problem
      case unitPrice = "unit_price"
    }
  }

  enum CodingKeys: String, CodingKey {
    case id, status, currency, lines, subtotal, shipping, tax, discount, total, version
    case userID = "user_id"
    case shippingAddress = "shipping_address"
    case orderID = "order_id"
    case expiresAt = "expires_at"
  }
}

public enum CartStatus: String, Codable, Sendable, Hashable, CaseIterable { case open, completed }

public struct NewCart: Codable, Sendable {
  public var currency: Currency
  public init(currency: Currency) { self.currency = currency }
}

public struct CartID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

public struct CartLineChange: Codable, Sendable {
  public var id: UUID
  public var sku: String
  /// 0 to 1 000 000.
  public var quantity: Int64

  public init(id: UUID, sku: String, quantity: Int64) {
    self.id = id
    self.sku = sku
    self.quantity = quantity
  }
}

public struct CartUpdate: Codable, Sendable {
  public var id: UUID
  public var shippingAddress: Patch<OrderAddress>

  public init(id: UUID, shippingAddress: Patch<OrderAddress> = .absent) {
    self.id = id
    self.shippingAddress = shippingAddress
  }

  enum CodingKeys: String, CodingKey {
    case id
    case shippingAddress = "shipping_address"
  }
}

public struct Checkout: Codable, Sendable {
  public var id: UUID
  public var paymentMethod: String
  /// Needed unless the cart has one.
  public var shippingAddress: OrderAddress?
  public var billingAddress: OrderAddress?
  /// What the buyer was shown: when it is not the total any more, nothing is ordered (409 `prices_changed`).
  public var expectedTotal: Money?

  public init(
    id: UUID, paymentMethod: String, shippingAddress: OrderAddress? = nil, billingAddress: OrderAddress? = nil,
    expectedTotal: Money? = nil
  ) {
    self.id = id
    self.paymentMethod = paymentMethod
    self.shippingAddress = shippingAddress
    self.billingAddress = billingAddress
    self.expectedTotal = expectedTotal
  }

  enum CodingKeys: String, CodingKey {
    case id
    case paymentMethod = "payment_method"
    case shippingAddress = "shipping_address"
    case billingAddress = "billing_address"
    case expectedTotal = "expected_total"
  }
}
