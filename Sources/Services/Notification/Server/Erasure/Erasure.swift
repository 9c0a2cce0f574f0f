import Foundation
import GravityContracts
import GravityData
import GravityTasks
import NotificationAPI

/// Forgetting a user: addresses, names, data and messages go, in the database at once and where transports keep
/// copies soon after. Ids and states stay.
struct Erasure: Sendable {
  let core: NotificationCore
  /// Says which of the data only recipients may read.
  let library: TemplateLibrary

  /// Ids of one task.
  static let batch = 500
  /// Deletes what transports keep of these deliveries.
  static let task = TaskType<ErasedDeliveries>("notifications.erase_copies", maximumAttempts: 100)

  /// May be called again, and before anything was heard of the user.
  func erase(_ user: UUID, in transaction: any Transaction) throws {
    let now = try core.now(transaction)
    let (notifications, deliveries) = (NotificationStore(transaction), DeliveryStore(transaction))
    try notifications.noteErased(user, at: now)
    try SuppressionStore(transaction).delete(of: user)
    try OptOutStore(transaction).delete(of: user)
    try DeviceStore(transaction).delete(of: user)
    try InboxStore(transaction).delete(of: user)
    let ids = try deliveries.ids(of: user)
    guard !ids.isEmpty else { return }
    let templates = Dictionary(
      uniqueKeysWithValues: try transaction.rows(
        "SELECT id, template FROM notifications WHERE user_id = \(user)"
      ).map { (try $0.get("id", as: UUID.self), try $0.get("template", as: String.self)) })
    for row in try deliveries.erase(of: user) {
      try deliveries.insertStep(row, nil, at: now)
      try core.events.record(row, template: templates[row.notificationID] ?? "", in: transaction)
    }
    try notifications.blank(of: user)
    for start in stride(from: 0, to: ids.count, by: Self.batch) {
      let some = ErasedDeliveries(ids: Array(ids[start..<min(start + Self.batch, ids.count)]))
      try MessageStore(transaction).delete(some.ids)
      try core.tasks.enqueue(Self.task, some, in: transaction)
      try core.tasks.enqueue(Self.task, some, in: transaction, after: greatestAttempt)
    }
  }

  /// For so long an attempt that is under way may still write its copy.
  var greatestAttempt: Duration { .seconds(DeliveryRun.greatestGo + core.configuration.lease) }
}

struct ErasedDeliveries: Codable, Sendable { var ids: [UUID] }
