public import Foundation
public import GravityContracts

/// Something that a user is told in the application.
public struct InboxItem: Codable, Sendable, Hashable {
  /// The delivery's id.
  public var id: UUID
  public var notificationID: UUID
  public var category: Open<MessageCategory>
  public var title: String
  /// Plain text.
  public var body: String
  /// A URL, or a path of the application.
  public var link: String?
  /// What it is about, mostly an order's or an account's id.
  public var about: String?
  /// When its list was opened; nil when that was not since.
  public var seenAt: Date?
  public var readAt: Date?
  public var archivedAt: Date?
  /// When it goes by itself.
  public var expiresAt: Date?
  public var createdAt: Date

  public init(
    id: UUID, notificationID: UUID, category: MessageCategory, title: String, body: String, link: String?,
    about: String?, seenAt: Date?, readAt: Date?, archivedAt: Date?, expiresAt: Date?, createdAt: Date
  ) {
    self.id = id
    self.notificationID = notificationID
    self.category = .known(category)
    self.title = title
    self.body = body
    self.link = link
    self.about = about
    self.seenAt = seenAt
    self.readAt = readAt
    self.archivedAt = archivedAt
    self.expiresAt = expiresAt
    self.createdAt = createdAt
  }

  enum CodingKeys: String, CodingKey {
    case id, category, title, body, link, about
    case notificationID = "notification_id"
    case seenAt = "seen_at"
    case readAt = "read_at"
    case archivedAt = "archived_at"
    case expiresAt = "expires_at"
    case createdAt = "created_at"
  }
}

public struct InboxQuery: Codable, Sendable {
  public var limit: Int?
  public var cursor: Cursor?
  /// Only what is unread.
  public var unread: Bool?
  /// What is in the archive instead of what is not.
  public var archived: Bool?

  public init(limit: Int? = nil, cursor: Cursor? = nil, unread: Bool? = nil, archived: Bool? = nil) {
    self.limit = limit
    self.cursor = cursor
    self.unread = unread
    self.archived = archived
  }
}

/// Of what is not in the archive.
public struct InboxCounts: Codable, Sendable, Hashable {
  public var unread: Int64
  public var unseen: Int64

  public init(unread: Int64, unseen: Int64) {
    self.unread = unread
    self.unseen = unseen
  }
}

public struct InboxItemID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

/// What is left out stays as it is; at least one says something.
public struct InboxItemChange: Codable, Sendable {
  public var id: UUID
  public var read: Bool?
  public var archived: Bool?

  public init(id: UUID, read: Bool? = nil, archived: Bool? = nil) {
    self.id = id
    self.read = read
    self.archived = archived
  }
}

public struct InboxMark: Codable, Sendable {
  /// The newest that is marked.
  public var upTo: UUID
  public init(upTo: UUID) { self.upTo = upTo }

  enum CodingKeys: String, CodingKey { case upTo = "up_to" }
}
