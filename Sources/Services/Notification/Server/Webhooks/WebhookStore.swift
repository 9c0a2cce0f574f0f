import Foundation
import GravityContracts
import GravityData
import NotificationAPI

/// The tables `webhooks` and `webhook_intake`.
struct WebhookStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// Where the taking in of events hears that there is a first webhook.
  static let channel = "notification_webhooks"

  func insert(_ row: WebhookRow) throws {
    try transaction.execute(
      """
      INSERT INTO webhooks (id, url, events, description, state, secret, created_by, version, created_at, updated_at)
      VALUES (\(row.id), \(row.url), \(row.events.joined(separator: " ")), \(row.description), \(row.state.rawValue),
        \(row.secret), \(row.createdBy), \(row.version), \(row.createdAt), \(row.updatedAt))
      """)
    let isFirst =
      try transaction.execute(
        "INSERT INTO webhook_intake (id, started_at) VALUES (1, \(row.createdAt)) ON CONFLICT (id) DO NOTHING") == 1
    if isFirst { try transaction.notify(Self.channel, "") }
  }

  /// Whether there ever was one: from then on events are taken in, since their queues fill up.
  func wasThereAny() throws -> Bool { try !transaction.rows("SELECT 1 FROM webhook_intake").isEmpty }

  func find(_ id: UUID) throws -> WebhookRow? {
    try transaction.first("SELECT \(WebhookRow.columns) FROM webhooks WHERE id = \(id)")
  }

  func list(_ ids: Set<UUID>) throws -> [WebhookRow] {
    try transaction.all("SELECT \(WebhookRow.columns) FROM webhooks WHERE id IN \(list: Array(ids))")
  }

  func list(before: UUID?, limit: Int) throws -> [WebhookRow] {
    let filter: SQL = before.map { "WHERE webhooks.id < \($0)" } ?? ""
    return try transaction.all(
      "SELECT \(WebhookRow.columns) FROM webhooks \(filter) ORDER BY webhooks.id DESC LIMIT \(limit)")
  }

  /// Those that are enabled, of which there are few: with their patterns.
  func subscriptions() throws -> [(id: UUID, events: [String])] {
    try transaction.rows("SELECT id, events FROM webhooks WHERE state = 'enabled'").map { row in
      (try row.get("id"), try row.get("events", as: String.self).split(separator: " ").map(String.init))
    }
  }

  func count() throws -> Int { try transaction.rows("SELECT count(*) FROM webhooks").first?.get(0) ?? 0 }

  func isThere(url: String, events: [String], besides id: UUID? = nil) throws -> Bool {
    try transaction.rows(
      """
      SELECT id FROM webhooks
      WHERE url = \(url) AND events = \(events.joined(separator: " ")) AND state = 'enabled'
      """
    ).contains { try $0.get("id", as: UUID.self) != id }
  }

  func save(_ row: WebhookRow) throws {
    try transaction.execute(
      """
      UPDATE webhooks SET url = \(row.url), events = \(row.events.joined(separator: " ")),
        description = \(row.description), state = \(row.state.rawValue), reason = \(row.reason),
        failing_since = \(row.failingSince), secret = \(row.secret), former_secret = \(row.formerSecret),
        former_until = \(row.formerUntil), version = \(row.version), updated_at = \(row.updatedAt)
      WHERE id = \(row.id)
      """)
  }

  func delete(_ id: UUID) throws -> Bool {
    try transaction.execute("DELETE FROM webhooks WHERE id = \(id)") == 1
  }

  // MARK: How it goes

  func succeeded(_ id: UUID) throws {
    try transaction.execute("UPDATE webhooks SET failing_since = NULL WHERE id = \(id) AND failing_since IS NOT NULL")
  }

  func failed(_ id: UUID, at now: Date) throws {
    try transaction.execute("UPDATE webhooks SET failing_since = \(now) WHERE id = \(id) AND failing_since IS NULL")
  }

  /// - Parameter since: Only one that has failed since then; nil for any.
  /// - Returns: the one that was disabled; nil when it was already, or is gone.
  func disable(_ id: UUID, _ reason: String, failingSince since: Date? = nil, at now: Date) throws -> WebhookRow? {
    let filter: SQL = since.map { "AND failing_since <= \($0)" } ?? ""
    return try transaction.first(
      """
      UPDATE webhooks SET state = 'disabled', reason = \(reason), version = webhooks.version + 1, updated_at = \(now)
      WHERE id = \(id) AND state = 'enabled' \(filter) RETURNING \(WebhookRow.columns)
      """)
  }
}
