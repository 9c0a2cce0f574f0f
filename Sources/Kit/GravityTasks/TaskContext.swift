public import Foundation
public import GravityData
public import Logging

/// What a handler knows of the attempt that it is, and what it may do with it.
public struct TaskContext: Sendable {
  public let id: TaskID
  public let type: String
  /// The fencing token: it grows with every attempt of the task. Give it to outside systems that know such tokens.
  public let attempt: Int
  /// How many attempts have failed before this one.
  public let failures: Int
  public let enqueuedAt: Date
  /// When the task was due.
  public let runAt: Date
  /// The schedule that made the task, and the time for which it did.
  public let schedule: String?
  public let scheduledFor: Date?
  /// Names the task in every line.
  public let logger: Logger
  let state: AttemptState

  init(_ task: ClaimedTask, state: AttemptState, logger: Logger) {
    id = task.id
    type = task.type
    attempt = task.attempt
    failures = task.failures
    enqueuedAt = task.enqueuedAt
    runAt = task.runAt
    schedule = task.schedule
    scheduledFor = task.scheduledFor
    self.logger = logger
    self.state = state
  }

  /// Tells how far the task is. Written with the next heartbeat, at the latest after a third of the lease, so it may be
  /// called as often as one likes.
  ///
  /// - Parameters:
  ///   - fraction: 0 to 1; others count as these.
  ///   - note: for people; cut after 200 bytes.
  /// - Throws: `CancellationError` when the handler shall end.
  public func progress(_ fraction: Double, _ note: String? = nil) throws {
    let fraction = fraction.isFinite ? min(max(fraction, 0), 1) : 0
    state.report(TaskProgress(fraction: fraction, note: note?.bounded(to: 200)))
    if state.isCancelled { throw CancellationError() }
  }

  /// Makes sure that the task is still this attempt's until `transaction` has ended: what is written in it was written
  /// by the one attempt that may.
  ///
  /// - Throws: ``TaskLost``, `DatabaseError`.
  public func check(in transaction: any Transaction) throws {
    let found = try transaction.rows(
      "SELECT 1 FROM gravity_tasks WHERE id = \(id) AND attempt = \(attempt) AND state = 'running'"
        + .only(.postgresql, " FOR UPDATE"))
    if found.isEmpty { throw TaskLost(id: id, attempt: attempt) }
  }

  /// Ends the task together with its effect: both are committed, or neither is, so the effect happens exactly once.
  ///
  /// The handler returns afterwards. If the transaction was not committed after all, the task is tried again.
  ///
  /// - Throws: ``TaskLost``, `DatabaseError`.
  public func complete(in transaction: any Transaction) throws {
    state.completes()
    let ended = try TaskTable.finish(
      AttemptKey(id: id, attempt: attempt), .done, retention: state.retention, in: transaction)
    if ended == nil { throw TaskLost(id: id, attempt: attempt) }
  }
}
