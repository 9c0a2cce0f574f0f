import Foundation
import GravityContracts
import GravityData
import OrderAPI

/// Orders as a table (RFC 4180), a row for each.
struct OrderCSV: Sendable {
  let core: OrderCore
  static let greatestCount = 10_000

  func export(_ request: OrderExport) async throws -> Content {
    let limit = request.limit ?? Self.greatestCount
    guard (1...Self.greatestCount).contains(limit) else {
      throw Problem.invalid("limit", "range", "must be from 1 to \(Self.greatestCount)")
    }
    let rows = try await core.database.read {
      try OrderStore($0).placed(from: request.from, to: request.to, limit: limit)
    }
    return Content(Data(Self.table(try rows.map { try $0.order }).utf8), fileName: "orders.csv")
  }

  static let header = [
    "number", "id", "placed_at", "status", "payment_status", "fulfillment_status", "cancel_reason", "currency",
    "subtotal", "shipping", "tax", "discount", "total", "items", "country",
  ]

  static func table(_ orders: [Order]) -> String {
    ([header] + orders.map(fields)).map { $0.map(quoted).joined(separator: ",") + "\r\n" }.joined()
  }

  private static func fields(_ order: Order) -> [String] {
    func amount(_ money: Money) -> String { String(money.decimal.split(separator: " ")[0]) }
    return [
      order.number, order.id.lowercased, WireTime.string(order.placedAt), order.status.rawValue,
      order.paymentStatus.rawValue, order.fulfillmentStatus.rawValue, order.cancelReason ?? "",
      order.total.currency.code, amount(order.subtotal), amount(order.shipping), amount(order.tax),
      amount(order.discount), amount(order.total), String(order.lines.reduce(0) { $0 + $1.quantity }),
      order.shippingAddress.country,
    ]
  }

  /// A field that a spreadsheet would take for a formula begins with an apostrophe.
  private static func quoted(_ field: String) -> String {
    let isFormula = field.first.map { "=+-@\t\r".contains($0) } ?? false
    let text = isFormula ? "'" + field : field
    guard text.contains(where: { ",\"\r\n".contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
