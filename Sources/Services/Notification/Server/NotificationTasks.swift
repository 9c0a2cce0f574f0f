import Foundation
import GravityContracts
import GravityData
import GravityTasks
import Logging
import Metrics
import ServiceLifecycle

/// What the service does by itself: send what is due, delete what transports keep of those who are forgotten, and
/// what is older than it may be.
struct NotificationTasks: Service {
  let core: NotificationCore
  let sending: DeliveryWorker
  let webhooks: WebhookWorker
  let worker: TaskWorker
  let inboxes: InboxHub

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      // Each drains by itself when the service is asked to stop.
      group.addTask { try await sending.run() }
      group.addTask { try await webhooks.run() }
      group.addTask { try await worker.run() }
      group.addTask { try await inboxes.run() }
      try await group.waitForAll()
    }
  }

  /// Has nothing to say: what is old is found out when it runs.
  static let expire = TaskType<Empty>("notifications.expire", timeout: .seconds(600))
  private static let batch = 500

  static func worker(
    _ core: NotificationCore, _ erasure: Erasure, _ channels: [any Channel], _ directory: any RecipientDirectory,
    metrics: any MetricsFactory
  ) throws -> TaskWorker {
    let worker = TaskWorker(database: core.database, name: "notification", logger: core.logger, metrics: metrics)
    worker.handle(Erasure.task, concurrency: 2) { erased, _ in
      for channel in channels { try await channel.erase(erased.ids) }
    }
    worker.handle(Unsubscriptions.task, concurrency: 2) { optOut, _ in
      try await Unsubscriptions.handOver(optOut, core, directory)
    }
    worker.handle(Erasure.receipt, concurrency: 2) { try await erasure.acknowledge($0, channels, $1) }
    worker.handle(expire, concurrency: 1) { _, _ in try await deleteExpired(core, channels) }
    try worker.schedule("notifications.expire", cron: "17 * * * *", expire, Empty(), missed: .once)
    return worker
  }

  /// Copies first: a message that is still in the table is found again.
  static func deleteExpired(_ core: NotificationCore, _ channels: [any Channel]) async throws {
    while true {
      try Task.checkCancellation()
      let old = try await core.read { transaction, now in
        try MessageStore(transaction).writtenBefore(now - core.configuration.contentRetention, limit: batch)
      }
      guard !old.isEmpty else { break }
      for channel in channels { try await channel.erase(old) }
      try await core.database.write { try MessageStore($0).delete(old) }
    }
    while try await core.write({ transaction, now in
      try NotificationStore(transaction).forgetExpired(at: now, limit: batch)
    }) >= batch { try Task.checkCancellation() }
    while try await core.write({ transaction, now in try blankOld(core, transaction, now) }) >= batch {
      try Task.checkCancellation()
    }
    while try await core.write({ transaction, now in
      try InboxStore(transaction).deleteExpired(at: now, limit: batch)
    }) >= batch { try Task.checkCancellation() }
    let kept = core.configuration.webhookRetention
    while try await core.write({ transaction, now in
      try WebhookDeliveryStore(transaction).delete(createdBefore: now - kept, limit: batch)
    }) >= batch { try Task.checkCancellation() }
    while try await core.database.expireIdempotencyKeys(limit: batch) >= batch { try Task.checkCancellation() }
  }

  /// Whatever became of them. A dead letter ends with that: without its address it could go to somebody else.
  private static func blankOld(_ core: NotificationCore, _ transaction: any Transaction, _ now: Date) throws -> Int {
    let (store, deliveries) = (NotificationStore(transaction), DeliveryStore(transaction))
    let old = try store.keptSince(before: now - core.configuration.contentRetention, limit: batch)
    let templates = Dictionary(uniqueKeysWithValues: old.map { ($0.id, $0.template) })
    for row in try deliveries.giveUp(of: old.map(\.id)) {
      try deliveries.insertStep(row, nil, at: now)
      try core.events.record(row, template: templates[row.notificationID] ?? "", in: transaction)
    }
    try store.blank(old.map(\.id))
    return old.count
  }
}
