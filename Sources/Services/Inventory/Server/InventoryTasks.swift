import Foundation
import GravityData
import Logging
import ServiceLifecycle

/// What the service does by itself: tell of reservations that have expired, delete what is kept for a while only.
struct InventoryTasks: Service {
  let core: InventoryCore
  let reservations: Reservations

  private static let batch = 500

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          await repeating(every: core.configuration.sweepInterval, "expire reservations") { try await expire() }
        }
        group.addTask { await repeating(every: .seconds(60), "delete what expired") { try await sweep() } }
      }
    }
  }

  private func expire() async throws {
    while try await reservations.expireDue() == core.configuration.sweepBatch { try Task.checkCancellation() }
  }

  private func sweep() async throws {
    while try await core.database.expireIdempotencyKeys(limit: Self.batch) >= Self.batch {
      try Task.checkCancellation()
    }
  }

  private func repeating(every interval: Duration, _ what: String, _ body: @Sendable () async throws -> Void) async {
    while !Task.isCancelled {
      // A failure is for the log; the next turn tries again.
      do { try await body() } catch is CancellationError {} catch {
        core.logger.warning("cannot \(what)", metadata: ["error.message": "\(error)"])
      }
      try? await Task.sleep(for: interval)
    }
  }
}
