import Foundation
import GravityData
import GravityTasks
import Logging
import ServiceLifecycle

/// What the service does by itself: find out what became of lost answers, end what expires, delete what is old.
struct PaymentTasks: Service {
  let core: PaymentCore
  let worker: TaskWorker
  let reconciler: Reconciler

  private static let batch = 500

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      // It drains by itself when the service is asked to stop.
      group.addTask { try await worker.run() }
      group.addTask {
        await cancelWhenGracefulShutdown {
          await reconcileAtStart()
          await sweep()
        }
      }
      try await group.waitForAll()
    }
  }

  /// Whoever asked before the start is gone, and nobody else knows of it.
  private func reconcileAtStart() async {
    while !Task.isCancelled {
      if await attempt("reconcile", { try await reconciler.reconcileDue(all: true) }) { return }
      try? await Task.sleep(for: .seconds(1))
    }
  }

  /// Deletes what expired, in short transactions.
  private func sweep() async {
    while !Task.isCancelled {
      _ = await attempt("delete what expired") {
        while try await core.database.expireIdempotencyKeys(limit: Self.batch) >= Self.batch {
          try Task.checkCancellation()
        }
      }
      try? await Task.sleep(for: .seconds(60))
    }
  }

  /// A failure is for the log; the next turn tries again.
  private func attempt(_ what: String, _ body: @Sendable () async throws -> Void) async -> Bool {
    do {
      try await body()
      return true
    } catch is CancellationError {
      return false
    } catch {
      core.logger.warning("cannot \(what)", metadata: ["error.message": "\(error)"])
      return false
    }
  }
}
