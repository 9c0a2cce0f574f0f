import Foundation
import GravityData

/// A task as the attempt that was given it sees it.
struct ClaimedTask: SQLRecord {
  let id: TaskID
  let type: String
  let attempt: Int
  let failures: Int
  let payload: String
  let traceparent: String?
  let requestID: String?
  let schedule: String?
  let scheduledFor: Date?
  let retention: Int
  let runAt: Date
  let enqueuedAt: Date
  let startedAt: Date

  static let columns: SQL = """
    gravity_tasks.id, gravity_tasks.type, gravity_tasks.attempt, gravity_tasks.failures, gravity_tasks.payload,
    gravity_tasks.traceparent, gravity_tasks.request_id, gravity_tasks.schedule, gravity_tasks.scheduled_for,
    gravity_tasks.retention, gravity_tasks.run_at, gravity_tasks.enqueued_at, gravity_tasks.started_at
    """

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    type = try row.get("type")
    attempt = try row.get("attempt")
    failures = try row.get("failures")
    payload = try row.get("payload")
    traceparent = try row.get("traceparent")
    requestID = try row.get("request_id")
    schedule = try row.get("schedule")
    scheduledFor = try row.get("scheduled_for")
    retention = try row.get("retention")
    runAt = try row.get("run_at")
    enqueuedAt = try row.get("enqueued_at")
    startedAt = try row.get("started_at")
  }

  /// How long it took to get from due to begun.
  var latency: Duration { .seconds(max(0, startedAt.timeIntervalSince(max(runAt, enqueuedAt)))) }

  var key: AttemptKey { AttemptKey(id: id, attempt: attempt) }
}

/// What every write about a running task is conditional on: the attempt's number is the fencing token.
struct AttemptKey: Sendable, Hashable {
  let id: TaskID
  let attempt: Int
}
