import Foundation
import GravityData

/// What a consumer has handled, and how far it is with each subject.
struct InboxStore {
  static let migrationStatements: [SQL] =
    [
      .table(
        "inbox",
        """
        consumer \(type: .text) NOT NULL, event_id \(type: .uuid) NOT NULL, handled_at \(type: .timestamptz) NOT NULL,
        PRIMARY KEY (consumer, event_id)
        """),
      "CREATE INDEX inbox_handled_at ON inbox (handled_at)",
      .table(
        "event_positions",
        """
        consumer \(type: .text) NOT NULL, source \(type: .text) NOT NULL, family \(type: .text) NOT NULL,
        subject \(type: .text) NOT NULL, sequence \(type: .bigint) NOT NULL,
        PRIMARY KEY (consumer, source, family, subject)
        """),
      .table(
        "event_snapshots",
        """
        consumer \(type: .text) NOT NULL, source \(type: .text) NOT NULL, cursor \(type: .text),
        completed_at \(type: .timestamptz), PRIMARY KEY (consumer, source)
        """),
    ] + ParkedEventStore.migrationStatements

  private let transaction: any Transaction
  private let consumer: String

  init(_ transaction: any Transaction, consumer: String) {
    self.transaction = transaction
    self.consumer = consumer
  }

  /// - Returns: those of `ids` that were not noted before, which now are.
  func note(_ ids: [UUID]) throws -> Set<UUID> {
    let now = try transaction.now
    var new: Set<UUID> = []
    for part in ids.inParts(of: 64) {
      var values: SQL = ""
      for (index, id) in part.enumerated() {
        values = values + (index == 0 ? "" : ", ") + "(\(consumer), \(id), \(now))"
      }
      let rows = try transaction.rows(
        """
        INSERT INTO inbox (consumer, event_id, handled_at) VALUES \(values)
        ON CONFLICT (consumer, event_id) DO NOTHING RETURNING event_id
        """)
      for row in rows { new.insert(try row.get("event_id")) }
    }
    return new
  }

  func hasHandled(_ id: UUID) throws -> Bool {
    try !transaction.rows("SELECT 1 FROM inbox WHERE consumer = \(consumer) AND event_id = \(id)").isEmpty
  }

  func position(source: String, family: String, subject: String) throws -> Int64? {
    try transaction.scalar(
      """
      SELECT sequence FROM event_positions
      WHERE consumer = \(consumer) AND source = \(source) AND family = \(family) AND subject = \(subject)
      """)
  }

  func setPosition(_ sequence: Int64, source: String, family: String, subject: String) throws {
    try transaction.execute(
      """
      INSERT INTO event_positions (consumer, source, family, subject, sequence)
      VALUES (\(consumer), \(source), \(family), \(subject), \(sequence))
      ON CONFLICT (consumer, source, family, subject) DO UPDATE SET sequence = \(sequence)
      """)
  }

  /// - Returns: how many were deleted.
  static func deleteHandled(before time: Date, limit: Int, in transaction: any Transaction) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM inbox WHERE (consumer, event_id) IN (
        SELECT consumer, event_id FROM inbox WHERE handled_at < \(time) ORDER BY handled_at LIMIT \(limit))
      """)
  }

  // MARK: Snapshots

  struct SnapshotProgress: SQLRecord {
    var cursor: String?
    var completedAt: Date?
    init(_ row: SQLRow) throws {
      cursor = try row.get("cursor")
      completedAt = try row.get("completed_at")
    }
  }

  func snapshot(of source: String) throws -> SnapshotProgress? {
    try transaction.first(
      "SELECT cursor, completed_at FROM event_snapshots WHERE consumer = \(consumer) AND source = \(source)")
  }

  func setSnapshot(of source: String, cursor: String?, completedAt: Date?) throws {
    try transaction.execute(
      """
      INSERT INTO event_snapshots (consumer, source, cursor, completed_at)
      VALUES (\(consumer), \(source), \(cursor), \(completedAt))
      ON CONFLICT (consumer, source) DO UPDATE SET cursor = \(cursor), completed_at = \(completedAt)
      """)
  }
}
