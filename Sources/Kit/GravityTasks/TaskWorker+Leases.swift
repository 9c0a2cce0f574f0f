import Dispatch
import Foundation
import GravityData
import Logging
import Synchronization

extension TaskWorker {
  /// Keeps the leases of running attempts, and tells those that were canceled or lost; until cancelled.
  func keepLeases() async {
    let interval = configuration.lease / 3
    var errors = 0
    while !Task.isCancelled {
      // Sooner after a failure: the lease does not wait.
      await beat.wait(atMost: errors == 0 ? interval : min(interval, retryPause(errors)))
      let attempts = state.withLock { $0.running.values.filter { $0.reason != .lost } }
      guard !attempts.isEmpty else { continue }
      do {
        try await renew(attempts)
        errors = 0
      } catch {
        errors += 1
        logger.warning("leases of tasks cannot be renewed", metadata: ["error": "\(error)"])
        // By now another worker may have the task.
        let lease = UInt64(configuration.lease.inSeconds * 1e9)
        for attempt in attempts where attempt.nanosecondsSinceRenewal > lease { attempt.cancel(.lost) }
      }
    }
  }

  private func renew(_ attempts: [AttemptState]) async throws {
    let start = DispatchTime.now().uptimeNanoseconds
    let work = attempts.map { ($0.key, $0.takeProgress()) }
    let beats: [Heartbeat]
    do {
      beats = try await database.write { [lease = configuration.lease] transaction in
        try transaction.relax()
        return try work.map { try TaskTable.renew($0.0, progress: $0.1, lease: lease, in: transaction) }
      }
    } catch {
      for (attempt, (_, progress)) in zip(attempts, work) { if let progress { attempt.restore(progress) } }
      throw error
    }
    for (attempt, beat) in zip(attempts, beats) {
      switch beat {
      case .alive: attempt.renewed(at: start)
      case .cancelRequested:
        attempt.renewed(at: start)
        attempt.cancel(.requested)
      // Also what has ended meanwhile, in the handler's own transaction; that one no longer cares.
      case .lost: if !attempt.isCompleting { attempt.cancel(.lost) }
      }
    }
  }

  /// Ends attempts whose lease has run out, of the types that this worker knows: each counts as a failure, so a task
  /// that kills its process is dead in the end. Until cancelled.
  func reapLapsed(_ handlers: [String: TaskHandler]) async {
    let types = handlers.keys.sorted()
    // Nobody signals this one; it only keeps the pause.
    let pause = Signal()
    while !Task.isCancelled {
      await pause.wait(atMost: jittered(configuration.reapInterval))
      do {
        var count = 0
        repeat { count = try await reap(types, handlers) } while count == Self.reapLimit && !Task.isCancelled
      } catch is CancellationError {
        return
      } catch {
        logger.warning("lapsed tasks cannot be taken back", metadata: ["error": "\(error)"])
      }
    }
  }

  private func reap(_ types: [String], _ handlers: [String: TaskHandler]) async throws -> Int {
    let chance = configuration.chance()
    let ended = try await database.write { transaction in
      try transaction.relax()
      return try TaskTable.lapsed(types, limit: Self.reapLimit, in: transaction).compactMap {
        task -> (LapsedTask, TaskOutcome?)? in
        guard let handler = handlers[task.type] else { return nil }
        let outcome = handler.failed(
          "its lease ran out: its process ended or stood still, or its handler did not end", failures: task.failures,
          chance: chance)
        return (task, try TaskTable.finish(task.key, outcome, retention: task.retention, in: transaction))
      }
    }
    for (task, outcome) in ended {
      guard let outcome else { continue }
      logger.warning(
        "a task's lease ran out",
        metadata: [
          "task.id": "\(task.key.id.uuidString.lowercased())", "task.type": "\(task.type)",
          "task.attempt": "\(task.key.attempt)", "outcome": "\(outcome.label)",
        ])
      handlers[task.type]?.metrics.ended("lost", nanoseconds: nil)
    }
    return ended.count
  }

  private static let reapLimit = 100
}
