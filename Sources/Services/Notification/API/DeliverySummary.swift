public import Foundation
public import GravityContracts

/// A delivery in a list: whom it is for, what it says, and where it stands.
public struct DeliverySummary: Codable, Sendable, Hashable {
  public var id: UUID
  public var notificationID: UUID
  public var channel: Open<DeliveryChannel>
  public var state: Open<DeliveryState>
  /// See ``Delivery/reason``.
  public var reason: String?
  /// What went wrong last, for an operator.
  public var error: String?
  public var attempts: Int64
  public var nextAttemptAt: Date?
  /// nil for as long as an account's address was not asked for, and once it was erased.
  public var recipient: String?
  /// nil until the message was handed over, and once its text was deleted.
  public var subject: String?
  public var template: String
  public var userID: UUID?
  /// What it is about, mostly an order's or an account's id.
  public var about: String?
  public var createdAt: Date
  public var sentAt: Date?

  public init(
    id: UUID, notificationID: UUID, channel: DeliveryChannel, state: DeliveryState, reason: String?, error: String?,
    attempts: Int64, nextAttemptAt: Date?, recipient: String?, subject: String?, template: String, userID: UUID?,
    about: String?, createdAt: Date, sentAt: Date?
  ) {
    self.id = id
    self.notificationID = notificationID
    self.channel = .known(channel)
    self.state = .known(state)
    self.reason = reason
    self.error = error
    self.attempts = attempts
    self.nextAttemptAt = nextAttemptAt
    self.recipient = recipient
    self.subject = subject
    self.template = template
    self.userID = userID
    self.about = about
    self.createdAt = createdAt
    self.sentAt = sentAt
  }

  enum CodingKeys: String, CodingKey {
    case id, channel, state, reason, error, attempts, recipient, subject, template, about
    case notificationID = "notification_id"
    case nextAttemptAt = "next_attempt_at"
    case userID = "user_id"
    case createdAt = "created_at"
    case sentAt = "sent_at"
  }
}

public struct DeliveryQuery: Codable, Sendable {
  public var limit: Int?
  public var cursor: Cursor?
  public var state: DeliveryState?
  /// The whole address, as it was given or as the message went to it.
  public var recipient: String?
  public var userID: UUID?
  /// What messages are about, such as an order's id.
  public var about: String?
  /// A template's name.
  public var template: String?
  public var notificationID: UUID?

  public init(
    limit: Int? = nil, cursor: Cursor? = nil, state: DeliveryState? = nil, recipient: String? = nil,
    userID: UUID? = nil, about: String? = nil, template: String? = nil, notificationID: UUID? = nil
  ) {
    self.limit = limit
    self.cursor = cursor
    self.state = state
    self.recipient = recipient
    self.userID = userID
    self.about = about
    self.template = template
    self.notificationID = notificationID
  }

  enum CodingKeys: String, CodingKey {
    case limit, cursor, state, recipient, about, template
    case notificationID = "notification_id"
    case userID = "user_id"
  }
}
