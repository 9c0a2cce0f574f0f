import Foundation
import GravityContracts
import GravityData
import GravityTelemetry
import NotificationAPI
import ServiceContextModule

/// Writes down that somebody is to be told something, in the transaction that knows it: from its commit on it is not
/// lost.
struct Intake: Sendable {
  let core: NotificationCore

  /// What an event leads to. Told again, in whatever way, it leads to nothing more.
  /// - Parameter onceKey: Made of the event's subject, the template and the recipient; of the event's id where the
  ///   same may happen to one subject again.
  func take(
    _ template: String, _ source: NotificationSource, for user: UUID, about: UUID, onceKey: String,
    in transaction: any Transaction
  ) throws {
    let now = try core.now(transaction)
    let row = NotificationRow(
      id: core.newID(), template: template, source: source, userID: user, about: about.lowercased,
      onceKey: "\(template)/\(onceKey)/\(user.lowercased)", traceparent: Self.traceparent, createdAt: now)
    guard try NotificationStore(transaction).insert(row) else { return }
    _ = try queue(row, transaction, now)
  }

  /// Tells whoever made a webhook that it is told nothing any more.
  func tellOfDisabled(_ webhook: WebhookRow, _ transaction: any Transaction, _ now: Date) throws {
    // A service that made it reads no mail.
    guard let user = UUID(uuidString: webhook.createdBy) else { return }
    let data = JSONObject([
      "webhook": .object(["url": .string(webhook.url), "is_gone": .bool(webhook.reason == "gone")])
    ])
    let row = NotificationRow(
      id: core.newID(), template: BuiltInTemplates.webhookDisabled, source: .request, userID: user,
      data: String(decoding: try JSONEncoder().encode(data), as: UTF8.self), about: webhook.id.lowercased,
      onceKey: "\(BuiltInTemplates.webhookDisabled)/\(webhook.id.lowercased)/\(webhook.version)",
      traceparent: Self.traceparent, createdAt: now)
    guard try NotificationStore(transaction).insert(row) else { return }
    _ = try queue(row, transaction, now)
  }

  /// One delivery for each channel. Which those are is for preferences to say, once there are channels to choose from.
  func queue(_ row: NotificationRow, _ transaction: any Transaction, _ now: Date) throws -> [DeliveryRow] {
    var delivery = DeliveryRow(id: core.newID(), of: row.id, .email, at: now)
    if let time = row.sendAt, time > now { delivery.dueAt = time }
    if let user = row.userID, try NotificationStore(transaction).isErased(user) {
      (delivery.state, delivery.reason, delivery.dueAt) = (.suppressed, "erased", nil)
    }
    try DeliveryStore(transaction).insert(delivery)
    try core.events.record(delivery, template: row.template, in: transaction)
    return [delivery]
  }

  static var traceparent: String? { ServiceContext.current?.trace?.traceparent }
}
