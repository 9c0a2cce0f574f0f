import Foundation
import GravityContracts
import GravityData
import NotificationAPI

/// The tables `notifications` and `erased_users`.
struct NotificationStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// - Returns: false when there is one with that id or that ``NotificationRow/onceKey``.
  func insert(_ row: NotificationRow) throws -> Bool {
    try transaction.execute(
      """
      INSERT INTO notifications (id, template, source, user_id, address, name, locale, data, about, once_key,
        traceparent, send_at, expires_at, created_at, phone)
      VALUES (\(row.id), \(row.template), \(row.source.rawValue), \(row.userID), \(row.address), \(row.name),
        \(row.locale), \(row.data), \(row.about), \(row.onceKey), \(row.traceparent), \(row.sendAt),
        \(row.expiresAt), \(row.createdAt), \(row.phone))
      ON CONFLICT DO NOTHING
      """) == 1
  }

  func find(_ id: UUID) throws -> NotificationRow? {
    try transaction.first("SELECT \(NotificationRow.columns) FROM notifications WHERE id = \(id)")
  }

  func list(_ ids: [UUID]) throws -> [NotificationRow] {
    try transaction.all("SELECT \(NotificationRow.columns) FROM notifications WHERE id IN \(list: ids)")
  }

  /// Newest first.
  func list(before: UUID?, _ query: NotificationQuery, limit: Int) throws -> [NotificationRow] {
    var filter: SQL = "WHERE TRUE"
    if let user = query.userID { filter = filter + " AND notifications.user_id = \(user)" }
    if let about = query.about { filter = filter + " AND notifications.about = \(about)" }
    guard let state = query.state else {
      if let before { filter = filter + " AND notifications.id < \(before)" }
      return try transaction.all(
        "SELECT \(NotificationRow.columns) FROM notifications \(filter) ORDER BY notifications.id DESC LIMIT \(limit)")
    }
    if let before { filter = filter + " AND deliveries.notification_id < \(before)" }
    // Spelled out for the planner: the partial index has all states but that one.
    if state != .sent { filter = filter + " AND deliveries.state <> 'sent'" }
    return try transaction.all(
      """
      SELECT DISTINCT \(NotificationRow.columns), deliveries.notification_id AS place
      FROM deliveries JOIN notifications ON notifications.id = deliveries.notification_id
      \(filter) AND deliveries.state = \(state.rawValue)
      ORDER BY place DESC LIMIT \(limit)
      """)
  }

  // MARK: Erasure

  func noteErased(_ user: UUID, at now: Date) throws {
    try transaction.execute(
      "INSERT INTO erased_users (user_id, erased_at) VALUES (\(user), \(now)) ON CONFLICT (user_id) DO NOTHING")
  }

  func isErased(_ user: UUID) throws -> Bool {
    try !transaction.rows("SELECT 1 FROM erased_users WHERE user_id = \(user)").isEmpty
  }

  /// Takes out everything that tells who it was; ids stay, so that nothing is sent a second time.
  func blank(of user: UUID) throws {
    try transaction.execute(
      "UPDATE notifications SET address = NULL, phone = NULL, name = NULL, data = NULL WHERE user_id = \(user)")
  }

  /// Takes out the data of those that have ended by every channel, since they hold what only the recipient may read.
  func forgetData(_ ids: [UUID]) throws {
    guard !ids.isEmpty else { return }
    // Two channels that end at once would each see the other under way: the second waits, and sees the first.
    _ = try transaction.rows(
      "SELECT id FROM notifications WHERE id IN \(list: ids) ORDER BY id\(SQL.only(.postgresql, " FOR UPDATE"))")
    try transaction.execute(
      """
      UPDATE notifications SET data = NULL WHERE id IN \(list: ids) AND NOT EXISTS (
        SELECT 1 FROM deliveries WHERE deliveries.notification_id = notifications.id
          AND deliveries.state IN ('queued', 'sending', 'dead_lettered'))
      """)
  }

  // MARK: Age

  /// What makes no sense any more is not sent, so nobody needs its data; a dead letter that is asked for again ends as
  /// `expired`.
  /// - Returns: of how many the data went.
  func forgetExpired(at now: Date, limit: Int) throws -> Int {
    try transaction.execute(
      """
      UPDATE notifications SET data = NULL WHERE id IN (
        SELECT id FROM notifications WHERE data IS NOT NULL AND expires_at <= \(now) AND \(Self.hasEnded)
        LIMIT \(limit))
      """)
  }

  /// - Returns: those that nothing is to be done about any more, and that have something of their recipients. The time is
  ///   that for which they were meant.
  func keptSince(before time: Date, limit: Int) throws -> [NotificationRow] {
    try transaction.all(
      """
      SELECT \(NotificationRow.columns) FROM notifications
      WHERE \(Self.isPersonal) AND COALESCE(send_at, created_at) < \(time) AND \(Self.hasEnded)
      ORDER BY COALESCE(send_at, created_at) LIMIT \(limit)
      """)
  }

  func blank(_ ids: [UUID]) throws {
    guard !ids.isEmpty else { return }
    try transaction.execute(
      "UPDATE notifications SET address = NULL, phone = NULL, name = NULL, data = NULL WHERE id IN \(list: ids)")
  }

  /// Dead letters have, until they are asked for again.
  private static let hasEnded: SQL = """
    NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.notification_id = notifications.id
      AND deliveries.state IN ('queued', 'sending'))
    """

  /// As in the index `notifications_kept`.
  private static let isPersonal: SQL =
    "(address IS NOT NULL OR phone IS NOT NULL OR name IS NOT NULL OR data IS NOT NULL)"
}
