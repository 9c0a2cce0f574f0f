import Foundation
import GravityContracts
import GravityData
import GravityTasks
import Logging

/// Asks for the erasure of those whose time of grace is over: every minute, by one instance.
enum ErasureSchedule {
  /// Has nothing to say: who is due is found out when it runs.
  static let task = TaskType<Empty>("users.request_erasures")
  private static let batch = 100

  static func handle(_ lifecycle: Lifecycle, on worker: TaskWorker) throws {
    let core = lifecycle.core
    worker.handle(task, concurrency: 1) { _, _ in
      var count = 0
      while true {
        let requested = try await core.database.write { transaction in
          try lifecycle.requestDueErasures(limit: batch, in: transaction)
        }
        count += requested.count
        if requested.count < batch { break }
      }
      if count > 0 { core.logger.notice("erasures were requested", metadata: ["users": "\(count)"]) }
    }
    try worker.schedule("users.request_erasures", cron: "* * * * *", task, Empty(), missed: .once)
  }
}
