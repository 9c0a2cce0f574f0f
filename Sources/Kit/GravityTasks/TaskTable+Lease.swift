import Foundation
import GravityData

/// What a heartbeat found.
enum Heartbeat: Sendable, Hashable {
  case alive
  case cancelRequested
  case lost
}

/// How far a task is.
struct TaskProgress: Sendable, Hashable {
  var fraction: Double
  var note: String?
}

extension TaskTable {
  /// Renews the lease of a running attempt, and notes its progress.
  static func renew(
    _ key: AttemptKey, progress: TaskProgress?, lease: Duration, in transaction: any Transaction
  ) throws -> Heartbeat {
    let end = try transaction.now.addingTimeInterval(lease.inSeconds)
    let changes: SQL = progress.map { ", progress = \($0.fraction), note = \($0.note)" } ?? ""
    // A row that a handler's own transaction holds is left alone: it must not keep the other tasks' heartbeats
    // waiting, and nobody else can take it meanwhile.
    let renewed = try transaction.rows(
      """
      WITH mine AS MATERIALIZED (
        SELECT id FROM gravity_tasks WHERE id = \(key.id) AND attempt = \(key.attempt) AND state = 'running'
        \(SQL.only(.postgresql, "FOR UPDATE SKIP LOCKED")))
      UPDATE gravity_tasks SET lease_until = \(end)\(changes) FROM mine WHERE gravity_tasks.id = mine.id
      RETURNING gravity_tasks.cancel_requested
      """)
    var found = renewed.first
    if found == nil {
      found = try transaction.rows(
        """
        SELECT cancel_requested FROM gravity_tasks
        WHERE id = \(key.id) AND attempt = \(key.attempt) AND state = 'running'
        """
      ).first
    }
    guard let found else { return .lost }
    return try found.get(0, as: Bool.self) ? .cancelRequested : .alive
  }

  /// Attempts whose lease has run out: their process was killed, stood still, or gave up on a handler.
  ///
  /// - Parameter limit: how many at once.
  static func lapsed(_ types: [String], limit: Int, in transaction: any Transaction) throws -> [LapsedTask] {
    try transaction.all(
      """
      SELECT id, type, attempt, failures, retention FROM gravity_tasks
      WHERE state = 'running' AND type IN \(list: types) AND lease_until < \(try transaction.now)
      LIMIT \(limit)\(SQL.only(.postgresql, " FOR UPDATE SKIP LOCKED"))
      """)
  }

  /// Deletes finished tasks that were kept long enough.
  /// - Returns: how many; less than `limit` when that was all.
  static func deleteExpired(limit: Int, in transaction: any Transaction) throws -> Int {
    try transaction.execute(
      """
      DELETE FROM gravity_tasks WHERE id IN (
        SELECT id FROM gravity_tasks WHERE expires_at <= \(try transaction.now) ORDER BY expires_at LIMIT \(limit))
      """)
  }
}

struct LapsedTask: SQLRecord {
  let key: AttemptKey
  let type: String
  let failures: Int
  let retention: Int

  init(_ row: SQLRow) throws {
    key = AttemptKey(id: try row.get("id"), attempt: try row.get("attempt"))
    type = try row.get("type")
    failures = try row.get("failures")
    retention = try row.get("retention")
  }
}
