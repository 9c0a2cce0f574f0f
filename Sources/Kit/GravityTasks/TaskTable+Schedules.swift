import Foundation
import GravityData

/// What the one instance that holds the lease does with schedules. Every transaction checks the lease.
extension TaskTable {
  struct Tick: Sendable {
    var fired: [String] = []
    /// How long until the next.
    var next: Duration?
  }

  /// Writes down what the program declares, and forgets what no instance has declared for a while.
  ///
  /// While a deployment rolls, old and new instances declare different schedules, and either may hold the lease. So
  /// each instance notes for its own that they are still wanted (``note(_:in:)``), and only what nobody wants any more
  /// is forgotten. A schedule that the holder does not declare is not fired meanwhile: it has no payload for it.
  static func declare(
    _ schedules: [TaskSchedule], forgetAfter: Duration, lease: Lease, in transaction: any Transaction
  ) throws {
    try lease.check(in: transaction)
    let now = try transaction.now
    for schedule in schedules {
      let (cron, zone) = (schedule.cron.description, schedule.timeZone.identifier)
      guard let next = schedule.cron.next(after: now, in: schedule.timeZone) else { continue }
      try transaction.execute(
        """
        INSERT INTO gravity_task_schedules (name, cron, time_zone, type, next_at, seen_at)
        VALUES (\(schedule.name), \(cron), \(zone), \(schedule.type), \(next), \(now))
        ON CONFLICT (name) DO UPDATE SET
          next_at = CASE
            WHEN gravity_task_schedules.cron = excluded.cron AND gravity_task_schedules.time_zone = excluded.time_zone
            THEN gravity_task_schedules.next_at ELSE excluded.next_at END,
          cron = excluded.cron, time_zone = excluded.time_zone, type = excluded.type, seen_at = excluded.seen_at
        """)
    }
    let limit = now.addingTimeInterval(-forgetAfter.inSeconds)
    try transaction.execute(
      """
      DELETE FROM gravity_task_schedules
      WHERE seen_at < \(limit)\(schedules.isEmpty ? "" : " AND name NOT IN \(list: schedules.map(\.name))")
      """)
  }

  /// That an instance still declares those schedules, whoever holds the lease.
  static func note(_ names: [String], in transaction: any Transaction) throws {
    try transaction.relax()
    try transaction.execute(
      "UPDATE gravity_task_schedules SET seen_at = \(try transaction.now) WHERE name IN \(list: names)")
  }

  /// Fires what is due.
  static func tick(
    _ schedules: [TaskSchedule], tolerance: Duration, lease: Lease, in transaction: any Transaction
  ) throws -> Tick {
    try lease.check(in: transaction)
    let now = try transaction.now
    let rows = try transaction.rows("SELECT name, cron, time_zone, next_at FROM gravity_task_schedules")
    let declared = Dictionary(schedules.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var tick = Tick()
    for row in rows {
      guard let schedule = declared[try row.get("name")], try row.get("cron") == schedule.cron.description,
        try row.get("time_zone") == schedule.timeZone.identifier
      else { continue }
      var next: Date = try row.get("next_at")
      if next <= now {
        if let time = schedule.tick(due: next, now: now, tolerance: tolerance) {
          if try fire(schedule, for: time, now: now, in: transaction) { tick.fired.append(schedule.name) }
        }
        guard let following = schedule.cron.next(after: now, in: schedule.timeZone) else { continue }
        next = following
        try transaction.execute(
          "UPDATE gravity_task_schedules SET next_at = \(following) WHERE name = \(schedule.name)")
      }
      let wait = Duration.seconds(next.timeIntervalSince(now))
      tick.next = min(tick.next ?? wait, wait)
    }
    return tick
  }

  private static func fire(
    _ schedule: TaskSchedule, for time: Date, now: Date, in transaction: any Transaction
  ) throws -> Bool {
    // The unique index says the same; but an error would end the whole transaction.
    let known = try transaction.rows(
      "SELECT 1 FROM gravity_tasks WHERE schedule = \(schedule.name) AND scheduled_for = \(time)")
    guard known.isEmpty else { return false }
    let task = NewTask(
      type: schedule.type, payload: schedule.payload, priority: schedule.priority, runAt: now,
      uniqueKey: schedule.uniqueKey, retention: schedule.retention, traceparent: nil, requestID: nil,
      schedule: schedule.name, scheduledFor: time)
    let isNew = try task.insert(in: transaction).isNew
    if isNew {
      try transaction.execute(
        "UPDATE gravity_task_schedules SET last_at = \(time) WHERE name = \(schedule.name)")
    }
    return isNew
  }
}
