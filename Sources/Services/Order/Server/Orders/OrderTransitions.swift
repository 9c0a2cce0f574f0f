import GravityContracts
import OrderAPI

/// What can be done with an order.
enum OrderOperation: String, CaseIterable, Sendable { case confirm, complete, cancel, expire }

extension OrderStatus {
  /// The whole table: what is not here is not allowed.
  static let transitions: [OrderStatus: [OrderOperation: OrderStatus]] = [
    .pending: [.confirm: .confirmed, .cancel: .canceled, .expire: .expired],
    .confirmed: [.complete: .completed, .cancel: .canceled],
    .completed: [:],
    .canceled: [:],
    .expired: [:],
  ]

  var allowed: [OrderOperation: OrderStatus] { Self.transitions[self] ?? [:] }

  /// - Throws: `Problem` 409 with the operations that are allowed.
  func applying(_ operation: OrderOperation) throws -> OrderStatus {
    guard let next = allowed[operation] else {
      throw Problem.invalidState(of: "order", rawValue, operation.rawValue, allowed: allowed.keys.map(\.rawValue))
    }
    return next
  }

  /// Whether nothing moves any more but what people do.
  var isSettled: Bool { self != .pending }
}

/// What happens to an order's payment.
enum OrderPaymentOperation: String, CaseIterable, Sendable { case requireAction, authorize, capture, void, refund }

extension OrderPaymentStatus {
  static let transitions: [OrderPaymentStatus: [OrderPaymentOperation: OrderPaymentStatus]] = [
    .unpaid: [.requireAction: .requiresAction, .authorize: .authorized, .void: .voided],
    .requiresAction: [.authorize: .authorized, .void: .voided],
    .authorized: [.capture: .paid, .void: .voided],
    .paid: [.refund: .refunded],
    .voided: [:],
    .refunded: [:],
  ]

  var allowed: [OrderPaymentOperation: OrderPaymentStatus] { Self.transitions[self] ?? [:] }

  /// - Throws: `Problem` 409 with the operations that are allowed.
  func applying(_ operation: OrderPaymentOperation) throws -> OrderPaymentStatus {
    guard let next = allowed[operation] else {
      throw Problem.invalidState(of: "payment", rawValue, operation.rawValue, allowed: allowed.keys.map(\.rawValue))
    }
    return next
  }
}

extension Problem {
  static func invalidState(of what: String, _ state: String, _ operation: String, allowed: [String]) -> Problem {
    let allowed = allowed.sorted()
    return Problem(
      409, "invalid_state", "The \(what) is \(state): it cannot \(operation)",
      detail: allowed.isEmpty
        ? "Nothing can be done with it any more." : "Allowed: \(allowed.joined(separator: ", ")).",
      extensions: ["state": .string(state), "allowed": .array(allowed.map(JSONValue.string))])
  }
}
