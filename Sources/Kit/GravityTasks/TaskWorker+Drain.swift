import Dispatch
import GravityData
import Logging
import Synchronization

extension TaskWorker {
  /// Waits for the running attempts, cancels what is left at the bound, and waits until all have been given back.
  func drain() async {
    // A task of its own: also when this one is cancelled, the attempts have to be given back.
    let draining = Task { await endAttempts() }
    await withTaskCancellationHandler {
      await draining.value
    } onCancel: {
      state.withLock { $0.isHurried = true }
      idle.raise()
    }
  }

  private func endAttempts() async {
    let deadline = DispatchTime.now().uptimeNanoseconds &+ UInt64(configuration.drainTimeout.inSeconds * 1e9)
    while true {
      let (count, isHurried) = state.withLock { ($0.running.count, $0.isHurried) }
      if count == 0 { return }
      let now = DispatchTime.now().uptimeNanoseconds
      if isHurried || now >= deadline { break }
      await idle.wait(atMost: .nanoseconds(Int64(clamping: deadline - now)))
    }
    let rest = state.withLock { Array($0.running.values) }
    logger.notice("tasks are given back, since they did not end in time", metadata: ["count": "\(rest.count)"])
    for attempt in rest { attempt.cancel(.shutdown) }
    // Each ends: its handler within the grace, else it is left behind; its outcome is written within its lease.
    while state.withLock({ !$0.running.isEmpty }) { await idle.wait(atMost: .seconds(1)) }
  }
}
