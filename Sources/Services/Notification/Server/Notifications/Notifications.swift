import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import NotificationAPI

/// What the interface does with notifications.
struct Notifications: Sendable {
  let core: NotificationCore
  let library: TemplateLibrary
  let intake: Intake
  let sending: DeliveryRun

  func create(_ request: NewNotification, once key: IdempotencyKey?) async throws -> Once<NotificationRecord> {
    let fields = try NewNotificationFields(checking: request, now: core.clock.now())
    let id = request.id ?? core.newID()
    return try await core.database.write(once: key) { [core, library, intake] transaction in
      let now = try core.now(transaction)
      let store = NotificationStore(transaction)
      if request.id != nil, let row = try store.find(id) {
        let deliveries = try DeliveryStore(transaction).list(of: [id])
        guard fields.describe(row, deliveries) else {
          throw Problem(409, "id_taken", "There is another notification with that id")
        }
        return Self.notification(row, deliveries)
      }
      let (_, channels) = try Self.plan(fields, library, intake, core.configuration, transaction)
      let row = fields.row(id, at: now)
      // Somebody else may have made it since: then serializability lets this transaction run again.
      guard try store.insert(row) else { throw DatabaseError(.serialization, "the id was taken in this moment") }
      return Self.notification(row, try intake.queue(row, by: channels, transaction, now))
    }
  }

  /// - Throws: `Problem` 422 when it cannot be asked for like that.
  private static func plan(
    _ fields: NewNotificationFields, _ library: TemplateLibrary, _ intake: Intake,
    _ configuration: NotificationConfiguration, _ transaction: any Transaction
  ) throws -> (CompiledTemplate, [DeliveryChannel]) {
    guard let template = try library.template(fields.template, in: transaction) else {
      throw Problem.invalid("template", "unknown", "nothing is published under that name")
    }
    let channels = try fields.channels(for: template, intake.available, configuration)
    try fields.rehearse(with: template, by: channels, configuration)
    return (template, channels)
  }

  /// Plans it as ``create(_:once:)`` does and decides about it as an attempt does, and does nothing.
  func explain(_ request: NewNotification) async throws -> NotificationExplanation {
    let fields = try NewNotificationFields(checking: request, now: core.clock.now())
    let id = request.id ?? core.newID()
    let (template, assignments) = try await core.read { [core, library, intake] transaction, now in
      let (template, channels) = try Self.plan(fields, library, intake, core.configuration, transaction)
      let row = fields.row(id, at: now)
      let deliveries = try intake.deliveries(of: row, by: channels, transaction, now)
      return (
        template, deliveries.map { Assignment(delivery: $0, notification: row, template: template) }
      )
    }
    let decisions = try await sending.decide(assignments, isTraced: true)
    return NotificationExplanation(
      template: template.name, templateVersion: template.version, category: template.category,
      isCritical: template.isCritical, deliveries: zip(assignments, decisions).map { $1.explained($0) })
  }

  func list(_ query: NotificationQuery) async throws -> Page<NotificationRecord> {
    let limit = try PageLimit.checked(query.limit)
    let before = try query.cursor.map { try $0.id }
    return try await core.read { transaction, _ in
      let rows = try NotificationStore(transaction).list(before: before, query, limit: limit + 1)
      let deliveries = Dictionary(
        grouping: try DeliveryStore(transaction).list(of: rows.map(\.id)), by: \.notificationID)
      return Page(fetched: rows.map { Self.notification($0, deliveries[$0.id] ?? []) }, limit: limit) {
        Cursor([$0.id.lowercased])
      }
    }
  }

  func find(_ id: UUID) async throws -> NotificationRecord {
    try await core.read { transaction, _ in try Self.withHistory(id, transaction) }
  }

  func retry(_ id: UUID) async throws -> NotificationRecord {
    try await core.write { [core] transaction, now in
      guard let row = try NotificationStore(transaction).find(id) else { throw Problem.notFound("notification") }
      let store = DeliveryStore(transaction)
      let queued = try store.requeue(of: id, at: now)
      guard !queued.isEmpty else {
        throw Problem(
          409, "invalid_state", "None of its deliveries is a dead letter",
          extensions: [
            "allowed": .array(DeliveryMove.sources(of: .queued).filter { $0 != .sending }.map { .string($0.rawValue) })
          ])
      }
      for delivery in queued {
        try store.insertStep(delivery, "asked for again", at: now)
        try core.events.record(delivery, template: row.template, in: transaction)
      }
      return try Self.withHistory(id, transaction)
    }
  }

  /// What is under way may have been handed over already, so it is not canceled.
  func cancel(_ id: UUID) async throws -> NotificationRecord {
    try await core.write { [core, library] transaction, now in
      guard let row = try NotificationStore(transaction).find(id) else { throw Problem.notFound("notification") }
      let store = DeliveryStore(transaction)
      let canceled = try store.cancel(of: id)
      guard !canceled.isEmpty else {
        throw Problem(
          409, "invalid_state", "None of its deliveries waits any more",
          extensions: ["allowed": .array([.string(DeliveryState.queued.rawValue)])])
      }
      for delivery in canceled {
        try store.insertStep(delivery, nil, at: now)
        try core.events.record(delivery, template: row.template, in: transaction)
      }
      if try library.template(row.template, in: transaction)?.hasSecrets != false {
        try NotificationStore(transaction).forgetData([id])
      }
      return try Self.withHistory(id, transaction)
    }
  }

  func retry(_ request: DeadLetterRetry) async throws -> DeadLetterRetryResult {
    let limit = request.limit ?? Self.greatestRetry
    guard (1...Self.greatestRetry).contains(limit) else {
      throw Problem.invalid("limit", "range", "must be 1 to \(Self.greatestRetry)")
    }
    return try await core.write { [core] transaction, now in
      let store = DeliveryStore(transaction)
      let found = try store.deadLetters(request, limit: limit + 1)
      let queued = try store.requeue(Array(found.prefix(limit)), at: now)
      let templates = Dictionary(
        uniqueKeysWithValues: try NotificationStore(transaction).list(queued.map(\.notificationID)).map {
          ($0.id, $0.template)
        })
      for delivery in queued {
        try store.insertStep(delivery, "asked for again", at: now)
        try core.events.record(delivery, template: templates[delivery.notificationID] ?? "", in: transaction)
      }
      return DeadLetterRetryResult(retried: queued.count, hasMore: found.count > limit)
    }
  }

  private static let greatestRetry = 1_000

  func outbox(_ query: OutboxQuery) async throws -> Page<OutboxMessage> {
    let limit = try PageLimit.checked(query.limit)
    let before = try query.cursor.map { try $0.id }
    return try await core.read { [core] transaction, _ in
      let messages = try MessageStore(transaction).list(
        before: before, query, limit: limit + 1, domain: core.configuration.domain)
      return Page(fetched: messages, limit: limit) { Cursor([$0.id.lowercased]) }
    }
  }

  func statistics(_ query: StatisticsQuery) async throws -> NotificationStatistics {
    try await core.read { transaction, now in
      let filter: SQL = query.since.map { "WHERE created_at >= \($0)" } ?? ""
      var counts: [DeliveryChannel: [DeliveryState: Int64]] = [:]
      for row in try transaction.rows(
        "SELECT channel, state, count(*) AS count FROM deliveries \(filter) GROUP BY channel, state")
      {
        guard let channel = DeliveryChannel(rawValue: try row.get("channel")),
          let state = DeliveryState(rawValue: try row.get("state"))
        else { continue }
        counts[channel, default: [:]][state] = try row.get("count")
      }
      let states = DeliveryChannel.allCases.flatMap { channel in
        DeliveryState.allCases.map { StateCount(channel: channel, state: $0, count: counts[channel]?[$0] ?? 0) }
      }
      let oldest = try DeliveryStore(transaction).nextDue()
      return NotificationStatistics(
        states: states, total: states.reduce(0) { $0 + $1.count },
        oldestDueAt: oldest.flatMap { $0 <= now ? $0 : nil })
    }
  }

  // MARK: -

  private static func withHistory(_ id: UUID, _ transaction: any Transaction) throws -> NotificationRecord {
    guard let row = try NotificationStore(transaction).find(id) else { throw Problem.notFound("notification") }
    let store = DeliveryStore(transaction)
    let deliveries = try store.list(of: [id]).map { delivery in
      var history = try store.steps(of: delivery.id)
      history.insert(DeliveryStep(at: delivery.createdAt, state: .queued), at: 0)
      if let sentAt = delivery.sentAt, !history.contains(where: { $0.state == .known(.sent) }) {
        let place = history.firstIndex { $0.at > sentAt } ?? history.endIndex
        history.insert(DeliveryStep(at: sentAt, state: .sent), at: place)
      }
      return delivery.delivery(history)
    }
    return notification(row, deliveries)
  }

  private static func notification(_ row: NotificationRow, _ deliveries: [DeliveryRow]) -> NotificationRecord {
    notification(row, deliveries.map { $0.delivery() })
  }

  private static func notification(_ row: NotificationRow, _ deliveries: [Delivery]) -> NotificationRecord {
    NotificationRecord(
      id: row.id, template: row.template, userID: row.userID, about: row.about, locale: row.locale,
      deliveries: deliveries, sendAt: row.sendAt,
      createdAt: row.createdAt)
  }
}
