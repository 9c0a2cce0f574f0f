import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import NotificationAPI

/// What the interface does with webhooks.
struct Webhooks: Sendable {
  let core: NotificationCore
  let envelope: Envelope
  let fields: WebhookFields
  let intake: WebhookIntake

  static let greatestCount = 200
  private static let standardOverlap = 86_400
  private static let greatestOverlap = 604_800

  func create(_ request: NewWebhook, by principal: Principal) async throws -> Webhook {
    try check(url: request.url, events: request.events, request.description)
    let id = core.newID()
    let secret = WebhookSignature.newSecret()
    let sealed = try seal(secret, id)
    return try await core.write { transaction, now in
      try transaction.lock("webhooks")
      let store = WebhookStore(transaction)
      guard try store.count() < Self.greatestCount else {
        throw Problem(409, "too_many_webhooks", "There are \(Self.greatestCount) webhooks already")
      }
      let events = Self.unique(request.events)
      guard try !store.isThere(url: request.url, events: events) else { throw Self.exists }
      let row = WebhookRow(
        id: id, url: request.url, events: events, description: request.description, secret: sealed,
        createdBy: principal.subject, at: now)
      try store.insert(row)
      return row.webhook(at: now, secret: secret)
    }
  }

  func list(_ query: PageRequest) async throws -> Page<Webhook> {
    let limit = try PageLimit.checked(query.limit)
    let before = try query.cursor.map { try $0.id }
    return try await core.read { transaction, now in
      let rows = try WebhookStore(transaction).list(before: before, limit: limit + 1)
      return Page(fetched: rows.map { $0.webhook(at: now) }, limit: limit) { Cursor([$0.id.lowercased]) }
    }
  }

  func find(_ id: UUID) async throws -> Webhook {
    try await core.read { transaction, now in try Self.existing(id, transaction).webhook(at: now) }
  }

  /// - Parameter require: Checks `If-Match`.
  func update(
    _ change: WebhookChange, _ require: @escaping @Sendable (EntityTag) throws -> Void
  ) async throws -> Webhook {
    var description: String?
    if case .value(let text) = change.description { description = text }
    try check(url: change.url, events: change.events, description)
    return try await core.write { transaction, now in
      try transaction.lock("webhooks")
      let store = WebhookStore(transaction)
      var row = try Self.existing(change.id, transaction)
      try require(EntityTag(version: row.version))
      if let url = change.url { row.url = url }
      if let events = change.events { row.events = Self.unique(events) }
      row.description = change.description.applied(to: row.description)
      if let state = change.state, state != row.state {
        (row.state, row.failingSince) = (state, nil)
        row.reason = state == .disabled ? "by_request" : nil
      }
      if row.state == .enabled, try store.isThere(url: row.url, events: row.events, besides: row.id) {
        throw Self.exists
      }
      row.version += 1
      row.updatedAt = now
      try store.save(row)
      return row.webhook(at: now)
    }
  }

  func delete(_ id: UUID) async throws {
    try await core.write { transaction, _ in
      guard try WebhookStore(transaction).delete(id) else { throw Problem.notFound("webhook") }
      try WebhookDeliveryStore(transaction).delete(of: id)
    }
  }

  func rotate(_ request: WebhookRotation) async throws -> Webhook {
    let overlap = request.overlapSeconds ?? Self.standardOverlap
    guard (0...Self.greatestOverlap).contains(overlap) else {
      throw Problem.invalid("overlap_seconds", "range", "must be 0 to \(Self.greatestOverlap)")
    }
    let secret = WebhookSignature.newSecret()
    let sealed = try seal(secret, request.id)
    return try await core.write { transaction, now in
      var row = try Self.existing(request.id, transaction)
      (row.formerSecret, row.formerUntil) = overlap == 0 ? (nil, nil) : (row.secret, now + TimeInterval(overlap))
      row.secret = sealed
      row.version += 1
      row.updatedAt = now
      try WebhookStore(transaction).save(row)
      return row.webhook(at: now, secret: secret)
    }
  }

  // MARK: Deliveries

  func test(_ id: UUID) async throws -> WebhookDelivery {
    try await core.write { [intake, core] transaction, now in
      try Self.requireEnabled(try Self.existing(id, transaction))
      let event = WebhookEvent(
        id: core.newID(), type: "webhook.test.v1", time: now, data: ["webhook_id": .string(id.lowercased)])
      return try intake.queue(event, for: [id], transaction, now)[0].delivery([])
    }
  }

  func deliveries(_ query: WebhookDeliveryQuery) async throws -> Page<WebhookDelivery> {
    let limit = try PageLimit.checked(query.limit)
    let before = try query.cursor.map { try $0.id }
    return try await core.read { transaction, _ in
      _ = try Self.existing(query.id, transaction)
      let rows = try WebhookDeliveryStore(transaction).list(before: before, query, limit: limit + 1)
      return Page(fetched: rows.map { $0.delivery() }, limit: limit) { Cursor([$0.id.lowercased]) }
    }
  }

  func delivery(_ request: WebhookDeliveryID) async throws -> WebhookDelivery {
    try await core.read { transaction, _ in try Self.delivery(request, transaction) }
  }

  func replay(_ request: WebhookDeliveryID) async throws -> WebhookDelivery {
    try await core.write { transaction, now in
      _ = try Self.delivery(request, transaction)
      try Self.requireEnabled(try Self.existing(request.id, transaction))
      guard try WebhookDeliveryStore(transaction).requeue(request.deliveryID, at: now) else {
        throw Problem(
          409, "invalid_state", "It is on its way already",
          extensions: ["allowed": .array([.string("delivered"), .string("dead_lettered")])])
      }
      return try Self.delivery(request, transaction)
    }
  }

  // MARK: -

  private static func delivery(_ request: WebhookDeliveryID, _ transaction: any Transaction) throws -> WebhookDelivery {
    let store = WebhookDeliveryStore(transaction)
    guard let row = try store.find(request.deliveryID, of: request.id) else {
      throw Problem.notFound("delivery of this webhook")
    }
    return row.delivery(try store.attempts(of: row.id))
  }

  private static func existing(_ id: UUID, _ transaction: any Transaction) throws -> WebhookRow {
    guard let row = try WebhookStore(transaction).find(id) else { throw Problem.notFound("webhook") }
    return row
  }

  private static func requireEnabled(_ row: WebhookRow) throws {
    guard row.state == .enabled else {
      throw Problem(409, "webhook_disabled", "The webhook is disabled; enable it first")
    }
  }

  private func check(url: String?, events: [String]?, _ description: String?) throws {
    let errors = fields.errors(url: url, events: events, description: description)
    guard errors.isEmpty else { throw Problem.invalid(errors) }
  }

  private func seal(_ secret: String, _ id: UUID) throws -> [UInt8] {
    try envelope.seal(Array(secret.utf8), context: WebhookRun.context(id))
  }

  private static func unique(_ events: [String]) -> [String] { Set(events).sorted() }

  private static var exists: Problem {
    Problem(409, "webhook_exists", "There is an enabled webhook with that URL and those events")
  }
}
