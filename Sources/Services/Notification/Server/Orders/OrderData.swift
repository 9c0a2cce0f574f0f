import GravityContracts
import NotificationAPI

/// An order as templates see it.
enum OrderData {
  static let variables: [TemplateVariable] = [
    TemplateVariable("order.id", example: "01890a5d-ac96-774b-bcce-b302099a8057"),
    TemplateVariable("order.number", example: "7K3MQ-2XF9A"),
    TemplateVariable("order.total", .money, example: "25.98 USD"),
    TemplateVariable("order.lines", .list),
    TemplateVariable("order.lines[].sku", example: "TSHIRT-M"),
    TemplateVariable("order.lines[].title", example: "T-shirt, M"),
    TemplateVariable("order.lines[].quantity", .integer, example: "2"),
    TemplateVariable("order.lines[].total", .money, example: "25.98 USD"),
    TemplateVariable("order.cancel_reason", required: false, example: "insufficient_stock"),
    TemplateVariable("order.is_out_of_stock", .boolean, required: false, example: "true"),
    TemplateVariable("order.is_payment_declined", .boolean, required: false, example: "false"),
    TemplateVariable("order.is_payment_late", .boolean, required: false, example: "false"),
  ]

  static func value(_ order: OrderSummary) -> JSONValue {
    var members: [String: JSONValue] = [
      "id": .string(order.id.lowercased), "number": .string(order.number), "total": value(order.total),
      "lines": .array(
        order.lines.map { line in
          .object([
            "sku": .string(line.sku), "title": .string(line.title), "quantity": .integer(line.quantity),
            "total": value(line.total),
          ])
        }),
    ]
    if let reason = order.cancelReason {
      members["cancel_reason"] = .string(reason)
      members["is_out_of_stock"] = .bool(reason == "insufficient_stock")
      members["is_payment_declined"] = .bool(reason == "payment_declined")
      members["is_payment_late"] = .bool(reason == "payment_expired")
    }
    return .object(members)
  }

  private static func value(_ money: Money) -> JSONValue {
    .object(["amount": .integer(money.amount), "currency": .string(money.currency.code)])
  }
}
