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
  var details: OrderDetails
  var paymentID: UUID
  var nextAction: String?
  /// The saga that gives everything back, once somebody canceled what was confirmed.
  var cancellationID: UUID?
  var version: Int64
  var placedAt: Date
  var updatedAt: Date

  init(
    id: UUID, number: String, userID: UUID, details: OrderDetails, paymentID: UUID, placedAt: Date
  ) {
    self.id = id
    self.number = number
    self.userID = userID
    status = .pending
    paymentStatus = .unpaid
    fulfillmentStatus = .unfulfilled
    self.details = details
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
    details = try StoredJSON.decode(row.get("details"))
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

  var total: Money { details.total }

  var order: Order {
    Order(
      id: id, number: number, userID: userID, status: status, paymentStatus: paymentStatus,
      fulfillmentStatus: fulfillmentStatus, cancelReason: cancelReason, lines: details.lines,
      subtotal: details.subtotal, shipping: details.shipping, tax: details.tax, discount: details.discount,
      total: details.total, totalTrace: details.trace, shippingAddress: details.shippingAddress,
      billingAddress: details.billingAddress, paymentID: paymentID, nextAction: nextAction, version: version,
      placedAt: placedAt, updatedAt: updatedAt)
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
