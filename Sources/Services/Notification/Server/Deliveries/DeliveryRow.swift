import Foundation
import GravityContracts
import GravityData
import NotificationAPI

/// Where a notification's data come from.
enum NotificationSource: String, Sendable, SQLDecodable {
  /// From whoever asked for it.
  case request
  /// From the order that it is about.
  case order
  /// There are none but the recipient.
  case account
}

struct NotificationRow: SQLRecord, Hashable {
  var id: UUID
  var template: String
  var source: NotificationSource
  var userID: UUID?
  var address: String?
  var phone: String?
  var name: String?
  var locale: String?
  /// JSON.
  var data: String?
  var about: String?
  /// What makes it one, however often it is asked for.
  var onceKey: String?
  var traceparent: String?
  /// nil for at once.
  var sendAt: Date?
  /// When it makes no sense any more.
  var expiresAt: Date?
  var createdAt: Date

  init(
    id: UUID, template: String, source: NotificationSource, userID: UUID?, address: String? = nil,
    phone: String? = nil, name: String? = nil, locale: String? = nil, data: String? = nil, about: String?,
    onceKey: String?, traceparent: String?, sendAt: Date? = nil, expiresAt: Date? = nil, createdAt: Date
  ) {
    self.phone = phone
    self.id = id
    self.template = template
    self.source = source
    self.userID = userID
    self.address = address
    self.name = name
    self.locale = locale
    self.data = data
    self.about = about
    self.onceKey = onceKey
    self.traceparent = traceparent
    self.sendAt = sendAt
    self.expiresAt = expiresAt
    self.createdAt = createdAt
  }

  static let columns: SQL = """
    notifications.id, notifications.template, notifications.source, notifications.user_id, notifications.address,
    notifications.name, notifications.locale, notifications.data, notifications.about, notifications.once_key,
    notifications.traceparent, notifications.send_at, notifications.expires_at, notifications.created_at,
    notifications.phone
    """

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    template = try row.get("template")
    source = try row.get("source")
    userID = try row.get("user_id")
    address = try row.get("address")
    phone = try row.get("phone")
    name = try row.get("name")
    locale = try row.get("locale")
    data = try row.get("data")
    about = try row.get("about")
    onceKey = try row.get("once_key")
    traceparent = try row.get("traceparent")
    sendAt = try row.get("send_at")
    expiresAt = try row.get("expires_at")
    createdAt = try row.get("created_at")
  }
}

struct DeliveryRow: SQLRecord, Hashable {
  var id: UUID
  var notificationID: UUID
  var channel: DeliveryChannel
  var state: DeliveryState
  var reason: String?
  var error: String?
  /// Counts up with every claim: the fencing token.
  var attempt: Int64
  /// Since it was queued.
  var failures: Int64
  /// When it is tried next or, while it is sent, when its attempt is given up. nil where nothing is to be done.
  var dueAt: Date?
  var sentAt: Date?
  /// How many steps are written down.
  var steps: Int64
  var createdAt: Date

  init(id: UUID, of notification: UUID, _ channel: DeliveryChannel, at time: Date) {
    self.id = id
    notificationID = notification
    self.channel = channel
    state = .queued
    attempt = 0
    failures = 0
    dueAt = time
    steps = 0
    createdAt = time
  }

  static let columns: SQL = """
    deliveries.id, deliveries.notification_id, deliveries.channel, deliveries.state, deliveries.reason,
    deliveries.error, deliveries.attempt, deliveries.failures, deliveries.due_at, deliveries.sent_at,
    deliveries.steps, deliveries.created_at
    """

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    notificationID = try row.get("notification_id")
    channel = try Self.known(row.get("channel"), DeliveryChannel.init)
    state = try Self.known(row.get("state"), DeliveryState.init)
    reason = try row.get("reason")
    error = try row.get("error")
    attempt = try row.get("attempt")
    failures = try row.get("failures")
    dueAt = try row.get("due_at")
    sentAt = try row.get("sent_at")
    steps = try row.get("steps")
    createdAt = try row.get("created_at")
  }

  private static func known<Value>(_ text: String, _ make: (String) -> Value?) throws -> Value {
    guard let value = make(text) else { throw SQLMismatch(.text(text), wanted: "\(Value.self)") }
    return value
  }

  func delivery(_ history: [DeliveryStep] = []) -> Delivery {
    Delivery(
      id: id, channel: channel, state: state, reason: reason, error: error, attempts: attempt,
      nextAttemptAt: state == .queued ? dueAt : nil, sentAt: sentAt, history: history)
  }
}

/// What was written, as it was handed to the transport.
struct MessageRow: Sendable, Hashable {
  var deliveryID: UUID
  var recipient: String
  var content: RenderedMessage
  var templateVersion: Int64
}
