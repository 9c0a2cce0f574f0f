import Foundation
import GravityData
import GravitySaga
import Logging
import ServiceLifecycle

/// What the service does by itself: drive sagas, delete what expired.
struct OrderTasks: Service {
  let core: OrderCore
  let runner: SagaRunner

  private static let batch = 500

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      // It hands over by itself when the service is asked to stop.
      group.addTask { try await runner.run() }
      group.addTask { await cancelWhenGracefulShutdown { await sweeping() } }
      try await group.waitForAll()
    }
  }

  private func sweeping() async {
    while !Task.isCancelled {
      do {
        while try await core.database.expireIdempotencyKeys(limit: Self.batch) >= Self.batch {
          try Task.checkCancellation()
        }
        while try await core.database.write({ try CartStore($0).deleteExpired(limit: Self.batch) }) >= Self.batch {
          try Task.checkCancellation()
        }
      } catch is CancellationError {
        return
      } catch {
        core.logger.warning("cannot delete what expired", metadata: ["error.message": "\(error)"])
      }
      try? await Task.sleep(for: .seconds(60))
    }
  }
}
