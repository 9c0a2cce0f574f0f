import Foundation
import GravityContracts
import GravityData
import NotificationAPI

/// The table `messages`, and what belongs to a message beside it.
struct MessageStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// Of one that is sent again after all, the last writing counts.
  func insert(_ messages: [MessageRow], at now: Date) throws {
    for some in StatementChunks(messages) {
      var rows: SQL = ""
      for (index, message) in some.enumerated() {
        let content = message.content
        rows =
          rows + """
            \(index == 0 ? "" as SQL : ", ")(\(message.deliveryID), \(message.recipient), \(content.subject), \(content.text),
              \(content.html), \(content.locale), \(message.templateVersion), \(now))
            """
      }
      try transaction.execute(
        """
        INSERT INTO messages (delivery_id, recipient, subject, body, html, locale, template_version, written_at)
        VALUES \(rows)
        ON CONFLICT (delivery_id) DO UPDATE SET recipient = excluded.recipient, subject = excluded.subject,
          body = excluded.body, html = excluded.html, locale = excluded.locale,
          template_version = excluded.template_version, written_at = excluded.written_at
        """)
    }
  }

  /// Newest first.
  /// - Parameter notification: Only those of it.
  func list(
    before: UUID?, _ query: OutboxQuery, of notification: UUID? = nil, limit: Int, domain: String
  ) throws -> [OutboxMessage] {
    var filter: SQL = "WHERE TRUE"
    if let notification { filter = filter + " AND deliveries.notification_id = \(notification)" }
    if let before { filter = filter + " AND messages.delivery_id < \(before)" }
    if let recipient = query.recipient { filter = filter + " AND messages.recipient = \(recipient)" }
    if let user = query.userID { filter = filter + " AND notifications.user_id = \(user)" }
    if let about = query.about { filter = filter + " AND notifications.about = \(about)" }
    return try transaction.rows(
      """
      SELECT messages.delivery_id, messages.recipient, messages.subject, messages.body, messages.html,
        messages.locale, messages.template_version, deliveries.channel, deliveries.state, deliveries.sent_at,
        notifications.id, notifications.template, notifications.user_id, notifications.about
      FROM messages JOIN deliveries ON deliveries.id = messages.delivery_id
        JOIN notifications ON notifications.id = deliveries.notification_id
      \(filter) ORDER BY messages.delivery_id DESC LIMIT \(limit)
      """
    ).map { row in
      let id: UUID = try row.get("delivery_id")
      return OutboxMessage(
        id: id, notificationID: try row.get("id"),
        channel: DeliveryChannel(rawValue: try row.get("channel")) ?? .email,
        state: DeliveryState(rawValue: try row.get("state")) ?? .sent, recipient: try row.get("recipient"),
        subject: try row.get("subject"), body: try row.get("body"), html: try row.get("html"),
        messageID: MailWriter.messageID(id, domain: domain), template: try row.get("template"),
        templateVersion: try row.get("template_version"), locale: try row.get("locale"),
        userID: try row.get("user_id"), about: try row.get("about"), sentAt: try row.get("sent_at"))
    }
  }

  /// - Returns: those that were written before then, oldest first.
  func writtenBefore(_ time: Date, limit: Int) throws -> [UUID] {
    try transaction.rows(
      "SELECT delivery_id FROM messages WHERE written_at < \(time) ORDER BY written_at LIMIT \(limit)"
    ).map { try $0.get(0) }
  }

  func delete(_ deliveries: [UUID]) throws {
    try transaction.execute("DELETE FROM messages WHERE delivery_id IN \(list: deliveries)")
  }
}
