import Dispatch
import Foundation
import GravityContracts
import GravityData
import Logging
import Synchronization

extension SagaRunner {
  /// Renews the lease of this instance, until cancelled.
  func keepLease() async {
    let interval = configuration.lease / 3
    var errors = 0
    // Nobody signals this one; it only keeps the pause.
    let pause = Signal()
    while !Task.isCancelled {
      await pause.wait(atMost: errors == 0 ? interval : min(interval, retryPause(errors)))
      if Task.isCancelled { return }
      let (owner, renewedAt) = state.withLock { ($0.owner, $0.renewedAt) }
      let start = DispatchTime.now().uptimeNanoseconds
      do {
        let isOurs = try await store.database.write { [store, configuration] in
          try SagaTable.renew(owner, for: configuration.lease, clock: store.clock, in: $0)
        }
        errors = 0
        if isOurs {
          state.withLock { $0.renewedAt = start }
        } else {
          await lose("it ran out")
        }
      } catch is CancellationError {
        return
      } catch {
        errors += 1
        logger.warning("the lease on sagas cannot be renewed", metadata: ["error": "\(error)"])
        // By now another instance may have them.
        if start &- renewedAt > UInt64(configuration.lease.inSeconds * 1e9) { await lose("\(error)") }
      }
    }
  }

  /// Whatever runs here may be another's by now: it ends, and this instance begins anew under another name.
  func lose(_ reason: String) async {
    logger.error("the lease on sagas is lost", metadata: ["reason": "\(reason)"])
    store.hub.set(nil)
    let attempts = state.withLock { state in
      state.known.subtract(state.queue)
      state.queue = []
      return state.running.values.compactMap { $0 }
    }
    for attempt in attempts { attempt.cancel(.lost) }
    await enter()
    work.raise()
  }

  /// Frees what belongs to instances that live no more, until cancelled.
  func freeLapsed() async {
    // Nobody signals this one; it only keeps the pause.
    let pause = Signal()
    while !Task.isCancelled {
      do {
        let count = try await freeAll()
        if count > 0 {
          logger.warning("sagas of an instance that lives no more are free", metadata: ["count": "\(count)"])
          work.raise()
        }
      } catch is CancellationError {
        return
      } catch {
        logger.warning("sagas of dead instances cannot be freed", metadata: ["error": "\(error)"])
      }
      await pause.wait(atMost: jittered(configuration.lease / 2))
    }
  }

  func freeAll() async throws -> Int {
    let limit = 500
    var total = 0
    while true {
      let count = try await store.database.write { [store] in
        try SagaTable.free(limit: limit, clock: store.clock, in: $0)
      }
      total += count
      if count < limit { return total }
    }
  }

  /// Deletes what was kept long enough and counts, when this instance is the first among all; until cancelled.
  func keepHouse() async {
    // Nobody signals this one; it only keeps the pause.
    let pause = Signal()
    while !Task.isCancelled {
      do {
        let owner = owner
        let isFirst = try await store.database.read { [store] in
          try SagaTable.isFirst(owner, clock: store.clock, in: $0)
        }
        if isFirst {
          try await deleteExpired()
          gauges.set(try await reading())
        } else {
          gauges.set(.init())
        }
      } catch is CancellationError {
        return
      } catch {
        logger.warning("ended sagas cannot be deleted or counted", metadata: ["error": "\(error)"])
      }
      await pause.wait(atMost: jittered(configuration.upkeepInterval))
    }
    gauges.set(.init())
  }

  private func deleteExpired() async throws {
    // Bounded; the rest is for the next time.
    for _ in 0..<50 {
      let deleted = try await store.database.write { [store, limit = configuration.deletionBatch] in
        try SagaTable.deleteExpired(limit: limit, clock: store.clock, in: $0)
      }
      if deleted < configuration.deletionBatch { return }
    }
  }

  private func reading() async throws -> SagaGauges.Reading {
    let counts = try await store.unfinishedCounts()
    let (age, lag) = try await store.database.read { [store] transaction in
      let now = try store.clock.now(transaction)
      let oldest: Date? = try transaction.rows(
        "SELECT min(started_at) AS oldest FROM gravity_sagas WHERE ended_at IS NULL"
      ).first?.get("oldest")
      let due: Date? = try transaction.rows(
        "SELECT min(run_at) AS due FROM gravity_sagas WHERE owner IS NULL AND run_at IS NOT NULL"
      ).first?.get("due")
      func since(_ date: Date?) -> Double { date.map { max(0, now.timeIntervalSince($0)) } ?? 0 }
      return (since(oldest), since(due))
    }
    return SagaGauges.Reading(counts: counts, oldestAge: age, lag: lag)
  }
}
