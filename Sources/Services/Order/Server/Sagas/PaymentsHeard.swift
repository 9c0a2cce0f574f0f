import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravitySaga
import OrderAPI
import PaymentAPI

/// What is done when payments move: the saga that waits for one looks at it. The event only says that there is
/// something to see; how the payment stands the saga asks.
struct PaymentsHeard: Sendable {
  let core: OrderCore

  var handlers: [EventHandler] {
    [
      on(PaymentEvents.requiresAction) { _ in false },
      on(PaymentEvents.authorized) { $0 == .authorized || $0 == .paid },
      on(PaymentEvents.captured) { $0 == .paid },
      on(PaymentEvents.failed) { _ in false },
      on(PaymentEvents.canceled) { $0 == .voided },
    ]
  }

  var refundHandlers: [EventHandler] {
    [refund(PaymentEvents.refundSucceeded), refund(PaymentEvents.refundFailed)]
  }

  /// - Parameter isKnown: whether the order is so far that the event tells it nothing, as mostly.
  private func on(
    _ type: EventType<PaymentEvent>, isKnown: @escaping @Sendable (OrderPaymentStatus) -> Bool
  ) -> EventHandler {
    .on(type) { event, transaction in
      guard let id = event.payload.orderID, let row = try OrderStore(transaction).find(id),
        row.paymentID == event.payload.paymentID, !row.status.isSettled, !isKnown(row.paymentStatus)
      else { return }
      try core.sagas.signal(
        row.id, event: PlacementSaga.paymentMoved, payload: .integer(event.payload.version), in: transaction)
    }
  }

  private func refund(_ type: EventType<RefundEvent>) -> EventHandler {
    .on(type) { event, transaction in
      guard let id = event.payload.orderID, let row = try OrderStore(transaction).find(id),
        let saga = row.cancellationID, saga == event.payload.refundID, row.paymentStatus != .refunded
      else { return }
      try core.sagas.signal(
        saga, event: CancellationSaga.refundMoved, payload: .integer(event.payload.version), in: transaction)
    }
  }
}
