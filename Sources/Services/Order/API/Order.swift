public import Foundation
public import GravityContracts

/// What somebody bought: prices, taxes and addresses are those of the moment it was placed.
public struct Order: Codable, Sendable, Hashable, EntityTagged {
  public var id: UUID
  /// For people: `7K3MQ-2XF9A`.
  public var number: String
  public var userID: UUID
  public var status: Open<OrderStatus>
  public var paymentStatus: Open<OrderPaymentStatus>
  public var fulfillmentStatus: Open<FulfillmentStatus>
  /// Why it was canceled or expired: `insufficient_stock`, `payment_declined`, `requested`, …
  public var cancelReason: String?
  public var lines: [OrderLine]
  /// Σ lines before tax.
  public var subtotal: Money
  public var shipping: Money
  public var tax: Money
  public var discount: Money
  /// subtotal + shipping + tax − discount.
  public var total: Money
  /// Why the total is what it is, a line for each thing that was added or taken off.
  public var totalTrace: [TotalTrace]
  public var shippingAddress: OrderAddress
  public var billingAddress: OrderAddress?
  /// The payment that is asked for; its fields are the payment service's.
  public var paymentID: UUID
  /// What the buyer has to do before the payment goes on, such as 3-D Secure.
  public var nextAction: String?
  public var version: Int64
  public var placedAt: Date
  public var updatedAt: Date

  public init(
    id: UUID, number: String, userID: UUID, status: OrderStatus, paymentStatus: OrderPaymentStatus,
    fulfillmentStatus: FulfillmentStatus, cancelReason: String?, lines: [OrderLine], subtotal: Money, shipping: Money,
    tax: Money, discount: Money, total: Money, totalTrace: [TotalTrace], shippingAddress: OrderAddress,
    billingAddress: OrderAddress?, paymentID: UUID, nextAction: String?, version: Int64, placedAt: Date,
    updatedAt: Date
  ) {
    self.id = id
    self.number = number
    self.userID = userID
    self.status = .known(status)
    self.paymentStatus = .known(paymentStatus)
    self.fulfillmentStatus = .known(fulfillmentStatus)
    self.cancelReason = cancelReason
    self.lines = lines
    self.subtotal = subtotal
    self.shipping = shipping
    self.tax = tax
    self.discount = discount
    self.total = total
    self.totalTrace = totalTrace
    self.shippingAddress = shippingAddress
    self.billingAddress = billingAddress
    self.paymentID = paymentID
    self.nextAction = nextAction
    self.version = version
    self.placedAt = placedAt
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case id, number, status, lines, subtotal, shipping, tax, discount, total, version
    case userID = "user_id"
    case paymentStatus = "payment_status"
    case fulfillmentStatus = "fulfillment_status"
    case cancelReason = "cancel_reason"
    case totalTrace = "total_trace"
    case shippingAddress = "shipping_address"
    case billingAddress = "billing_address"
    case paymentID = "payment_id"
    case nextAction = "next_action"
    case placedAt = "placed_at"
    case updatedAt = "updated_at"
  }
}

/// How far an order is.
public enum OrderStatus: String, Codable, Sendable, Hashable, CaseIterable {
  /// Placed; stock and payment are being seen to.
  case pending
  /// Stock is committed and the payment captured.
  case confirmed
  case completed
  case canceled
  /// The payment was not finished in time.
  case expired
}

public enum OrderPaymentStatus: String, Codable, Sendable, Hashable, CaseIterable {
  case unpaid
  /// The buyer has something to do.
  case requiresAction = "requires_action"
  case authorized, paid
  /// Nothing was taken, or what was held is free again.
  case voided
  case refunded
}

public enum FulfillmentStatus: String, Codable, Sendable, Hashable, CaseIterable {
  case unfulfilled
  case partiallyFulfilled = "partially_fulfilled"
  case fulfilled
}

public struct OrderLine: Codable, Sendable, Hashable {
  public var sku: String
  public var productID: UUID
  public var title: String
  public var quantity: Int64
  public var unitPrice: Money
  /// unit price × quantity.
  public var subtotal: Money
  public var tax: Money
  /// subtotal + tax.
  public var total: Money

  public init(
    sku: String, productID: UUID, title: String, quantity: Int64, unitPrice: Money, subtotal: Money, tax: Money,
    total: Money
  ) {
    self.sku = sku
    self.productID = productID
    self.title = title
    self.quantity = quantity
    self.unitPrice = unitPrice
    self.subtotal = subtotal
    self.tax = tax
    self.total = total
  }

  enum CodingKeys: String, CodingKey {
    case sku, title, quantity, subtotal, tax, total
    case productID = "product_id"
    case unitPrice = "unit_price"
  }
}

/// One thing that made the total what it is.
public struct TotalTrace: Codable, Sendable, Hashable {
  /// `subtotal`, `shipping`, `tax`, `discount`.
  public var kind: String
  /// For people: `3 × TSHIRT-M at 12.99 USD`.
  public var text: String
  public var amount: Money

  public init(kind: String, text: String, amount: Money) {
    self.kind = kind
    self.text = text
    self.amount = amount
  }
}

/// Where an order goes, as it was written when the order was placed.
public struct OrderAddress: Codable, Sendable, Hashable {
  /// 1 to 100 characters.
  public var name: String
  public var company: String?
  /// 1 to 200 characters.
  public var line1: String
  public var line2: String?
  /// 1 to 100 characters.
  public var city: String?
  public var region: String?
  /// At most 20 characters.
  public var postalCode: String?
  /// ISO 3166-1 alpha-2.
  public var country: String
  public var phone: String?

  public init(
    name: String, company: String? = nil, line1: String, line2: String? = nil, city: String? = nil,
    region: String? = nil, postalCode: String? = nil, country: String, phone: String? = nil
  ) {
    self.name = name
    self.company = company
    self.line1 = line1
    self.line2 = line2
    self.city = city
    self.region = region
    self.postalCode = postalCode
    self.country = country
    self.phone = phone
  }

  enum CodingKeys: String, CodingKey {
    case name, company, line1, line2, city, region, country, phone
    case postalCode = "postal_code"
  }
}
