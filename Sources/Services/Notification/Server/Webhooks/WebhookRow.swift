import Foundation
import GravityContracts
import GravityData
import NotificationAPI

struct WebhookRow: SQLRecord, Hashable {
  var id: UUID
  var url: String
  var events: [String]
  var description: String?
  var state: WebhookState
  var reason: String?
  var failingSince: Date?
  /// Sealed.
  var secret: [UInt8]
  /// Sealed; nil when there is none.
  var formerSecret: [UInt8]?
  var formerUntil: Date?
  /// Who is told when it is disabled: the subject of a token.
  var createdBy: String
  var version: Int64
  var createdAt: Date
  var updatedAt: Date

  static let columns: SQL = """
    webhooks.id, webhooks.url, webhooks.events, webhooks.description, webhooks.state, webhooks.reason,
    webhooks.failing_since, webhooks.secret, webhooks.former_secret, webhooks.former_until, webhooks.created_by,
    webhooks.version, webhooks.created_at, webhooks.updated_at
    """

  init(
    id: UUID, url: String, events: [String], description: String?, secret: [UInt8], createdBy: String, at time: Date
  ) {
    self.id = id
    self.url = url
    self.events = events
    self.description = description
    state = .enabled
    self.secret = secret
    self.createdBy = createdBy
    version = 1
    createdAt = time
    updatedAt = time
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    url = try row.get("url")
    // No pattern has a blank.
    events = try row.get("events", as: String.self).split(separator: " ").map(String.init)
    description = try row.get("description")
    state = WebhookState(rawValue: try row.get("state")) ?? .disabled
    reason = try row.get("reason")
    failingSince = try row.get("failing_since")
    secret = try row.get("secret")
    formerSecret = try row.get("former_secret")
    formerUntil = try row.get("former_until")
    createdBy = try row.get("created_by")
    version = try row.get("version")
    createdAt = try row.get("created_at")
    updatedAt = try row.get("updated_at")
  }

  /// - Parameter secret: Only for the reply that made it.
  func webhook(at now: Date, secret: String? = nil) -> Webhook {
    Webhook(
      id: id, url: url, events: events, description: description, state: state, reason: reason,
      failingSince: failingSince, formerSecretUntil: formerUntil.flatMap { $0 > now ? $0 : nil }, secret: secret,
      version: version, createdAt: createdAt, updatedAt: updatedAt)
  }
}

struct WebhookDeliveryRow: SQLRecord, Hashable {
  var id: UUID
  var webhookID: UUID
  var eventID: UUID
  var eventType: String
  var body: String
  var state: WebhookDeliveryState
  var reason: String?
  /// Counts up with every claim: the fencing token.
  var attempt: Int64
  /// Since it was queued.
  var failures: Int64
  var dueAt: Date?
  var responseStatus: Int64?
  var createdAt: Date
  var deliveredAt: Date?

  static let columns: SQL = """
    webhook_deliveries.id, webhook_deliveries.webhook_id, webhook_deliveries.event_id, webhook_deliveries.event_type,
    webhook_deliveries.body, webhook_deliveries.state, webhook_deliveries.reason, webhook_deliveries.attempt,
    webhook_deliveries.failures, webhook_deliveries.due_at, webhook_deliveries.response_status,
    webhook_deliveries.created_at, webhook_deliveries.delivered_at
    """

  init(id: UUID, of webhook: UUID, event: UUID, type: String, body: String, at time: Date) {
    self.id = id
    webhookID = webhook
    eventID = event
    eventType = type
    self.body = body
    state = .queued
    attempt = 0
    failures = 0
    dueAt = time
    createdAt = time
  }

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    webhookID = try row.get("webhook_id")
    eventID = try row.get("event_id")
    eventType = try row.get("event_type")
    body = try row.get("body")
    state = WebhookDeliveryState(rawValue: try row.get("state")) ?? .deadLettered
    reason = try row.get("reason")
    attempt = try row.get("attempt")
    failures = try row.get("failures")
    dueAt = try row.get("due_at")
    responseStatus = try row.get("response_status")
    createdAt = try row.get("created_at")
    deliveredAt = try row.get("delivered_at")
  }

  /// - Parameter log: nil in lists, where the body is left out, too.
  func delivery(_ log: [WebhookAttempt]? = nil) -> WebhookDelivery {
    WebhookDelivery(
      id: id, webhookID: webhookID, eventID: eventID, eventType: eventType, state: state, reason: reason,
      attempts: attempt, nextAttemptAt: state == .queued ? dueAt : nil, responseStatus: responseStatus,
      body: log == nil ? nil : body, log: log ?? [], createdAt: createdAt, deliveredAt: deliveredAt)
  }
}
