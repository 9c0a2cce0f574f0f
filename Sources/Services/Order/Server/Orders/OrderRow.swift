import Foundation
import GravityContracts
import GravityData
import OrderAPI

struct OrderRow: SQLRecord, Sendable {
  var id: UUID
  var number: String
  var userID: UUID
  var status: OrderStatus
  var paymentStatus: OrderPaymentStatus
  var fulfillmentStatus: FulfillmentStatus
  var cancelReason: String?
  /// As it is written; whoever only moves the order on need not read it.
  let detailsText: String
  var paymentID: UUID
  var nextAction: String?
  /// The saga that gives everything back, once somebody canceled what was confirmed.
  var cancellationID: UUID?
  var version: Int64
  var placedAt: Date
  var updatedAt: Date

  init(
    id: UUID, number: String, userID: UUID, details: OrderDetails, paymentID: UUID, placedAt: Date
  ) throws {
    self.id = id
    self.number = number
    self.userID = userID
    status = .pending
    paymentStatus = .unpaid
    fulfillmentStatus = .unfulfilled
    detailsText = try StoredJSON.encode(details)
    self.paymentID = paymentID
    version = 1
    self.placedAt = placedAt
    updatedAt = placedAt
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    number = try row.get("number")
    userID = try row.get("user_id")
    status = try Self.known(row, "status")
    paymentStatus = try Self.known(row, "payment_status")
    fulfillmentStatus = try Self.known(row, "fulfillment_status")
    cancelReason = try row.get("cancel_reason")
    detailsText = try row.get("details")
    paymentID = try row.get("payment_id")
    nextAction = try row.get("next_action")
    cancellationID = try row.get("cancellation_id")
    version = try row.get("version")
    placedAt = try row.get("placed_at")
    updatedAt = try row.get("updated_at")
  }

  private static func known<Value: RawRepresentable<String>>(_ row: SQLRow, _ column: String) throws -> Value {
    let text: String = try row.get(column)
    guard let value = Value(rawValue: text) else { throw UnreadableRow(table: "orders", column: column, value: text) }
    return value
  }

  var details: OrderDetails { get throws { try StoredJSON.decode(detailsText) } }

  var order: Order { get throws { Order(self, try details) } }
}

extension Order {
  /// - Parameter details: the row's.
  init(_ row: OrderRow, _ details: OrderDetails) {
    self.init(
      id: row.id, number: row.number, userID: row.userID, status: row.status, paymentStatus: row.paymentStatus,
      fulfillmentStatus: row.fulfillmentStatus, cancelReason: row.cancelReason, lines: details.lines,
      subtotal: details.subtotal, shipping: details.shipping, tax: details.tax, discount: details.discount,
      total: details.total, totalTrace: details.trace, shippingAddress: details.shippingAddress,
      billingAddress: details.billingAddress, paymentID: row.paymentID, nextAction: row.nextAction,
      version: row.version, placedAt: row.placedAt, updatedAt: row.updatedAt)
  }
}

/// What is written once, when an order is placed.
struct OrderDetails: Codable, Sendable, Hashable {
  var lines: [OrderLine]
  var subtotal: Money
  var shipping: Money
  var tax: Money
  var discount: Money
  var total: Money
  var trace: [TotalTrace]
  var shippingAddress: OrderAddress
  var billingAddress: OrderAddress?

  init(_ totals: Totals, shippingAddress: OrderAddress, billingAddress: OrderAddress?) {
    lines = totals.lines
    subtotal = totals.subtotal
    shipping = totals.shipping
    tax = totals.tax
    discount = totals.discount
    total = totals.total
    trace = totals.trace
    self.shippingAddress = shippingAddress
    self.billingAddress = billingAddress
  }
}

/// JSON that nobody reads but us.
enum StoredJSON {
  static func encode(_ value: some Encodable) throws -> String {
    String(decoding: try WireFormat.makeEncoder().encode(value), as: UTF8.self)
  }
  static func decode<Value: Decodable>(_ text: String) throws -> Value {
    try WireFormat.makeDecoder().decode(Value.self, from: Data(text.utf8))
  }
}

/// A row that this build cannot read: written by a newer one, or damaged.
struct UnreadableRow: Error, CustomStringConvertible {
  var table: String
  var column: String
  var value: String
  var description: String { "\(table).\(column) has \"\(value)\", which this build does not know" }
}
