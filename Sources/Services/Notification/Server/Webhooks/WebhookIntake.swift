import Foundation
import GravityContracts
import GravityData
import GravityEvents
import NotificationAPI

/// An event as webhooks are told of it.
struct WebhookEvent: Sendable {
  var id: UUID
  var type: String
  var time: Date
  var data: JSONObject

  /// As Standard Webhooks has it: `type`, `timestamp`, `data`. The same for the same event.
  var body: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let object = JSONObject([
        "type": .string(type), "timestamp": .string(WireTime.string(time)), "data": .object(data.members),
      ])
      return String(decoding: try encoder.encode(object), as: UTF8.self)
    }
  }
}

/// Puts events on their way to the webhooks that want them, in the transaction that notes them as handled.
struct WebhookIntake: Sendable {
  let core: NotificationCore
  let offered: [any EventDescription]

  /// For each family the handlers of one consumer.
  var handlers: [(family: String, handlers: [EventHandler])] {
    Dictionary(grouping: offered, by: \.family).sorted { $0.key < $1.key }.map { family, types in
      (family, types.map { type in handler(EventType<JSONObject>(type.name, summary: type.summary)) })
    }
  }

  private func handler(_ type: EventType<JSONObject>) -> EventHandler {
    .on(type) { event, transaction in
      let wanted = try WebhookStore(transaction).subscriptions().filter { _, events in
        events.contains { EventPattern($0)?.matches(type.name) == true }
      }
      guard !wanted.isEmpty else { return }
      let told = WebhookEvent(id: event.id, type: type.name, time: event.time, data: event.payload)
      _ = try queue(told, for: wanted.map(\.id), transaction, try core.now(transaction))
    }
  }

  /// - Returns: those that are new: an event that comes twice is sent once to each.
  func queue(
    _ event: WebhookEvent, for webhooks: [UUID], _ transaction: any Transaction, _ now: Date
  ) throws -> [WebhookDeliveryRow] {
    let body = try event.body
    return try webhooks.compactMap { webhook in
      let row = WebhookDeliveryRow(
        id: core.newID(), of: webhook, event: event.id, type: event.type, body: body, at: now)
      return try WebhookDeliveryStore(transaction).insert(row) ? row : nil
    }
  }
}
