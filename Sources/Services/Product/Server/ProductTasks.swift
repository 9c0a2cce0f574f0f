import Foundation
import GravityData
import GravityTasks
import Logging
import ServiceLifecycle

/// What the service does by itself: imports, and deleting what expired.
struct ProductTasks: Service {
  let core: ProductCore
  let imports: Imports
  let worker: TaskWorker

  private static let batch = 500

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      // It drains by itself when the service is asked to stop.
      group.addTask { try await worker.run() }
      group.addTask {
        await cancelWhenGracefulShutdown {
          while !Task.isCancelled {
            await sweep()
            try? await Task.sleep(for: .seconds(60))
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// Deletes what expired, in short transactions. A failure is for the log; the next turn tries again.
  private func sweep() async {
    do {
      while try await core.database.expireIdempotencyKeys(limit: Self.batch) >= Self.batch {
        try Task.checkCancellation()
      }
      while try await imports.deleteOneExpired() { try Task.checkCancellation() }
    } catch is CancellationError {} catch {
      core.logger.warning("cannot delete what expired", metadata: ["error.message": "\(error)"])
    }
  }
}
