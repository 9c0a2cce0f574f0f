public import Foundation
public import GravityData

/// A task as people see it: without its payload, which may hold personal data.
public struct TaskRecord: SQLRecord, Codable, Hashable {
  public let id: TaskID
  public let type: String
  public let state: TaskState
  public let priority: TaskUrgency
  public let uniqueKey: String?
  /// When it is or was due.
  public let runAt: Date
  /// How often it was begun: the fencing token of its last attempt.
  public let attempt: Int
  /// How many attempts failed. An attempt that a shutdown ended is none of them.
  public let failures: Int
  public let leaseUntil: Date?
  /// Which instance runs it.
  public let worker: String?
  public let isCancelRequested: Bool
  /// 0 to 1.
  public let progress: Double?
  public let note: String?
  /// Why it failed last, at most 500 bytes.
  public let error: String?
  public let requestID: String?
  public let traceparent: String?
  /// The schedule that made it.
  public let schedule: String?
  /// The time for which that was.
  public let scheduledFor: Date?
  public let enqueuedAt: Date
  /// When its last attempt began.
  public let startedAt: Date?
  public let finishedAt: Date?

  enum CodingKeys: String, CodingKey {
    case id
    case type
    case state
    case priority
    case uniqueKey = "unique_key"
    case runAt = "run_at"
    case attempt
    case failures
    case leaseUntil = "lease_until"
    case worker
    case isCancelRequested = "cancel_requested"
    case progress
    case note
    case error
    case requestID = "request_id"
    case traceparent
    case schedule
    case scheduledFor = "scheduled_for"
    case enqueuedAt = "enqueued_at"
    case startedAt = "started_at"
    case finishedAt = "finished_at"
  }

  static let columns: SQL = """
    id, type, state, priority, unique_key, run_at, attempt, failures, lease_until, worker, cancel_requested, progress,
    note, error, request_id, traceparent, schedule, scheduled_for, enqueued_at, started_at, finished_at
    """

  public init(_ row: SQLRow) throws {
    id = try row.get("id")
    type = try row.get("type")
    state = try row.get("state")
    priority = try row.get("priority")
    uniqueKey = try row.get("unique_key")
    runAt = try row.get("run_at")
    attempt = try row.get("attempt")
    failures = try row.get("failures")
    leaseUntil = try row.get("lease_until")
    worker = try row.get("worker")
    isCancelRequested = try row.get("cancel_requested")
    progress = try row.get("progress")
    note = try row.get("note")
    error = try row.get("error")
    requestID = try row.get("request_id")
    traceparent = try row.get("traceparent")
    schedule = try row.get("schedule")
    scheduledFor = try row.get("scheduled_for")
    enqueuedAt = try row.get("enqueued_at")
    startedAt = try row.get("started_at")
    finishedAt = try row.get("finished_at")
  }
}

extension TaskState: SQLDecodable {}
extension TaskUrgency: SQLDecodable {}
