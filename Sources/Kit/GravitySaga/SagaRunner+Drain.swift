import Dispatch
import Foundation
import GravityData
import Logging
import Synchronization

extension SagaRunner {
  /// Waits for the attempts that run, cancels what is left at the bound, and gives everything back.
  func drain() async {
    state.withLock { $0.isDraining = true }
    // A task of its own: also when this one is cancelled, the sagas have to be given back.
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
      let now = DispatchTime.now().uptimeNanoseconds
      if count == 0 || isHurried || now >= deadline { break }
      await idle.wait(atMost: .nanoseconds(Int64(clamping: deadline - now)))
    }
    let rest = state.withLock { state in
      state.isHurried = true
      return state.running.values.compactMap { $0 }
    }
    if !rest.isEmpty {
      logger.notice(
        "sagas are given back in mid-step, since they did not end in time", metadata: ["count": "\(rest.count)"])
      for attempt in rest { attempt.cancel(.shutdown) }
    }
    while state.withLock({ !$0.running.isEmpty }) { await idle.wait(atMost: .seconds(1)) }
    let (owner, fresh) = state.withLock { ($0.owner, $0.queue) }
    do {
      let count = try await store.database.write { [store] in
        try SagaTable.leave(owner, fresh: fresh, clock: store.clock, in: $0)
      }
      if count > 0 { logger.info("sagas were given back", metadata: ["count": "\(count)"]) }
    } catch {
      logger.warning("sagas are left to other instances until the lease runs out", metadata: ["error": "\(error)"])
    }
  }
}
