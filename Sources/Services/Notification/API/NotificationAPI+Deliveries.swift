public import GravityContracts

extension NotificationAPI {
  static let deliveryEndpoints: [any EndpointDescription] = [deliveries, messages, suppression]

  public static let deliveries = Endpoint<DeliveryQuery, Page<DeliverySummary>>(
    "notificationDeliveries", .get, "/api/v1/notifications/deliveries", access: .permission("notifications:read"),
    summary: "Deliveries with whom they are for and what they say, those of the newest notifications first")

  /// One for each delivery that a transport has taken over; none once the text was deleted.
  public static let messages = Endpoint<NotificationID, MessageList>(
    "notificationMessages", .get, "/api/v1/notifications/{id}/messages", access: .permission("notifications:read"),
    summary: "A notification's messages as they were written", problems: ["not_found"])

  public static let suppression = Endpoint<SuppressedAddress, Suppression>(
    "suppression", .get, "/api/v1/notification-suppressions/{address}", access: .permission("notifications:read"),
    summary: "Why nothing is sent to an address", problems: ["not_found"])
}

/// Bounded by the number of channels, so it is one page.
public struct MessageList: Codable, Sendable, Hashable {
  public var items: [OutboxMessage]
  public init(items: [OutboxMessage]) { self.items = items }
}
