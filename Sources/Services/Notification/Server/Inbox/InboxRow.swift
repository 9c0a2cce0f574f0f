import Foundation
import GravityData
import NotificationAPI

struct InboxRow: SQLRecord, Hashable {
  /// The delivery's.
  var id: UUID
  var userID: UUID
  var notificationID: UUID
  /// Its place among its user's, which stays: the position at which it came.
  var number: Int64
  var category: MessageCategory
  var title: String
  var body: String
  var link: String?
  var about: String?
  var seenAt: Date?
  var readAt: Date?
  var archivedAt: Date?
  var expiresAt: Date?
  var createdAt: Date

  init?(_ message: ChannelMessage) {
    guard let user = message.userID else { return nil }
    id = message.id
    userID = user
    notificationID = message.notificationID
    number = 0
    category = message.category
    title = message.content.subject
    body = message.content.text
    link = message.content.link
    about = message.about
    expiresAt = message.expiresAt
    createdAt = message.date
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    userID = try row.get("user_id")
    notificationID = try row.get("notification_id")
    number = try row.get("number")
    category = MessageCategory(rawValue: try row.get("category")) ?? .account
    title = try row.get("title")
    body = try row.get("body")
    link = try row.get("link")
    about = try row.get("about")
    seenAt = try row.get("seen_at")
    readAt = try row.get("read_at")
    archivedAt = try row.get("archived_at")
    expiresAt = try row.get("expires_at")
    createdAt = try row.get("created_at")
  }

  static let columns: SQL = """
    inbox_items.id, inbox_items.user_id, inbox_items.notification_id, inbox_items.number, inbox_items.category,
    inbox_items.title, inbox_items.body, inbox_items.link, inbox_items.about, inbox_items.seen_at, inbox_items.read_at,
    inbox_items.archived_at, inbox_items.expires_at, inbox_items.created_at
    """

  var item: InboxItem {
    InboxItem(
      id: id, notificationID: notificationID, category: category, title: title, body: body, link: link, about: about,
      seenAt: seenAt, readAt: readAt, archivedAt: archivedAt, expiresAt: expiresAt, createdAt: createdAt)
  }
}
