import Foundation
import GravityContracts
import GravityData
import GravityTasks
import Logging
import Metrics

/// When lost answers are looked for: each by a task of its own as soon as it is known to be lost, and all of them,
/// with what expires, every minute by one instance.
enum ReconciliationSchedule {
  struct LostAnswer: Codable, Sendable {
    var attemptID: UUID
  }
  /// Asks what became of one attempt, until that is known.
  static let task = TaskType<LostAnswer>("payments.reconcile", maximumAttempts: 1_000, retention: .seconds(3_600))
  /// Has nothing to say: what is due is found out when it runs.
  static let sweep = TaskType<Empty>("payments.sweep", retention: .seconds(3_600))

  static func worker(_ reconciler: Reconciler, _ expiry: Expiry, metrics: any MetricsFactory) throws -> TaskWorker {
    let core = reconciler.core
    let worker = TaskWorker(database: core.database, name: "payment", logger: core.logger, metrics: metrics)
    worker.handle(task) { lost, _ in
      if let delay = try await reconciler.reconcile(lost.attemptID) {
        throw TaskFailure.retry(after: .seconds(delay), "the provider does not know yet")
      }
    }
    worker.handle(sweep, concurrency: 1) { _, context in
      try await reconciler.reconcileDue()
      try context.progress(0.5)
      let expired = try await expiry.expireDue()
      if expired > 0 { core.logger.notice("authorizations expired", metadata: ["payments": "\(expired)"]) }
    }
    try worker.schedule("payments.sweep", cron: "* * * * *", sweep, Empty(), missed: .once, uniqueKey: "sweep")
    return worker
  }
}
