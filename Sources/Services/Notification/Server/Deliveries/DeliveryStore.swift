import Foundation
import GravityContracts
import GravityData
import NotificationAPI

/// The tables `deliveries` and `delivery_steps`; knows no other.
struct DeliveryStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// Where workers hear that something is due.
  static let channel = "notification_due"

  func insert(_ row: DeliveryRow) throws {
    try transaction.execute(
      """
      INSERT INTO deliveries (id, notification_id, channel, state, reason, attempt, failures, due_at, steps, created_at)
      VALUES (\(row.id), \(row.notificationID), \(row.channel.rawValue), \(row.state.rawValue), \(row.reason),
        \(row.attempt), \(row.failures), \(row.dueAt), \(row.steps), \(row.createdAt))
      """)
    if row.dueAt != nil { try transaction.notify(Self.channel, row.channel.rawValue) }
  }

  /// Takes those that are due, most overdue first; of one channel, where it is given. Workers that meet at the head of the queue skip what another has
  /// locked, and change a row only as long as it is their attempt's; so their transactions are relaxed. An attempt that never came to its end counts as failed.
  func claim(
    of channel: DeliveryChannel? = nil, at now: Date, lease: Date, limit: Int
  ) throws -> [DeliveryRow] {
    try transaction.all(
      """
      WITH due AS MATERIALIZED (
        SELECT id FROM deliveries WHERE due_at IS NOT NULL AND due_at <= \(now)\(Self.only(channel))
        ORDER BY due_at, id LIMIT \(limit)\(SQL.only(.postgresql, " FOR UPDATE SKIP LOCKED")))
      UPDATE deliveries SET state = 'sending', attempt = deliveries.attempt + 1, due_at = \(lease),
        failures = deliveries.failures + CASE WHEN deliveries.state = 'sending' THEN 1 ELSE 0 END
      FROM due WHERE deliveries.id = due.id
      RETURNING \(DeliveryRow.columns)
      """
    ).sorted { $0.id.lowercased < $1.id.lowercased }
  }

  /// When the next one is due.
  func nextDue(of channel: DeliveryChannel? = nil) throws -> Date? {
    try transaction.rows(
      "SELECT due_at FROM deliveries WHERE due_at IS NOT NULL\(Self.only(channel)) ORDER BY due_at LIMIT 1"
    ).first.map { try $0.get(0) }
  }

  private static func only(_ channel: DeliveryChannel?) -> SQL {
    channel.map { " AND channel = \($0.rawValue)" } ?? ""
  }

  /// Puts off when attempts that are at work are given up.
  func renew(_ rows: [DeliveryRow], until lease: Date) throws {
    for some in StatementChunks(rows) {
      var attempts: SQL = ""
      for (index, row) in some.enumerated() {
        attempts = attempts + "\(index == 0 ? "" as SQL : ", ")(\(row.id), \(row.attempt))"
      }
      try transaction.execute(
        """
        WITH held (id, attempt) AS (VALUES \(attempts))
        UPDATE deliveries SET due_at = \(lease) FROM held
        WHERE deliveries.id = held.id AND deliveries.attempt = held.attempt AND deliveries.state = 'sending'
        """)
    }
  }

  /// Writes where an attempt's delivery stands.
  /// - Returns: false when the delivery is no longer this attempt's.
  func finish(_ row: DeliveryRow) throws -> Bool {
    try transaction.execute(
      """
      UPDATE deliveries SET state = \(row.state.rawValue), reason = \(row.reason), error = \(row.error),
        failures = \(row.failures), due_at = \(row.dueAt), sent_at = \(row.sentAt), steps = \(row.steps)
      WHERE id = \(row.id) AND attempt = \(row.attempt) AND state = 'sending'
      """) == 1
  }

  /// The same for many that were sent, which are nearly all: a statement for some dozens instead of one for each.
  /// - Returns: those that were still their attempts'.
  func finishSent(_ rows: [DeliveryRow], at now: Date) throws -> Set<UUID> {
    var finished: Set<UUID> = []
    for some in StatementChunks(rows) {
      var attempts: SQL = ""
      for (index, row) in some.enumerated() {
        attempts = attempts + "\(index == 0 ? "" as SQL : ", ")(\(row.id), \(row.attempt))"
      }
      for row in try transaction.rows(
        """
        WITH done (id, attempt) AS (VALUES \(attempts))
        UPDATE deliveries SET state = 'sent', reason = NULL, error = NULL, due_at = NULL, sent_at = \(now)
        FROM done
        WHERE deliveries.id = done.id AND deliveries.attempt = done.attempt AND deliveries.state = 'sending'
        RETURNING deliveries.id
        """)
      { finished.insert(try row.get(0)) }
    }
    return finished
  }

  /// Queues what is a dead letter again, with all its attempts.
  /// - Returns: those that were.
  func requeue(of notification: UUID, at now: Date) throws -> [DeliveryRow] {
    let rows: [DeliveryRow] = try transaction.all(
      """
      UPDATE deliveries SET state = 'queued', failures = 0, due_at = \(now), reason = NULL, steps = deliveries.steps + 1
      WHERE notification_id = \(notification) AND state = 'dead_lettered'
      RETURNING \(DeliveryRow.columns)
      """)
    if !rows.isEmpty { try transaction.notify(Self.channel, "") }
    return rows
  }

  /// Ends what waits for an attempt.
  /// - Returns: those that did.
  func cancel(of notification: UUID) throws -> [DeliveryRow] {
    try transaction.all(
      """
      UPDATE deliveries SET state = 'suppressed', reason = 'canceled', due_at = NULL, steps = deliveries.steps + 1
      WHERE notification_id = \(notification) AND state = 'queued'
      RETURNING \(DeliveryRow.columns)
      """)
  }

  /// Ends dead letters that cannot be asked for any more.
  /// - Returns: those that did.
  func giveUp(of notifications: [UUID]) throws -> [DeliveryRow] {
    guard !notifications.isEmpty else { return [] }
    return try transaction.all(
      """
      UPDATE deliveries SET state = 'suppressed', reason = 'expired', steps = deliveries.steps + 1
      WHERE notification_id IN \(list: notifications) AND state = 'dead_lettered'
      RETURNING \(DeliveryRow.columns)
      """)
  }

  /// Oldest first.
  func deadLetters(_ request: DeadLetterRetry, limit: Int) throws -> [UUID] {
    var filter: SQL = "WHERE state = 'dead_lettered' AND state <> 'sent'"
    if let reason = request.reason { filter = filter + " AND reason = \(reason)" }
    if let since = request.since { filter = filter + " AND created_at >= \(since)" }
    return try transaction.rows("SELECT id FROM deliveries \(filter) ORDER BY notification_id LIMIT \(limit)").map {
      try $0.get(0)
    }
  }

  /// - Returns: those that were dead letters.
  func requeue(_ ids: [UUID], at now: Date) throws -> [DeliveryRow] {
    guard !ids.isEmpty else { return [] }
    let rows: [DeliveryRow] = try transaction.all(
      """
      UPDATE deliveries SET state = 'queued', failures = 0, due_at = \(now), reason = NULL, steps = deliveries.steps + 1
      WHERE id IN \(list: ids) AND state = 'dead_lettered'
      RETURNING \(DeliveryRow.columns)
      """)
    if !rows.isEmpty { try transaction.notify(Self.channel, "") }
    return rows
  }

  func list(of notifications: [UUID]) throws -> [DeliveryRow] {
    try transaction.all(
      "SELECT \(DeliveryRow.columns) FROM deliveries WHERE notification_id IN \(list: notifications) ORDER BY id")
  }

  /// What is known of one that a transport has taken over.
  /// - Returns: nil when it does not stand at `sent`.
  func conclude(_ id: UUID, _ channel: DeliveryChannel, _ state: DeliveryState, _ reason: String?) throws
    -> DeliveryRow?
  {
    try transaction.first(
      """
      UPDATE deliveries SET state = \(state.rawValue), reason = \(reason), steps = deliveries.steps + 1
      WHERE id = \(id) AND channel = \(channel.rawValue) AND state = 'sent'
      RETURNING \(DeliveryRow.columns)
      """)
  }

  func find(_ id: UUID) throws -> DeliveryRow? {
    try transaction.first("SELECT \(DeliveryRow.columns) FROM deliveries WHERE id = \(id)")
  }

  // MARK: Steps

  /// Writes down what the row itself does not tell: everything but the first queueing and a success.
  func insertStep(_ row: DeliveryRow, _ detail: String?, at now: Date) throws {
    try transaction.execute(
      """
      INSERT INTO delivery_steps (delivery_id, number, at, state, reason, detail)
      VALUES (\(row.id), \(row.steps), \(now), \(row.state.rawValue), \(row.reason), \(detail))
      """)
  }

  func steps(of delivery: UUID) throws -> [DeliveryStep] {
    try transaction.rows(
      "SELECT at, state, reason, detail FROM delivery_steps WHERE delivery_id = \(delivery) ORDER BY number LIMIT 1000"
    ).map { row in
      DeliveryStep(
        at: try row.get("at"), state: DeliveryState(rawValue: try row.get("state")) ?? .queued,
        reason: try row.get("reason"), detail: try row.get("detail"))
    }
  }

  // MARK: Erasure

  /// - Returns: all deliveries to the user that may be in a transport's hands or a table.
  func ids(of user: UUID) throws -> [UUID] {
    try transaction.rows(
      """
      SELECT deliveries.id FROM deliveries JOIN notifications ON notifications.id = deliveries.notification_id
      WHERE notifications.user_id = \(user) ORDER BY deliveries.id
      """
    ).map { try $0.get(0) }
  }

  /// Ends what would still be sent to the user, and takes out what errors may have told of the address.
  /// - Returns: those that were ended.
  func erase(of user: UUID) throws -> [DeliveryRow] {
    try transaction.execute(
      """
      UPDATE delivery_steps SET detail = NULL WHERE delivery_id IN (
        SELECT deliveries.id FROM deliveries JOIN notifications ON notifications.id = deliveries.notification_id
        WHERE notifications.user_id = \(user)) AND detail IS NOT NULL
      """)
    try transaction.execute(
      """
      UPDATE deliveries SET error = NULL WHERE error IS NOT NULL
        AND notification_id IN (SELECT id FROM notifications WHERE user_id = \(user))
      """)
    return try transaction.all(
      """
      UPDATE deliveries SET state = 'suppressed', reason = 'erased', due_at = NULL, steps = deliveries.steps + 1
      WHERE state IN ('queued', 'sending', 'dead_lettered')
        AND notification_id IN (SELECT id FROM notifications WHERE user_id = \(user))
      RETURNING \(DeliveryRow.columns)
      """)
  }
}
