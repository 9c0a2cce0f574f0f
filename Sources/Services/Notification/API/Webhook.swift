public import Foundation
public import GravityContracts

/// Somebody's address that is told what happens, signed as Standard Webhooks has it.
public struct Webhook: Codable, Sendable, Hashable, EntityTagged {
  public var id: UUID
  public var url: String
  /// Patterns of event types: `order.*`, `payment.captured.v1`, `*`.
  public var events: [String]
  public var description: String?
  public var state: Open<WebhookState>
  /// Why it is disabled: `by_request`, `gone` (it answered 410), `failing` (nothing arrived for days).
  public var reason: String?
  /// Since when nothing arrived; nil when the last attempt did.
  public var failingSince: Date?
  /// Until when messages are signed with the former secret, too; nil when there is one only.
  public var formerSecretUntil: Date?
  /// `whsec_…`: only in the reply that made it.
  public var secret: String?
  /// Counts up with every change.
  public var version: Int64
  public var createdAt: Date
  public var updatedAt: Date

  public init(
    id: UUID, url: String, events: [String], description: String?, state: WebhookState, reason: String?,
    failingSince: Date?, formerSecretUntil: Date?, secret: String?, version: Int64, createdAt: Date, updatedAt: Date
  ) {
    self.id = id
    self.url = url
    self.events = events
    self.description = description
    self.state = .known(state)
    self.reason = reason
    self.failingSince = failingSince
    self.formerSecretUntil = formerSecretUntil
    self.secret = secret
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case id, url, events, description, state, reason, secret, version
    case failingSince = "failing_since"
    case formerSecretUntil = "former_secret_until"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }
}

public enum WebhookState: String, Codable, Sendable, CaseIterable {
  case enabled
  /// Nothing is sent, and what happens meanwhile is not kept for it.
  case disabled
}

public struct NewWebhook: Codable, Sendable {
  /// `https:`, at most 2000 bytes, without user, password and fragment; of an address that everybody can reach.
  public var url: String
  /// 1 to 50 patterns: a type, `family.*`, or `*`.
  public var events: [String]
  /// At most 500 characters.
  public var description: String?

  public init(url: String, events: [String], description: String? = nil) {
    self.url = url
    self.events = events
    self.description = description
  }
}

public struct WebhookID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

/// What is left out stays as it is.
public struct WebhookChange: Codable, Sendable {
  public var id: UUID
  public var url: String?
  public var events: [String]?
  public var description: Patch<String>
  /// Enabling forgets for how long it failed.
  public var state: WebhookState?

  public init(
    id: UUID, url: String? = nil, events: [String]? = nil, description: Patch<String> = .absent,
    state: WebhookState? = nil
  ) {
    self.id = id
    self.url = url
    self.events = events
    self.description = description
    self.state = state
  }
}

public struct WebhookRotation: Codable, Sendable {
  public var id: UUID
  /// For how long messages are signed with both: 0 to 604800 seconds, a day unless it is given.
  public var overlapSeconds: Int?

  public init(id: UUID, overlapSeconds: Int? = nil) {
    self.id = id
    self.overlapSeconds = overlapSeconds
  }

  enum CodingKeys: String, CodingKey {
    case id
    case overlapSeconds = "overlap_seconds"
  }
}

/// One event on its way to one webhook.
public struct WebhookDelivery: Codable, Sendable, Hashable {
  /// The `webhook-id` of every attempt, by which a receiver knows what it has.
  public var id: UUID
  public var webhookID: UUID
  public var eventID: UUID
  public var eventType: String
  public var state: Open<WebhookDeliveryState>
  /// Why nobody tries it any more: `retries_exhausted`, `gone`, `webhook_disabled`.
  public var reason: String?
  public var attempts: Int64
  public var nextAttemptAt: Date?
  /// Of the last attempt; nil when there was no answer.
  public var responseStatus: Int64?
  /// What is sent; nil in lists.
  public var body: String?
  /// Oldest first, the last 100; empty in lists.
  public var log: [WebhookAttempt]
  public var createdAt: Date
  public var deliveredAt: Date?

  public init(
    id: UUID, webhookID: UUID, eventID: UUID, eventType: String, state: WebhookDeliveryState, reason: String?,
    attempts: Int64, nextAttemptAt: Date?, responseStatus: Int64?, body: String?, log: [WebhookAttempt],
    createdAt: Date, deliveredAt: Date?
  ) {
    self.id = id
    self.webhookID = webhookID
    self.eventID = eventID
    self.eventType = eventType
    self.state = .known(state)
    self.reason = reason
    self.attempts = attempts
    self.nextAttemptAt = nextAttemptAt
    self.responseStatus = responseStatus
    self.body = body
    self.log = log
    self.createdAt = createdAt
    self.deliveredAt = deliveredAt
  }

  enum CodingKeys: String, CodingKey {
    case id, state, reason, attempts, body, log
    case webhookID = "webhook_id"
    case eventID = "event_id"
    case eventType = "event_type"
    case nextAttemptAt = "next_attempt_at"
    case responseStatus = "response_status"
    case createdAt = "created_at"
    case deliveredAt = "delivered_at"
  }
}

public enum WebhookDeliveryState: String, Codable, Sendable, CaseIterable {
  case queued
  case sending
  /// Answered with 2xx.
  case delivered
  /// Nobody tries it any more until it is replayed.
  case deadLettered = "dead_lettered"
}

public struct WebhookAttempt: Codable, Sendable, Hashable {
  public var at: Date
  /// nil when there was no answer.
  public var responseStatus: Int64?
  public var error: String?
  public var milliseconds: Int64

  public init(at: Date, responseStatus: Int64?, error: String?, milliseconds: Int64) {
    self.at = at
    self.responseStatus = responseStatus
    self.error = error
    self.milliseconds = milliseconds
  }

  enum CodingKeys: String, CodingKey {
    case at, error, milliseconds
    case responseStatus = "response_status"
  }
}

public struct WebhookDeliveryQuery: Codable, Sendable {
  public var id: UUID
  public var limit: Int?
  public var cursor: Cursor?
  public var state: WebhookDeliveryState?

  public init(id: UUID, limit: Int? = nil, cursor: Cursor? = nil, state: WebhookDeliveryState? = nil) {
    self.id = id
    self.limit = limit
    self.cursor = cursor
    self.state = state
  }
}

public struct WebhookDeliveryID: Codable, Sendable {
  public var id: UUID
  public var deliveryID: UUID

  public init(id: UUID, deliveryID: UUID) {
    self.id = id
    self.deliveryID = deliveryID
  }

  enum CodingKeys: String, CodingKey {
    case id
    case deliveryID = "delivery_id"
  }
}
