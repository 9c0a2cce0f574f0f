import Foundation
import GravityContracts
import GravityData
import Logging
import Synchronization

/// Tries parked events again when they are due.
struct ParkedEventPump: Sendable {
  let consumer: EventConsumer
  let lanes: Int
  let meters: ConsumerMeters

  private static let batch = 64

  func run() async {
    let signal = Signal()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        let channel = ParkedEventStore.channel(consumer.name)
        for await _ in consumer.database.notifications(on: channel) { signal.raise() }
      }
      group.addTask { await pump(signal) }
    }
  }

  private func pump(_ signal: Signal) async {
    var backoff = Backoff(first: .milliseconds(100), greatest: .seconds(5))
    let name = consumer.name
    while !Task.isCancelled {
      do {
        let due = try await consumer.database.write {
          try ParkedEventStore($0, consumer: name).claimDue(limit: Self.batch, lease: consumer.attemptLease)
        }
        try await attempt(due)
        backoff.succeeded()
        if due.count == Self.batch { continue }
        let next = try await consumer.database.read { try ParkedEventStore($0, consumer: name).untilNext() }
        // Another process may have changed something without a wake-up, so not for long.
        await signal.wait(atMost: .seconds(min(max(next ?? 5, 0.001), 5)))
      } catch is CancellationError {} catch {
        backoff.failed()
        if backoff.failures == 1 {
          consumer.logger.warning(
            "parked events wait for the database", metadata: ["consumer": "\(name)", "error.message": "\(error)"])
        }
        try? await Task.sleep(for: backoff.pause)
      }
    }
  }

  private func attempt(_ due: [ParkedEvent]) async throws {
    let left = Left(due.map(\.id))
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        var running = 0
        for parked in due where !parked.isSuspect {
          if running == lanes {
            try await group.next()
            running -= 1
          }
          running += 1
          group.addTask {
            try await attempt(parked, attempts: parked.attempts + 1)
            left.remove(parked.id)
          }
        }
        try await group.waitForAll()
      }
      // One by one: whichever ends the process is the one whose attempt was counted.
      for parked in due where parked.isSuspect {
        if parked.attempts > consumer.ladder.delays.count {
          try await giveUp(parked)
        } else {
          let name = consumer.name
          try await consumer.database.write { try ParkedEventStore($0, consumer: name).countAttempt(parked.id) }
          left.count(parked.id)
          try await attempt(parked, attempts: parked.attempts + 1)
        }
        left.remove(parked.id)
      }
    } catch {
      // The process lives and the database is in trouble: no reason to suspect an event of anything.
      let (ids, counted) = left.all
      _ = await Task {
        try await consumer.database.write {
          try ParkedEventStore($0, consumer: consumer.name).releaseClaims(ids, countedAttempt: counted)
        }
      }.result
      throw error
    }
  }

  /// What was claimed and is not settled.
  private final class Left: Sendable {
    private let state: Mutex<(ids: [UUID], counted: UUID?)>
    init(_ ids: [UUID]) { state = Mutex((ids, nil)) }
    var all: ([UUID], UUID?) { state.withLock { ($0.ids, $0.counted) } }
    func count(_ id: UUID) { state.withLock { $0.counted = id } }
    func remove(_ id: UUID) {
      state.withLock { state in
        state.ids.removeAll { $0 == id }
        state.counted = nil
      }
    }
  }

  /// - Throws: when the database is away; the event is due again when its claim has run out.
  private func attempt(_ parked: ParkedEvent, attempts: Int) async throws {
    let event: CloudEvent
    do { event = try CloudEvent(json: parked.body) } catch {
      return try await consumer.database.write { transaction in
        try ParkedEventStore(transaction, consumer: consumer.name).park(
          parked.message, nil, .dead, attempts: attempts, error: error.description,
          nextAttemptAt: try transaction.now)
      }
    }
    let began = ContinuousClock.now
    let spans = EventSpans(consumer: consumer.name, attempt: attempts)
    do {
      let outcomes = try await consumer.database.write { transaction in
        let outcomes = try consumer.intake.take([event], in: transaction, spans: spans)
        if outcomes[event.id] != .held {
          try ParkedEventStore(transaction, consumer: consumer.name).delete(parked.id)
        }
        return outcomes
      }
      meters.handled(outcomes, took: began.duration(to: .now))
      spans.committed()
    } catch let error where !EventConsumer.isAway(error) {
      spans.failed(error)
      try await consumer.park(event, attempts: attempts, error)
    }
  }

  private func giveUp(_ parked: ParkedEvent) async throws {
    let error = "each time it was handled the process came to an end"
    try await consumer.database.write { transaction in
      try ParkedEventStore(transaction, consumer: consumer.name).park(
        parked.message, try? CloudEvent(json: parked.body), .dead, attempts: parked.attempts, error: error,
        nextAttemptAt: try transaction.now)
    }
    meters.died()
    consumer.logger.error(
      "an event is a dead letter: \(error)",
      metadata: ["consumer": "\(consumer.name)", "event.id": "\(parked.id.lowercased)"])
  }
}
