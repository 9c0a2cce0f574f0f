import Foundation
import GravityContracts
import GravityData
import NotificationAPI

/// What operators see of deliveries: over the tables `deliveries`, `notifications` and `messages`.
struct DeliveryList: Sendable {
  let core: NotificationCore

  func page(_ query: DeliveryQuery) async throws -> Page<DeliverySummary> {
    let limit = try PageLimit.checked(query.limit)
    let before = try query.cursor.map(Self.place)
    return try await core.read { transaction, _ in
      let items = try Self.rows(before: before, query, limit: limit + 1, transaction)
      return Page(fetched: items, limit: limit) { Cursor([$0.notificationID.lowercased, $0.id.lowercased]) }
    }
  }

  func messages(of notification: UUID) async throws -> MessageList {
    try await core.read { [core] transaction, _ in
      guard try NotificationStore(transaction).find(notification) != nil else {
        throw Problem.notFound("notification")
      }
      let messages = try MessageStore(transaction).list(
        before: nil, OutboxQuery(), of: notification, limit: DeliveryChannel.allCases.count,
        domain: core.configuration.domain)
      return MessageList(items: messages)
    }
  }

  private static func place(_ cursor: Cursor) throws -> (UUID, UUID) {
    let ids = cursor.parts.compactMap { UUID(uuidString: $0) }
    guard ids.count == 2, cursor.parts.count == 2 else {
      throw Problem.invalid("cursor", "format", "is not a cursor of this list")
    }
    return (ids[0], ids[1])
  }

  private static func rows(
    before: (UUID, UUID)?, _ query: DeliveryQuery, limit: Int, _ transaction: any Transaction
  ) throws -> [DeliverySummary] {
    var filter: SQL = "WHERE TRUE"
    if let (notification, delivery) = before {
      filter = filter + " AND (deliveries.notification_id, deliveries.id) < (\(notification), \(delivery))"
    }
    if let state = query.state {
      filter = filter + " AND deliveries.state = \(state.rawValue)"
      // Spelled out for the planner: the partial index has all states but that one.
      if state != .sent { filter = filter + " AND deliveries.state <> 'sent'" }
    }
    if let notification = query.notificationID {
      filter = filter + " AND deliveries.notification_id = \(notification)"
    }
    if let user = query.userID { filter = filter + " AND notifications.user_id = \(user)" }
    if let about = query.about { filter = filter + " AND notifications.about = \(about)" }
    if let template = query.template { filter = filter + " AND notifications.template = \(template)" }
    if let recipient = query.recipient {
      filter =
        filter + """
           AND deliveries.id IN (
            SELECT messages.delivery_id FROM messages WHERE messages.recipient = \(recipient)
            UNION SELECT addressed.id FROM deliveries AS addressed
              JOIN notifications AS named ON named.id = addressed.notification_id
            WHERE named.address = \(recipient) OR named.phone = \(recipient))
          """
    }
    return try transaction.rows(
      """
      SELECT \(DeliveryRow.columns), notifications.template, notifications.user_id, notifications.about,
        notifications.address, notifications.phone, messages.recipient, messages.subject
      FROM deliveries JOIN notifications ON notifications.id = deliveries.notification_id
        LEFT JOIN messages ON messages.delivery_id = deliveries.id
      \(filter) ORDER BY deliveries.notification_id DESC, deliveries.id DESC LIMIT \(limit)
      """
    ).map(summary)
  }

  private static func summary(_ row: SQLRow) throws -> DeliverySummary {
    let delivery = try DeliveryRow(row)
    let sentTo: String? = try row.get("recipient")
    let given: String? = try row.get(delivery.channel == .sms ? "phone" : "address")
    return DeliverySummary(
      id: delivery.id, notificationID: delivery.notificationID, channel: delivery.channel, state: delivery.state,
      reason: delivery.reason, error: delivery.error, attempts: delivery.attempt,
      nextAttemptAt: delivery.state == .queued ? delivery.dueAt : nil, recipient: sentTo ?? given,
      subject: try row.get("subject"), template: try row.get("template"), userID: try row.get("user_id"),
      about: try row.get("about"), createdAt: delivery.createdAt, sentAt: delivery.sentAt)
  }
}
