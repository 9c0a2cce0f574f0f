import GravityData
import Logging
import Synchronization

extension TaskWorker {
  /// Takes tasks whenever there is a free slot and something due, until cancelled.
  func claimTasks(_ handlers: [String: TaskHandler]) async {
    let types = handlers.keys.sorted()
    var errors = 0
    while !Task.isCancelled {
      let (limits, free) = room(types, handlers)
      guard free > 0 else {
        await work.wait(atMost: jittered(configuration.pollInterval))
        continue
      }
      do {
        let claim = try await database.write { [id, configuration] in
          try TaskTable.claim(limits: limits, free: free, worker: id, lease: configuration.lease, in: $0)
        }
        errors = 0
        for task in claim.tasks { if let handler = handlers[task.type] { begin(task, handler) } }
        // As long as there was something, look again: what comes next is not known.
        guard claim.tasks.isEmpty else { continue }
        await work.wait(atMost: pause(until: claim.next))
      } catch is CancellationError {
        return
      } catch {
        errors += 1
        logger.warning("tasks cannot be claimed", metadata: ["error": "\(error)"])
        await work.wait(atMost: retryPause(errors))
      }
    }
  }

  /// How many of each type may be taken. A handler that does not end keeps slots of its own type only.
  private func room(
    _ types: [String], _ handlers: [String: TaskHandler]
  ) -> (limits: [(type: String, free: Int)], free: Int) {
    state.withLock { state in
      let limits = types.map { type in
        let used = state.runningOf[type, default: 0] + state.strays[type, default: 0]
        return (type, max(0, (handlers[type]?.concurrency ?? 0) - used))
      }
      let free = max(0, configuration.concurrency - state.running.count)
      return (limits, limits.contains { $0.1 > 0 } ? free : 0)
    }
  }

  private func pause(until next: Duration?) -> Duration {
    // Others were just taking what is due: they may have left some.
    if next == .zero { return .milliseconds(5 + 20 * configuration.chance()) }
    let poll = jittered(configuration.pollInterval)
    return next.map { min(max($0, .milliseconds(1)), poll) } ?? poll
  }

  /// After `errors` failures of the database in a row: 50 ms, doubling up to 5 s, give or take a fifth.
  func retryPause(_ errors: Int) -> Duration {
    jittered(.milliseconds(min(5_000, 50 << min(max(errors - 1, 0), 7))))
  }
}
