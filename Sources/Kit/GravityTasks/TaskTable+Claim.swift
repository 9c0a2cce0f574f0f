import Foundation
import GravityData

/// The statements that workers run. Each is complete in itself: it takes rows by lock and changes them by condition.
/// So their transactions are relaxed: serializable order would make workers that meet at the head of the queue fail
/// each other. They skip locked rows instead, and change a row only as long as it is the attempt's.
enum TaskTable {
  struct Claim {
    var tasks: [ClaimedTask] = []
    /// How long until the next task that is not yet due; zero when some that are due were left, since others were
    /// just taking them.
    var next: Duration?
  }

  /// Takes due tasks: by priority, then by type (the one whose oldest waits longest first), then by due time.
  ///
  /// - Parameters:
  ///   - limits: how many of each type at most, and zero for those to look at only.
  ///   - free: how many in all.
  static func claim(
    limits: [(type: String, free: Int)], free: Int, worker: String, lease: Duration, in transaction: any Transaction
  ) throws -> Claim {
    try transaction.relax()
    let now = try transaction.now
    var claim = Claim()
    let wanted = Dictionary(limits.map { ($0.type, $0.free) }, uniquingKeysWith: { first, _ in first })
    let heads = try transaction.all(headsStatement(limits.map(\.type)), as: QueueHead.self)
      .filter { (wanted[$0.type] ?? 0) > 0 }
    var taken: [String: Int] = [:]
    for head in heads.sorted(by: { ($0.priority, $0.runAt) < ($1.priority, $1.runAt) }) {
      guard head.runAt <= now else {
        let wait = Duration.seconds(head.runAt.timeIntervalSince(now))
        claim.next = min(claim.next ?? wait, wait)
        continue
      }
      let room = min(free - claim.tasks.count, (wanted[head.type] ?? 0) - (taken[head.type] ?? 0))
      guard room > 0 else { continue }
      let tasks: [ClaimedTask] = try transaction.all(
        claimStatement(
          head.type, head.priority, limit: room, now: now, worker: worker,
          leaseUntil: now.addingTimeInterval(lease.inSeconds)))
      if tasks.isEmpty { claim.next = .zero }
      taken[head.type, default: 0] += tasks.count
      claim.tasks += tasks.sorted { ($0.runAt, $0.id.uuidString) < ($1.runAt, $1.id.uuidString) }
    }
    return claim
  }

  /// When the first task of each type and priority is due: one look into the index for each.
  static func headsStatement(_ types: [String]) -> SQL {
    var kinds: SQL = ""
    for (index, type) in types.enumerated() {
      for (place, urgency) in TaskUrgency.allCases.enumerated() {
        if index + place > 0 { kinds = kinds + ", " }
        kinds = kinds + "(\(type), " + SQL(stringLiteral: "\(urgency.rawValue))")
      }
    }
    return """
      WITH kinds (type, priority) AS (VALUES \(kinds)), heads AS (
        SELECT kinds.type, kinds.priority, (
          SELECT min(run_at) FROM gravity_tasks
          WHERE state = 'waiting' AND gravity_tasks.type = kinds.type AND gravity_tasks.priority = kinds.priority
        ) AS run_at
        FROM kinds)
      SELECT type, priority, run_at FROM heads WHERE run_at IS NOT NULL
      """
  }

  static func claimStatement(
    _ type: String, _ priority: Int, limit: Int, now: Date, worker: String, leaseUntil: Date
  ) -> SQL {
    """
    WITH due AS MATERIALIZED (
      SELECT id FROM gravity_tasks
      WHERE state = 'waiting' AND type = \(type) AND priority = \(priority) AND run_at <= \(now)
      ORDER BY run_at, id LIMIT \(limit)\(SQL.only(.postgresql, " FOR UPDATE SKIP LOCKED")))
    UPDATE gravity_tasks SET state = 'running', attempt = gravity_tasks.attempt + 1, worker = \(worker),
      lease_until = \(leaseUntil), started_at = \(now), progress = NULL, note = NULL
    FROM due WHERE gravity_tasks.id = due.id
    RETURNING \(ClaimedTask.columns)
    """
  }
}

private struct QueueHead: SQLRecord {
  let type: String
  let priority: Int
  let runAt: Date

  init(_ row: SQLRow) throws {
    type = try row.get("type")
    priority = try row.get("priority")
    runAt = try row.get("run_at")
  }
}
