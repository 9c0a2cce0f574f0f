import Foundation
import GravityData
import GravitySaga
import GravityTasks
import Logging
import ServiceLifecycle

/// What the service does by itself: look at accounts of which something was heard, begin erasures that are due and
/// carry them through the services, send mails, collect exports, delete what expired.
struct UserTasks: Service {
  let core: UserCore
  let copies: AccountCopies
  let worker: TaskWorker
  let runner: SagaRunner
  let gauges: ErasureGauges

  private static let batch = 500

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      // It drains by itself when the service is asked to stop.
      group.addTask { try await worker.run() }
      group.addTask { try await runner.run() }
      group.addTask { await look() }
      try await group.waitForAll()
    }
  }

  private func look() async {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await repeating(every: .seconds(5), "refresh accounts") { try await refresh() } }
        group.addTask {
          for await _ in core.database.notifications(on: AccountCopies.channel) {
            await attempt("refresh accounts") { try await refresh() }
          }
        }
        group.addTask { await repeating(every: .seconds(60), "delete what expired") { try await sweep() } }
      }
    }
  }

  private func refresh() async throws {
    while try await copies.refreshDue() > 0 { try Task.checkCancellation() }
  }

  /// Deletes what expired, in short transactions.
  private func sweep() async throws {
    try await gauges.record(core)
    try await ExportExpiry(core: core).sweep()
    while try await sweepInvites() >= Self.batch { try Task.checkCancellation() }
    while try await core.database.expireIdempotencyKeys(limit: Self.batch) >= Self.batch {
      try Task.checkCancellation()
    }
  }

  private func sweepInvites() async throws -> Int {
    try await core.write { transaction, now in
      let store = TeamInviteStore(transaction)
      let mails = try store.deleteMails(before: now - 86_400, limit: Self.batch)
      return max(mails, try store.deleteOld(before: now - TeamInvites.memory, limit: Self.batch))
    }
  }

  private func repeating(every interval: Duration, _ what: String, _ body: @Sendable () async throws -> Void) async {
    while !Task.isCancelled {
      await attempt(what, body)
      try? await Task.sleep(for: interval)
    }
  }

  /// A failure is for the log; the next turn tries again.
  private func attempt(_ what: String, _ body: @Sendable () async throws -> Void) async {
    do { try await body() } catch is CancellationError {} catch {
      core.logger.warning("cannot \(what)", metadata: ["error.message": "\(error)"])
    }
  }
}
