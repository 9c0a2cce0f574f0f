public import Foundation
public import GravityData
public import Logging
public import Metrics
public import ServiceLifecycle

/// Publishes what a service's outbox holds, at once and for as long as it takes.
///
/// Woken by each commit that recorded an event; a slow poll is there for wake-ups that were lost. Several relays, in
/// one process or in many, share an outbox. What a relay had claimed when it died is published by another after
/// its claim has run out; a consumer may then see it twice, and its inbox keeps the effect single.
public struct OutboxRelay: Service {
  /// How many events go out at a time.
  public static let batch = 500
  /// How long a relay with little to do waits for more to come. Each event is that much later at most.
  static let gathering: Duration = .milliseconds(3)
  /// Seconds until what the broker did not take is tried again.
  static let pause: TimeInterval = 0.5
  /// Seconds for which published events are kept for replay.
  public static let retention: TimeInterval = 7 * 86_400

  private let database: any Database
  private let broker: any EventBroker
  private let claimLease: TimeInterval
  private let logger: Logger
  private let published: Counter
  private let failures: Counter
  private let waiting: Gauge
  private let oldest: Gauge

  /// - Parameter claimLease: After how long what a relay claimed is another's: more than a publish may take.
  public init(
    database: any Database, broker: any EventBroker, claimLease: Duration = .seconds(20), logger: Logger,
    metrics: any MetricsFactory = MetricsSystem.factory
  ) {
    self.database = database
    self.broker = broker
    self.claimLease = claimLease / .seconds(1)
    self.logger = logger
    published = Counter(label: "messaging.outbox.published", factory: metrics)
    failures = Counter(label: "messaging.outbox.failures", factory: metrics)
    waiting = Gauge(label: "messaging.outbox.waiting", factory: metrics)
    oldest = Gauge(label: "messaging.outbox.oldest.age.seconds", factory: metrics)
  }

  public func run() async throws {
    await cancelWhenGracefulShutdown {
      let signal = Signal()
      // What waits from before needs no wake-up.
      signal.raise()
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          for await _ in database.notifications(on: OutboxStore.channel) { signal.raise() }
        }
        group.addTask { await publish(when: signal) }
        group.addTask { await maintain() }
      }
    }
  }

  private func publish(when signal: Signal) async {
    var backoff = Backoff(first: .milliseconds(100), greatest: .seconds(5))
    while !Task.isCancelled {
      do {
        if try await publishBatch() == Self.batch {
          // Much waits. Two at a time: one is being claimed or marked while the other is with the broker.
          async let one: Void = publishBatches()
          async let other: Void = publishBatches()
          _ = try await (one, other)
        } else {
          // What is recorded meanwhile goes out together: a batch costs two transactions, however small it is.
          try await Task.sleep(for: Self.gathering)
        }
        if backoff.failures > 0 {
          logger.notice("events are published again", metadata: ["failures": "\(backoff.failures)"])
        }
        backoff.succeeded()
        await signal.wait(atMost: .seconds(5))
      } catch is CancellationError {} catch {
        failures.increment()
        backoff.failed()
        // Not each time: an outage is one thing to say.
        if backoff.failures == 1 {
          logger.warning("events wait in the outbox", metadata: ["error.message": "\(error)"])
        }
        try? await Task.sleep(for: backoff.pause)
      }
    }
  }

  /// Publishes until nothing waits.
  private func publishBatches() async throws {
    while true {
      try Task.checkCancellation()
      guard try await publishBatch() == Self.batch else { return }
    }
  }

  /// - Returns: how many were claimed.
  package func publishBatch() async throws -> Int {
    // Relaxed, here and below: rows are taken by lock and changed by id, and whoever appends beside must not have to run
    // again for it.
    let messages = try await database.write {
      try $0.relax()
      return try OutboxStore($0).claim(limit: Self.batch, for: claimLease)
    }
    guard !messages.isEmpty else { return 0 }
    let ids = messages.map(\.id)
    do {
      let span = PublishedSpans()
      let safe = try await broker.publish(messages)
      span.published(messages, safe)
      let done = ids.filter(safe.contains)
      let left = ids.filter { !safe.contains($0) }
      // Also when the relay is being stopped: what is marked is not sent twice.
      try await Task {
        try await database.write { transaction in
          try transaction.relax()
          let store = OutboxStore(transaction)
          try store.markPublished(done)
          try store.release(left, for: Self.pause)
        }
      }.value
      published.increment(by: done.count)
      guard left.isEmpty else { throw BrokerError.unavailable("\(left.count) events were not confirmed") }
      return messages.count
    } catch {
      // So that they need not wait for the claim to run out. When this fails too, they do.
      _ = await Task {
        try await database.write {
          try $0.relax()
          try OutboxStore($0).release(ids, for: Self.pause)
        }
      }.result
      throw error
    }
  }

  /// Deletes what was kept long enough, and tells how much waits.
  private func maintain() async {
    var turn = 0
    while !Task.isCancelled {
      do {
        let status = try await database.read { try OutboxStore($0).backlog() }
        waiting.record(status.waiting)
        oldest.record(status.oldest)
        if turn % 60 == 0 { try await deletePublished() }
        turn += 1
      } catch is CancellationError {} catch {
        logger.warning("cannot maintain the outbox", metadata: ["error.message": "\(error)"])
      }
      try? await Task.sleep(for: .seconds(10))
    }
  }

  private func deletePublished() async throws {
    let limit = 1_000
    while try await database.write({
      try OutboxStore($0).deletePublished(before: try $0.now - Self.retention, limit: limit)
    }) == limit { try Task.checkCancellation() }
  }
}
