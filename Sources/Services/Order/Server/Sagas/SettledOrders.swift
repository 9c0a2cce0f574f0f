import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravitySaga
import OrderAPI

/// What the refusals of a saga are called that the buyer sees in another way than as a cancellation.
enum OrderEnd {
  static let expired = "payment_not_finished"
}

/// What sagas write of an order. Everything runs in the saga's own transaction, and more than once changes nothing.
struct SettledOrders: Sendable {
  let events: Outbox

  func payment(
    of id: UUID, _ operation: OrderPaymentOperation, reason: String, action: String? = nil,
    in transaction: any Transaction
  ) throws {
    let store = OrderStore(transaction)
    guard var row = try store.find(id) else { return }
    let next = try row.paymentStatus.next(operation)
    guard next != row.paymentStatus || row.nextAction != action else { return }
    row.paymentStatus = next
    row.nextAction = action
    row = try store.update(row, at: try transaction.now.roundedToMicroseconds, reason: reason)
    if operation == .capture { try record(OrderEvents.orderPaid, row, in: transaction) }
    if operation == .refund { try record(OrderEvents.orderRefunded, row, in: transaction) }
  }

  /// The end of a placement.
  func end(_ ending: SagaEnding, _ state: PlacementState, in transaction: any Transaction) throws {
    switch ending {
    case .completed: try move(state.orderID, .confirm, reason: "confirmed", OrderEvents.orderConfirmed, in: transaction)
    case .compensated(let refusal) where refusal.code == OrderEnd.expired:
      try move(
        state.orderID, .expire, reason: refusal.code, note: refusal.detail, OrderEvents.orderExpired, in: transaction)
    case .compensated(let refusal):
      try move(
        state.orderID, .cancel, reason: refusal.code, note: refusal.detail, OrderEvents.orderCanceled,
        in: transaction)
    }
  }

  /// The end of a cancellation; when it was refused, the order is as it was, and may be canceled again.
  func end(_ ending: SagaEnding, _ state: CancellationState, in transaction: any Transaction) throws {
    switch ending {
    case .completed:
      try move(state.orderID, .cancel, reason: "requested", OrderEvents.orderCanceled, in: transaction)
    case .compensated(let refusal):
      let store = OrderStore(transaction)
      guard var row = try store.find(state.orderID) else { return }
      row.cancellationID = nil
      _ = try store.update(
        row, at: try transaction.now.roundedToMicroseconds, reason: "cancellation_refused",
        note: refusal.detail ?? refusal.code)
    }
  }

  private func move(
    _ id: UUID, _ operation: OrderOperation, reason: String, note: String? = nil, _ event: EventType<OrderEvent>,
    in transaction: any Transaction
  ) throws {
    let store = OrderStore(transaction)
    guard var row = try store.find(id) else { return }
    row.status = try row.status.applying(operation)
    row.nextAction = nil
    if operation != .confirm {
      row.cancelReason = reason
      // Nothing was asked of the card, or what was is free again.
      if row.paymentStatus == .unpaid { row.paymentStatus = .voided }
    }
    row = try store.update(row, at: try transaction.now.roundedToMicroseconds, reason: reason, note: note)
    try record(event, row, in: transaction)
  }

  private func record(_ type: EventType<OrderEvent>, _ row: OrderRow, in transaction: any Transaction) throws {
    try events.append(
      type, subject: row.id.lowercased, OrderEvent(orderID: row.id, userID: row.userID), in: transaction)
  }
}

extension OrderPaymentStatus {
  /// The status after the operation, which may have been done already.
  func next(_ operation: OrderPaymentOperation) throws -> OrderPaymentStatus {
    if Self.transitions.values.contains(where: { $0[operation] == self }) { return self }
    return try applying(operation)
  }
}
