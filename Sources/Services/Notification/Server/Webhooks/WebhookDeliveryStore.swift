import Foundation
import GravityContracts
import GravityData
import NotificationAPI

/// The tables `webhook_deliveries` and `webhook_attempts`.
struct WebhookDeliveryStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// Where workers hear that something is due.
  static let channel = "notification_webhook_due"
  /// Attempts of one webhook at a time, in all instances: one that is slow leaves room for the others.
  private static let share = 8

  /// - Returns: false when the event is on its way to that webhook already.
  func insert(_ row: WebhookDeliveryRow) throws -> Bool {
    let isNew =
      try transaction.execute(
        """
        INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, body, state, attempt, failures, due_at,
          created_at)
        VALUES (\(row.id), \(row.webhookID), \(row.eventID), \(row.eventType), \(row.body), \(row.state.rawValue),
          \(row.attempt), \(row.failures), \(row.dueAt), \(row.createdAt))
        ON CONFLICT (webhook_id, event_id) DO NOTHING
        """) == 1
    if isNew { try transaction.notify(Self.channel, "") }
    return isNew
  }

  /// Takes those that are due, most overdue first; of each webhook no more than its share, less what it is being told.
  /// Instances that claim in the same moment do not see each other's. An attempt that never came to its end counts as
  /// failed.
  func claim(at now: Date, lease: Date, limit: Int) throws -> [WebhookDeliveryRow] {
    try transaction.all(
      """
      WITH due AS MATERIALIZED (
        SELECT id FROM webhook_deliveries
        WHERE due_at IS NOT NULL AND due_at <= \(now) AND id IN (
          SELECT ranked.id FROM (
            SELECT id, webhook_id, due_at, row_number() OVER (PARTITION BY webhook_id ORDER BY due_at, id) AS place
            FROM webhook_deliveries WHERE due_at IS NOT NULL AND due_at <= \(now)) AS ranked
          LEFT JOIN (
            SELECT webhook_id, count(*) AS number FROM webhook_deliveries
            WHERE state = 'sending' AND due_at > \(now) GROUP BY webhook_id) AS busy
            ON busy.webhook_id = ranked.webhook_id
          WHERE ranked.place + COALESCE(busy.number, 0) <= \(Self.share) ORDER BY ranked.due_at, ranked.id LIMIT \(limit))
        \(SQL.only(.postgresql, "FOR UPDATE SKIP LOCKED")))
      UPDATE webhook_deliveries SET state = 'sending', attempt = webhook_deliveries.attempt + 1, due_at = \(lease),
        failures = webhook_deliveries.failures + CASE WHEN webhook_deliveries.state = 'sending' THEN 1 ELSE 0 END
      FROM due WHERE webhook_deliveries.id = due.id
      RETURNING \(WebhookDeliveryRow.columns)
      """)
  }

  /// What is due already and was not claimed waits for an attempt of its webhook to end, not for a time.
  func nextDue(after now: Date) throws -> Date? {
    try transaction.rows("SELECT due_at FROM webhook_deliveries WHERE due_at > \(now) ORDER BY due_at LIMIT 1")
      .first.map { try $0.get(0) }
  }

  /// - Returns: false when the delivery is no longer this attempt's.
  func finish(_ row: WebhookDeliveryRow) throws -> Bool {
    try transaction.execute(
      """
      UPDATE webhook_deliveries SET state = \(row.state.rawValue), reason = \(row.reason), failures = \(row.failures),
        due_at = \(row.dueAt), response_status = \(row.responseStatus), delivered_at = \(row.deliveredAt)
      WHERE id = \(row.id) AND attempt = \(row.attempt) AND state = 'sending'
      """) == 1
  }

  func insertAttempt(_ attempt: WebhookAttempt, _ row: WebhookDeliveryRow) throws {
    try transaction.execute(
      """
      INSERT INTO webhook_attempts (delivery_id, number, at, response_status, error, milliseconds)
      VALUES (\(row.id), \(row.attempt), \(attempt.at), \(attempt.responseStatus), \(attempt.error),
        \(attempt.milliseconds))
      """)
  }

  func find(_ id: UUID, of webhook: UUID) throws -> WebhookDeliveryRow? {
    try transaction.first(
      """
      SELECT \(WebhookDeliveryRow.columns) FROM webhook_deliveries
      WHERE id = \(id) AND webhook_id = \(webhook)
      """)
  }

  /// Newest first.
  func list(before: UUID?, _ query: WebhookDeliveryQuery, limit: Int) throws -> [WebhookDeliveryRow] {
    var filter: SQL = "WHERE webhook_id = \(query.id)"
    if let before { filter = filter + " AND id < \(before)" }
    if let state = query.state { filter = filter + " AND state = \(state.rawValue)" }
    return try transaction.all(
      "SELECT \(WebhookDeliveryRow.columns) FROM webhook_deliveries \(filter) ORDER BY id DESC LIMIT \(limit)")
  }

  func attempts(of delivery: UUID) throws -> [WebhookAttempt] {
    try transaction.rows(
      """
      SELECT at, response_status, error, milliseconds FROM webhook_attempts WHERE delivery_id = \(delivery)
      ORDER BY number DESC LIMIT 100
      """
    ).map { row in
      WebhookAttempt(
        at: try row.get("at"), responseStatus: try row.get("response_status"), error: try row.get("error"),
        milliseconds: try row.get("milliseconds"))
    }.reversed()
  }

  /// - Returns: false while it is on its way.
  func requeue(_ id: UUID, at now: Date) throws -> Bool {
    let isDone =
      try transaction.execute(
        """
        UPDATE webhook_deliveries SET state = 'queued', failures = 0, reason = NULL, due_at = \(now)
        WHERE id = \(id) AND state IN ('delivered', 'dead_lettered')
        """) == 1
    if isDone { try transaction.notify(Self.channel, "") }
    return isDone
  }

  // MARK: Deleting

  func delete(of webhook: UUID) throws {
    try transaction.execute(
      """
      DELETE FROM webhook_attempts
      WHERE delivery_id IN (SELECT id FROM webhook_deliveries WHERE webhook_id = \(webhook))
      """)
    try transaction.execute("DELETE FROM webhook_deliveries WHERE webhook_id = \(webhook)")
  }

  /// Those that nothing is to be done about any more.
  /// - Returns: how many.
  func delete(createdBefore time: Date, limit: Int) throws -> Int {
    let ids: [UUID] = try transaction.rows(
      "SELECT id FROM webhook_deliveries WHERE due_at IS NULL AND created_at < \(time) LIMIT \(limit)"
    ).map { try $0.get(0) }
    guard !ids.isEmpty else { return 0 }
    try transaction.execute("DELETE FROM webhook_attempts WHERE delivery_id IN \(list: ids)")
    try transaction.execute("DELETE FROM webhook_deliveries WHERE id IN \(list: ids)")
    return ids.count
  }
}
