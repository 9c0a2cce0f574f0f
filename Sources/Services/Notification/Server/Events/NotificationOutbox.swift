import Foundation
import GravityContracts
import GravityData
import GravityEvents
import NotificationAPI

extension Outbox {
  /// Tells where a delivery stands now, in the transaction that puts it there. Attempts are nobody's business.
  func record(_ row: DeliveryRow, template: String, in transaction: any Transaction) throws {
    let type: EventType<DeliveryEvent>
    switch row.state {
    case .queued: type = NotificationEvents.queued
    case .sent: type = NotificationEvents.sent
    case .delivered: type = NotificationEvents.delivered
    case .undelivered: type = NotificationEvents.undelivered
    case .bounced: type = NotificationEvents.bounced
    case .suppressed: type = NotificationEvents.suppressed
    case .deadLettered: type = NotificationEvents.deadLettered
    case .sending: return
    }
    try append(
      type, subject: row.notificationID.lowercased,
      DeliveryEvent(
        notificationID: row.notificationID, deliveryID: row.id, template: template, channel: row.channel,
        reason: row.reason), in: transaction)
  }
}
