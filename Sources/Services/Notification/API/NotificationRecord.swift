public import Foundation
public import GravityContracts

/// That somebody is to be told something; how that goes is in its ``deliveries``.
public struct NotificationRecord: Codable, Sendable, Hashable {
  public var id: UUID
  /// The template's name.
  public var template: String
  /// The account that is told; nil where an address was given.
  public var userID: UUID?
  /// What it is about, mostly an order's or an account's id.
  public var about: String?
  /// As asked for; nil where the recipient's own serves.
  public var locale: String?
  /// One for each channel.
  public var deliveries: [Delivery]
  /// When it is to be sent; nil for at once.
  public var sendAt: Date?
  public var createdAt: Date

  public init(
    id: UUID, template: String, userID: UUID?, about: String?, locale: String?, deliveries: [Delivery],
    sendAt: Date? = nil, createdAt: Date
  ) {
    self.id = id
    self.template = template
    self.userID = userID
    self.about = about
    self.locale = locale
    self.deliveries = deliveries
    self.sendAt = sendAt
    self.createdAt = createdAt
  }

  enum CodingKeys: String, CodingKey {
    case id, template, about, locale, deliveries
    case userID = "user_id"
    case sendAt = "send_at"
    case createdAt = "created_at"
  }
}

/// A way to reach a person.
public enum DeliveryChannel: String, Codable, Sendable, CaseIterable {
  case email
  /// A text message, by a provider.
  case sms
  /// To the user's registered devices, by a provider.
  case push
  /// A row in the user's inbox.
  case inApp = "in_app"
}

/// Where a delivery stands. `read` and `seen` are none of these: they are what the recipient did.
public enum DeliveryState: String, Codable, Sendable, CaseIterable {
  /// For its first attempt, or the next one.
  case queued
  /// An attempt is under way, or was when its process died: then it is due again when its lease is over.
  case sending
  /// The transport has taken it over. Says nothing about whether it arrived.
  case sent
  /// The recipient's side has taken it over.
  case delivered
  /// The transport gave it up after it had taken it over.
  case undelivered
  /// The recipient's side refused it for good.
  case bounced
  /// There was nobody to send it to, or it must not be sent; ``Delivery/reason`` says why.
  case suppressed
  /// Every attempt failed. Somebody has to look; it can be retried.
  case deadLettered = "dead_lettered"
}

public struct Delivery: Codable, Sendable, Hashable {
  public var id: UUID
  public var channel: Open<DeliveryChannel>
  public var state: Open<DeliveryState>
  /// Why it is in that state: `recipient_gone`, `no_address`, `no_device`, `erased`, `expired`, `opted_out`, `canceled`,
  /// `address_suppressed`, `retries_exhausted`, `template_missing`, `template_failed`, `rejected`.
  public var reason: String?
  /// What went wrong last, for an operator.
  public var error: String?
  /// How often it was tried.
  public var attempts: Int64
  /// When it is tried next.
  public var nextAttemptAt: Date?
  public var sentAt: Date?
  /// Oldest first. Empty in lists.
  public var history: [DeliveryStep]

  public init(
    id: UUID, channel: DeliveryChannel, state: DeliveryState, reason: String?, error: String?, attempts: Int64,
    nextAttemptAt: Date?, sentAt: Date?, history: [DeliveryStep]
  ) {
    self.id = id
    self.channel = .known(channel)
    self.state = .known(state)
    self.reason = reason
    self.error = error
    self.attempts = attempts
    self.nextAttemptAt = nextAttemptAt
    self.sentAt = sentAt
    self.history = history
  }

  enum CodingKeys: String, CodingKey {
    case id, channel, state, reason, error, attempts, history
    case nextAttemptAt = "next_attempt_at"
    case sentAt = "sent_at"
  }
}

/// Something that happened to a delivery.
public struct DeliveryStep: Codable, Sendable, Hashable {
  public var at: Date
  public var state: Open<DeliveryState>
  public var reason: String?
  public var detail: String?

  public init(at: Date, state: DeliveryState, reason: String? = nil, detail: String? = nil) {
    self.at = at
    self.state = .known(state)
    self.reason = reason
    self.detail = detail
  }
}

/// ``userID``, ``address`` or ``phone`` says whom. With a user and an address it goes to the address, in the language of the user, and is forgotten with
/// the user: what an address is told that is not, or not yet, the account's own.
public struct NewNotification: Codable, Sendable {
  /// A version 7 UUID of the caller's own; the same again is the same notification.
  public var id: UUID?
  /// 1 to 100 characters.
  public var template: String
  public var userID: UUID?
  /// An e-mail address of at most 254 bytes.
  public var address: String?
  /// E.164, such as `+4915112345678`: where text messages go, instead of the user's own number.
  public var phone: String?
  /// How the recipient is called; at most 200 characters. Only with an address or a phone.
  public var name: String?
  /// A language tag such as `pt-BR`; when there is no text in it the one in `pt` serves, then the template's default.
  public var locale: String?
  /// What the template declares; at most 32 KiB.
  public var data: JSONObject?
  /// What it is about, so that it can be found; 1 to 200 printable bytes.
  public var about: String?
  /// Not before then; at most 90 days ahead. What is past is at once.
  public var sendAt: Date?
  /// Not from then on, as when what it carries is good for some minutes only; then it is suppressed as `expired`.
  public var expiresAt: Date?
  /// 1 to 4, each once. Unless they are given it is those that the platform uses of itself, as far as the template has a
  /// text for them and the recipient can be reached by them.
  public var channels: [DeliveryChannel]?

  public init(
    id: UUID? = nil, template: String, userID: UUID? = nil, address: String? = nil, phone: String? = nil,
    name: String? = nil, locale: String? = nil, data: JSONObject? = nil, about: String? = nil, sendAt: Date? = nil,
    expiresAt: Date? = nil, channels: [DeliveryChannel]? = nil
  ) {
    self.phone = phone
    self.channels = channels
    self.expiresAt = expiresAt
    self.id = id
    self.template = template
    self.userID = userID
    self.address = address
    self.name = name
    self.locale = locale
    self.data = data
    self.about = about
    self.sendAt = sendAt
  }

  enum CodingKeys: String, CodingKey {
    case id, template, address, phone, name, locale, data, about, channels
    case userID = "user_id"
    case sendAt = "send_at"
    case expiresAt = "expires_at"
  }
}

public struct NotificationID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

/// Which dead letters are to be tried again; all when nothing is said.
public struct DeadLetterRetry: Codable, Sendable {
  /// Those that ended for it: `retries_exhausted`.
  public var reason: String?
  /// Those of notifications since then.
  public var since: Date?
  /// 1 to 1000; 1000 unless it is given.
  public var limit: Int?

  public init(reason: String? = nil, since: Date? = nil, limit: Int? = nil) {
    self.reason = reason
    self.since = since
    self.limit = limit
  }
}

public struct DeadLetterRetryResult: Codable, Sendable, Hashable {
  /// How many deliveries are queued again.
  public var retried: Int
  /// Whether there are more, so that the same makes sense again.
  public var hasMore: Bool

  public init(retried: Int, hasMore: Bool) {
    self.retried = retried
    self.hasMore = hasMore
  }

  enum CodingKeys: String, CodingKey {
    case retried
    case hasMore = "has_more"
  }
}

public struct NotificationQuery: Codable, Sendable {
  public var limit: Int?
  public var cursor: Cursor?
  /// Those of which a delivery is in that state.
  public var state: DeliveryState?
  public var userID: UUID?
  public var about: String?

  public init(
    limit: Int? = nil, cursor: Cursor? = nil, state: DeliveryState? = nil, userID: UUID? = nil, about: String? = nil
  ) {
    self.limit = limit
    self.cursor = cursor
    self.state = state
    self.userID = userID
    self.about = about
  }

  enum CodingKeys: String, CodingKey {
    case limit, cursor, state, about
    case userID = "user_id"
  }
}
