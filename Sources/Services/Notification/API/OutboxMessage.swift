public import Foundation
public import GravityContracts

/// A message as it was written. It is there as soon as a transport has taken it over, and no longer than the personal
/// data in it may be kept.
public struct OutboxMessage: Codable, Sendable, Hashable {
  /// The delivery's id.
  public var id: UUID
  public var notificationID: UUID
  public var channel: Open<DeliveryChannel>
  public var state: Open<DeliveryState>
  /// An e-mail address or a phone number; of the rest, the user's id.
  public var recipient: String
  public var subject: String
  /// Plain text.
  public var body: String
  public var html: String?
  /// RFC 5322 §3.6.4, without the angle brackets: the same when a message was sent twice.
  public var messageID: String
  public var template: String
  /// 0 is built in.
  public var templateVersion: Int64
  /// Of the text.
  public var locale: String
  public var userID: UUID?
  /// What it is about, mostly an order's or an account's id.
  public var about: String?
  public var sentAt: Date?

  public init(
    id: UUID, notificationID: UUID, channel: DeliveryChannel, state: DeliveryState, recipient: String, subject: String,
    body: String, html: String?, messageID: String, template: String, templateVersion: Int64, locale: String,
    userID: UUID?, about: String?, sentAt: Date?
  ) {
    self.id = id
    self.notificationID = notificationID
    self.channel = .known(channel)
    self.state = .known(state)
    self.recipient = recipient
    self.subject = subject
    self.body = body
    self.html = html
    self.messageID = messageID
    self.template = template
    self.templateVersion = templateVersion
    self.locale = locale
    self.userID = userID
    self.about = about
    self.sentAt = sentAt
  }

  enum CodingKeys: String, CodingKey {
    case id, channel, state, recipient, subject, body, html, template, locale, about
    case notificationID = "notification_id"
    case messageID = "message_id"
    case templateVersion = "template_version"
    case userID = "user_id"
    case sentAt = "sent_at"
  }
}

public struct OutboxQuery: Codable, Sendable {
  public var limit: Int?
  public var cursor: Cursor?
  public var userID: UUID?
  /// What messages are about, such as an order's id.
  public var about: String?
  public var recipient: String?

  public init(
    limit: Int? = nil, cursor: Cursor? = nil, userID: UUID? = nil, about: String? = nil, recipient: String? = nil
  ) {
    self.limit = limit
    self.cursor = cursor
    self.userID = userID
    self.about = about
    self.recipient = recipient
  }

  enum CodingKeys: String, CodingKey {
    case limit, cursor, about, recipient
    case userID = "user_id"
  }
}

public struct StatisticsQuery: Codable, Sendable {
  /// Of notifications since then; of all when nil.
  public var since: Date?
  public init(since: Date? = nil) { self.since = since }
}

public struct NotificationStatistics: Codable, Sendable, Hashable {
  /// Every state, also those in which nothing is.
  public var states: [StateCount]
  public var total: Int64
  /// When the delivery that has waited longest was due; nil when none is overdue.
  public var oldestDueAt: Date?

  public init(states: [StateCount], total: Int64, oldestDueAt: Date?) {
    self.states = states
    self.total = total
    self.oldestDueAt = oldestDueAt
  }

  enum CodingKeys: String, CodingKey {
    case states, total
    case oldestDueAt = "oldest_due_at"
  }
}

public struct StateCount: Codable, Sendable, Hashable {
  public var channel: Open<DeliveryChannel>
  public var state: Open<DeliveryState>
  public var count: Int64

  public init(channel: DeliveryChannel, state: DeliveryState, count: Int64) {
    self.channel = .known(channel)
    self.state = .known(state)
    self.count = count
  }
}
