public import Foundation
public import GravityContracts

/// What the notification service tells others. Ids and codes only: address and text stay in notif_db.
public enum NotificationEvents {
  public static let all: [any EventDescription] = [
    queued, sent, delivered, undelivered, bounced, suppressed, deadLettered, webhookDisabled,
  ]

  public static let queued = EventType<DeliveryEvent>(
    "notification.queued.v1", summary: "A delivery waits for its first attempt, or was asked for again")
  public static let sent = EventType<DeliveryEvent>(
    "notification.sent.v1", summary: "A transport has taken a message over")
  public static let delivered = EventType<DeliveryEvent>(
    "notification.delivered.v1", summary: "The recipient's side has taken a message over")
  public static let undelivered = EventType<DeliveryEvent>(
    "notification.undelivered.v1", summary: "A transport gave up a message that it had taken over")
  public static let bounced = EventType<DeliveryEvent>(
    "notification.bounced.v1", summary: "The recipient's side refused a message for good")
  public static let suppressed = EventType<DeliveryEvent>(
    "notification.suppressed.v1", summary: "A message was not sent, for a reason that will last")
  public static let deadLettered = EventType<DeliveryEvent>(
    "notification.dead_lettered.v1", summary: "Every attempt to send a message failed")
  public static let webhookDisabled = EventType<WebhookDisabledEvent>(
    "notification.webhook_disabled.v1", summary: "A webhook is told nothing any more: it is gone, or failed for days")
}

public struct DeliveryEvent: Codable, Sendable, Hashable {
  public var notificationID: UUID
  public var deliveryID: UUID
  public var template: String
  public var channel: Open<DeliveryChannel>
  /// ``Delivery/reason``.
  public var reason: String?

  public init(
    notificationID: UUID, deliveryID: UUID, template: String, channel: DeliveryChannel, reason: String? = nil
  ) {
    self.notificationID = notificationID
    self.deliveryID = deliveryID
    self.template = template
    self.channel = .known(channel)
    self.reason = reason
  }

  enum CodingKeys: String, CodingKey {
    case template, channel, reason
    case notificationID = "notification_id"
    case deliveryID = "delivery_id"
  }
}

public struct WebhookDisabledEvent: Codable, Sendable, Hashable {
  public var webhookID: UUID
  /// ``Webhook/reason``.
  public var reason: String

  public init(webhookID: UUID, reason: String) {
    self.webhookID = webhookID
    self.reason = reason
  }

  enum CodingKeys: String, CodingKey {
    case reason
    case webhookID = "webhook_id"
  }
}
