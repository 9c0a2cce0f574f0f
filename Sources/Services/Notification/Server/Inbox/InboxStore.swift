import Foundation
import GravityContracts
import GravityData
import NotificationAPI

/// The tables `inboxes` and `inbox_items`.
///
/// Each change of an inbox takes the next position of its row in `inboxes`, which is locked until the change is
/// committed: so positions become visible in their order, and whoever has seen one has missed nothing before it.
struct InboxStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  /// Where streams hear whose inbox has changed.
  static let channel = "notification_inbox"

  struct Place: Sendable, Hashable {
    /// Of the last change.
    var position: Int64 = 0
    /// Of the last that took something away.
    var removed: Int64 = 0
  }

  // MARK: Changes

  /// - Parameter greatest: What the inbox may hold.
  /// - Returns: false when it is there already.
  @discardableResult
  func insert(_ row: InboxRow, greatest: Int) throws -> Bool {
    let (position, items) = try advance(row.userID, by: 1)
    let isNew =
      try transaction.execute(
        """
        INSERT INTO inbox_items (id, user_id, notification_id, number, position, category, title, body, link, about,
          expires_at, created_at)
        VALUES (\(row.id), \(row.userID), \(row.notificationID), \(position), \(position), \(row.category.rawValue),
          \(row.title), \(row.body), \(row.link), \(row.about), \(row.expiresAt), \(row.createdAt))
        ON CONFLICT (id) DO NOTHING
        """) == 1
    if items > Int64(greatest) { try prune(row.userID, to: greatest) }
    return isNew
  }

  /// - Parameter change: What becomes of the row.
  /// - Returns: nil when this user has none with that id.
  func update(_ id: UUID, of user: UUID, _ change: InboxItemChange, at now: Date) throws -> InboxRow? {
    let (position, _) = try advance(user)
    var set: SQL = "position = \(position)"
    if let read = change.read {
      set =
        set
        + (read
          ? ", read_at = COALESCE(inbox_items.read_at, \(now)), seen_at = COALESCE(inbox_items.seen_at, \(now))"
          : ", read_at = NULL")
    }
    if let archived = change.archived {
      set = set + (archived ? ", archived_at = COALESCE(inbox_items.archived_at, \(now))" : ", archived_at = NULL")
    }
    return try transaction.first(
      "UPDATE inbox_items SET \(set) WHERE id = \(id) AND user_id = \(user) RETURNING \(InboxRow.columns)")
  }

  /// Marks what came up to that number and is not yet.
  func mark(_ mark: Mark, upTo number: Int64, of user: UUID, at now: Date) throws {
    let (position, _) = try advance(user)
    try transaction.execute(
      mark == .read
        ? """
        UPDATE inbox_items SET read_at = \(now), seen_at = COALESCE(inbox_items.seen_at, \(now)), position = \(position)
        WHERE user_id = \(user) AND read_at IS NULL AND number <= \(number)
        """
        : """
        UPDATE inbox_items SET seen_at = \(now), position = \(position)
        WHERE user_id = \(user) AND seen_at IS NULL AND number <= \(number)
        """)
  }

  enum Mark: Sendable { case read, seen }

  func delete(_ id: UUID, of user: UUID) throws -> Bool {
    guard try transaction.execute("DELETE FROM inbox_items WHERE id = \(id) AND user_id = \(user)") == 1 else {
      return false
    }
    try noteRemoval(user)
    return true
  }

  /// - Returns: how many there were.
  @discardableResult
  func delete(_ ids: [UUID]) throws -> Int {
    try removed(
      transaction.rows("DELETE FROM inbox_items WHERE id IN \(list: ids) RETURNING inbox_items.user_id"))
  }

  /// - Returns: how many there were.
  func deleteExpired(at now: Date, limit: Int) throws -> Int {
    try removed(
      transaction.rows(
        """
        DELETE FROM inbox_items WHERE id IN (
          SELECT old.id FROM inbox_items AS old WHERE old.expires_at <= \(now) ORDER BY old.expires_at LIMIT \(limit))
        RETURNING inbox_items.user_id
        """))
  }

  private func removed(_ rows: [SQLRow]) throws -> Int {
    let users = Set(try rows.map { try $0.get(0, as: UUID.self) })
    // In one order, so that two that meet do not wait for each other.
    for user in users.sorted(by: { $0.lowercased < $1.lowercased }) { try noteRemoval(user) }
    return rows.count
  }

  /// For those who are to be forgotten.
  func delete(of user: UUID) throws {
    try transaction.execute("DELETE FROM inbox_items WHERE user_id = \(user)")
    try transaction.execute("DELETE FROM inboxes WHERE user_id = \(user)")
  }

  private func noteRemoval(_ user: UUID) throws {
    let (position, _) = try advance(user)
    try transaction.execute("UPDATE inboxes SET removed_position = \(position) WHERE user_id = \(user)")
  }

  /// Takes the next position.
  /// - Returns: also how many items there are at most.
  private func advance(_ user: UUID, by items: Int64 = 0) throws -> (position: Int64, items: Int64) {
    let rows = try transaction.rows(
      """
      INSERT INTO inboxes (user_id, position, removed_position, items) VALUES (\(user), 1, 0, \(items))
      ON CONFLICT (user_id) DO UPDATE SET position = inboxes.position + 1, items = inboxes.items + excluded.items
      RETURNING inboxes.position, inboxes.items
      """)
    try transaction.notify(Self.channel, user.lowercased)
    guard let row = rows.first else { throw DatabaseError(.serialization, "the inbox went away in this moment") }
    return (try row.get(0), try row.get(1))
  }

  /// Counts, since what was deleted is not taken off `items`; then the oldest that was read goes, or the oldest.
  private func prune(_ user: UUID, to greatest: Int) throws {
    let count: Int = try transaction.scalar("SELECT count(*) FROM inbox_items WHERE user_id = \(user)") ?? 0
    if count > greatest {
      try transaction.execute(
        """
        DELETE FROM inbox_items WHERE id IN (
          SELECT old.id FROM inbox_items AS old WHERE old.user_id = \(user)
          ORDER BY CASE WHEN old.read_at IS NULL THEN 1 ELSE 0 END, old.number LIMIT \(count - greatest))
        """)
      try noteRemoval(user)
    }
    try transaction.execute("UPDATE inboxes SET items = \(min(count, greatest)) WHERE user_id = \(user)")
  }

  // MARK: Reading

  func find(_ id: UUID, of user: UUID) throws -> InboxRow? {
    try transaction.first(
      "SELECT \(InboxRow.columns) FROM inbox_items WHERE id = \(id) AND user_id = \(user)")
  }

  /// Newest first.
  func list(of user: UUID, before: Int64?, _ query: InboxQuery, at now: Date, limit: Int) throws -> [InboxRow] {
    var filter: SQL = "user_id = \(user) AND \(Self.isGood(now))"
    filter = filter + (query.archived == true ? " AND archived_at IS NOT NULL" : " AND archived_at IS NULL")
    if query.unread == true { filter = filter + " AND read_at IS NULL" }
    if let before { filter = filter + " AND number < \(before)" }
    return try transaction.all(
      "SELECT \(InboxRow.columns) FROM inbox_items WHERE \(filter) ORDER BY number DESC LIMIT \(limit)")
  }

  /// Over what is unread or unseen only, of which there is no more than one inbox holds.
  func counts(of user: UUID, at now: Date) throws -> InboxCounts {
    func count(_ filter: SQL) throws -> Int64 {
      try transaction.scalar(
        """
        SELECT count(*) FROM inbox_items
        WHERE user_id = \(user) AND \(filter) AND archived_at IS NULL AND \(Self.isGood(now))
        """) ?? 0
    }
    return InboxCounts(unread: try count("read_at IS NULL"), unseen: try count("seen_at IS NULL"))
  }

  func place(of user: UUID) throws -> Place {
    try transaction.rows("SELECT position, removed_position FROM inboxes WHERE user_id = \(user)").first.map {
      Place(position: try $0.get(0), removed: try $0.get(1))
    } ?? Place()
  }

  /// What is as it is since after that position, in the order of the changes.
  func changes(of user: UUID, after position: Int64, at now: Date, limit: Int) throws -> [InboxRow] {
    try transaction.all(
      """
      SELECT \(InboxRow.columns) FROM inbox_items
      WHERE user_id = \(user) AND position > \(position) AND \(Self.isGood(now)) ORDER BY position, number LIMIT \(limit)
      """)
  }

  private static func isGood(_ now: Date) -> SQL { "(expires_at IS NULL OR expires_at > \(now))" }
}
