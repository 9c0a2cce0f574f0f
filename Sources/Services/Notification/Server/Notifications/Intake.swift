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
  let library: TemplateLibrary
  /// Those that there is something to send by.
  let available: Set<DeliveryChannel>

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
    _ = try queue(row, by: try channels(of: row, transaction), transaction, now)
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
    _ = try queue(row, by: try channels(of: row, transaction), transaction, now)
  }

  /// Those of the platform that the template has a text for.
  private func channels(of row: NotificationRow, _ transaction: any Transaction) throws -> [DeliveryChannel] {
    let wanted = core.configuration.channels
    // The one that every template has a text for, which spares a question.
    guard wanted != [.email] else { return wanted }
    let template = try library.template(row.template, in: transaction)
    return Self.fit(wanted, template, available)
  }

  /// What is not published any more is looked for when the mail is written, where it shows.
  static func fit(
    _ wanted: [DeliveryChannel], _ template: CompiledTemplate?, _ available: Set<DeliveryChannel>
  ) -> [DeliveryChannel] {
    let fit = wanted.filter { available.contains($0) && template?.channels.contains($0) == true }
    return fit.isEmpty ? [.email] : fit
  }

  /// Writes down one delivery for each channel.
  func queue(
    _ row: NotificationRow, by channels: [DeliveryChannel], _ transaction: any Transaction, _ now: Date
  ) throws -> [DeliveryRow] {
    let deliveries = try deliveries(of: row, by: channels, transaction, now)
    for delivery in deliveries {
      try DeliveryStore(transaction).insert(delivery)
      try core.events.record(delivery, template: row.template, in: transaction)
    }
    return deliveries
  }

  /// As they would be written down.
  func deliveries(
    of row: NotificationRow, by channels: [DeliveryChannel], _ transaction: any Transaction, _ now: Date
  ) throws -> [DeliveryRow] {
    let isErased = try row.userID.map { try NotificationStore(transaction).isErased($0) } ?? false
    return channels.map { channel in
      var delivery = DeliveryRow(id: core.newID(), of: row.id, channel, at: now)
      if let time = row.sendAt, time > now { delivery.dueAt = time }
      if isErased { (delivery.state, delivery.reason, delivery.dueAt) = (.suppressed, "erased", nil) }
      return delivery
    }
  }

  static var traceparent: String? { ServiceContext.current?.trace?.traceparent }
}
