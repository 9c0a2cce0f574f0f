import Foundation
import GravityContracts
import GravityData
public import GravityEvents
import OrderAPI

extension InventoryService {
  /// What the service does when orders tell of their end. An order's reservation has the order's id.
  ///
  /// The order's saga takes its reservation back by itself; this is for what it could not do. It does no harm twice,
  /// and whatever of the order's reservation comes later is refused.
  public var orderEvents: [EventHandler] {
    [on(OrderEvents.orderCanceled), on(OrderEvents.orderExpired)]
  }

  private func on(_ type: EventType<OrderEvent>) -> EventHandler {
    .on(type) { [core] event, transaction in
      // Many events share a transaction, and the first of them has it begin anew with the lock.
      try transaction.lock(StockWriter.lock)
      let batch = try StockBatch(transaction, core)
      _ = try batch.takeBack(event.payload.orderID)
      try batch.flush()
    }
  }
}
