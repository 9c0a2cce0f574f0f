import Foundation
import GravityData

/// How an attempt ended.
enum TaskOutcome: Sendable, Hashable {
  case done
  /// The handler completed the task in a transaction of its own: look whether that was committed.
  case doneByItself
  case failed(String, delay: Duration, maximumAttempts: Int)
  case dead(String)
  case canceled
  /// A shutdown ended it: it is nobody's failure.
  case givenBack

  /// For metrics.
  var label: String {
    switch self {
    case .done, .doneByItself: "done"
    case .failed: "failed"
    case .dead: "dead"
    case .canceled: "canceled"
    case .givenBack: "given_back"
    }
  }
}

extension TaskTable {
  /// Ends an attempt, if the task is still its own.
  ///
  /// - Returns: how it ended; nil when the task is another attempt's by now, or finished.
  static func finish(
    _ key: AttemptKey, _ outcome: TaskOutcome, retention: Int, in transaction: any Transaction
  ) throws -> TaskOutcome? {
    let now = try transaction.now
    let own: SQL = "WHERE id = \(key.id) AND attempt = \(key.attempt) AND state = 'running'"
    let expiry = now.addingTimeInterval(Double(retention))
    let deadExpiry = now.addingTimeInterval(max(Double(retention), TaskQueue.deadRetention.inSeconds))
    let freed: SQL = "lease_until = NULL, worker = NULL"
    // Whatever else became of it: who asked for its cancellation gets that, unless it was done.
    func unlessCanceled(_ change: SQL) throws -> Bool {
      try transaction.execute("UPDATE gravity_tasks SET \(change) \(own) AND NOT cancel_requested") == 1
    }
    func cancel() throws -> TaskOutcome? {
      let changed = try transaction.execute(
        """
        UPDATE gravity_tasks SET state = 'canceled', finished_at = \(now), expires_at = \(expiry), \(freed) \(own)
        """)
      return changed == 1 ? .canceled : nil
    }
    switch outcome {
    case .done:
      let changed = try transaction.execute(
        """
        UPDATE gravity_tasks SET state = 'done', finished_at = \(now), expires_at = \(expiry), error = NULL, \(freed)
        \(own)
        """)
      return changed == 1 ? .done : nil
    case .doneByItself:
      let found = try transaction.rows(
        "SELECT 1 FROM gravity_tasks WHERE id = \(key.id) AND attempt = \(key.attempt) AND state = 'done'")
      return found.isEmpty ? nil : .done
    case .canceled:
      return try cancel()
    case .givenBack:
      let change: SQL = "state = 'waiting', run_at = \(now), \(freed)"
      guard try unlessCanceled(change) else { return try cancel() }
      return .givenBack
    case .dead(let error):
      let change: SQL = """
        state = 'dead', failures = failures + 1, error = \(error.bounded(to: 500)), finished_at = \(now),
        expires_at = \(deadExpiry), \(freed)
        """
      guard try unlessCanceled(change) else { return try cancel() }
      return outcome
    case .failed(let error, let delay, let maximumAttempts):
      let change: SQL = """
        state = 'waiting', failures = failures + 1, error = \(error.bounded(to: 500)),
        run_at = \(now.addingTimeInterval(delay.inSeconds)), \(freed)
        """
      // One attempt more has failed than the row says.
      let isLast = try transaction.scalar("SELECT failures FROM gravity_tasks \(own)", as: Int.self)
      guard let failures = isLast else { return nil }
      if failures + 1 >= maximumAttempts {
        return try finish(key, .dead(error), retention: retention, in: transaction)
      }
      guard try unlessCanceled(change) else { return try cancel() }
      return outcome
    }
  }
}
