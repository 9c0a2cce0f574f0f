import Dispatch
import Foundation
import GravityData
import Logging

extension TaskWorker {
  static let leaseName = "gravity-tasks"

  /// Fires schedules, deletes finished tasks and counts, whenever this instance holds the lease; until cancelled.
  func leadWhenFree(_ schedules: [TaskSchedule]) async {
    var errors = 0
    var notedAt: UInt64 = 0
    while !Task.isCancelled {
      do {
        if let lease = try await Lease.acquire(
          Self.leaseName, owner: id, for: configuration.schedulerLease, in: database)
        {
          logger.debug("this instance schedules", metadata: ["token": "\(lease.token)"])
          let end = await hold(lease, schedules)
          counts.set([])
          if let end { throw end }
        } else {
          try await note(schedules, &notedAt)
        }
        errors = 0
        if !Task.isCancelled { await lead.wait(atMost: jittered(configuration.schedulerLease / 2)) }
      } catch is CancellationError {
        return
      } catch {
        errors += 1
        logger.warning("this instance cannot schedule", metadata: ["error": "\(error)"])
        await lead.wait(atMost: retryPause(errors))
      }
    }
  }

  /// - Returns: why it ended, unless it was cancelled.
  private func hold(_ lease: Lease, _ schedules: [TaskSchedule]) async -> (any Error)? {
    var lease = lease
    let term = UInt64(configuration.schedulerLease.inSeconds * 1e9)
    var renewedAt = DispatchTime.now().uptimeNanoseconds
    var upkeepAt: UInt64 = 0
    do {
      while !Task.isCancelled {
        let now = DispatchTime.now().uptimeNanoseconds
        if now &- renewedAt > term / 3 {
          lease = try await lease.renew(for: configuration.schedulerLease, in: database)
          renewedAt = now
        }
        if upkeepAt == 0 || now &- upkeepAt > UInt64(configuration.upkeepInterval.inSeconds * 1e9) {
          try await keepUp(schedules, lease)
          upkeepAt = now
        }
        var tick = TaskTable.Tick()
        if !schedules.isEmpty {
          tick = try await database.write { [lease, tolerance = configuration.missedTolerance] in
            try TaskTable.tick(schedules, tolerance: tolerance, lease: lease, in: $0)
          }
        }
        if !tick.fired.isEmpty { logger.debug("schedules fired", metadata: ["schedules": "\(tick.fired)"]) }
        let pause = min(configuration.schedulerLease / 3, configuration.upkeepInterval)
        await lead.wait(atMost: max(.milliseconds(1), min(tick.next ?? pause, pause)))
      }
      await release(lease)
      return nil
    } catch {
      await release(lease)
      return error is CancellationError ? nil : error
    }
  }

  private func keepUp(_ schedules: [TaskSchedule], _ lease: Lease) async throws {
    try await database.write { [forgetAfter = configuration.forgetSchedules] in
      try TaskTable.declare(schedules, forgetAfter: forgetAfter, lease: lease, in: $0)
    }
    // Bounded, so that the lease is renewed in time; the rest is for the next time.
    for _ in 0..<20 {
      let deleted = try await database.write { [limit = configuration.deletionBatch] transaction in
        try transaction.relax()
        try lease.check(in: transaction)
        return try TaskTable.deleteExpired(limit: limit, in: transaction)
      }
      if deleted < configuration.deletionBatch { break }
    }
    counts.set(try await TaskStore(database).unfinishedCounts())
  }

  /// Says that this instance still declares its schedules, though another fires them.
  private func note(_ schedules: [TaskSchedule], _ notedAt: inout UInt64) async throws {
    let now = DispatchTime.now().uptimeNanoseconds
    let interval = UInt64(configuration.upkeepInterval.inSeconds * 1e9)
    guard !schedules.isEmpty, notedAt == 0 || now &- notedAt > interval else { return }
    let names = schedules.map(\.name)
    try await database.write { try TaskTable.note(names, in: $0) }
    notedAt = now
  }

  /// Also when this task is cancelled already, so that a successor need not wait for the lease to run out.
  private func release(_ lease: Lease) async {
    await Task { [database, logger] in
      do { try await lease.release(in: database) } catch {
        logger.debug("the scheduler's lease was not released", metadata: ["error": "\(error)"])
      }
    }.value
  }
}
