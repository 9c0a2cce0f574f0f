public import Foundation
import GravityContracts
public import GravityData
public import Logging
public import Metrics
public import ServiceLifecycle

/// Takes the events of one family to a service: each takes effect exactly once in the service's database.
///
/// The past that comes from a snapshot is told by events of its own, which the ones that led to it may follow: with
/// ``EventOrder/bySubject`` they are dropped, and with ``EventOrder/any`` a handler must be right in any order.
///
/// An event is acknowledged to the broker only when its effect, or the fact that it could not be handled yet, is
/// committed. One whose handler throws is parked in the service's database and tried again by the ladder; when that
/// ends it is a dead letter that waits for somebody to decide (``DeadLetters``). While the database is away nothing
/// counts as a failure: the consumer waits. An event that may have ended the process is handled alone, with its
/// attempts counted beforehand, so that it cannot do so for ever.
public struct EventConsumer: Service {
  /// How many events are handled in one transaction, when nothing goes wrong.
  public static let batch = 64
  /// Seconds for which it is known that an event was handled: longer than an outbox is kept for replay.
  public static let memory: TimeInterval = 30 * 86_400

  /// `user.auth`: also the queue's name.
  public let name: String
  let intake: EventIntake
  let ladder: RetryLadder
  /// Seconds.
  let attemptLease: TimeInterval
  let database: any Database
  let logger: Logger
  private let broker: any EventBroker
  private let queue: EventQueue
  private let lanes: Int
  private let snapshot: EventSnapshot?
  private let meters: ConsumerMeters

  /// To be part of a migration of a service that consumes.
  public static let migrationStatements: [SQL] = InboxStore.migrationStatements

  /// - Parameters:
  ///   - service: The consuming service.
  ///   - family: `user`: what stands first in the types' names.
  ///   - handlers: One for a type; all of this family.
  ///   - snapshot: Where the past comes from that this consumer has never seen.
  ///   - attemptLease: After how long a parked event is due again whose attempt never came to an end.
  ///   - lanes: How many transactions are under way at a time.
  public init(
    service: String, family: String, order: EventOrder = .any, handlers: [EventHandler],
    snapshot: EventSnapshot? = nil, ladder: RetryLadder = .standard, attemptLease: Duration = .seconds(60),
    lanes: Int = 4, database: any Database,
    broker: any EventBroker, logger: Logger, metrics: any MetricsFactory = MetricsSystem.factory
  ) {
    name = "\(service).\(family)"
    precondition(
      handlers.allSatisfy { $0.type.hasPrefix(family + ".") }, "\(name) handles events of the family \(family) only")
    intake = EventIntake(
      consumer: name, order: order,
      handlers: Dictionary(handlers.map { ($0.type, $0) }) { _, _ in
        preconditionFailure("\(service).\(family) has two handlers for one type")
      })
    queue = EventQueue(name, patterns: order == .any ? handlers.map(\.type) : ["\(family).#"])
    self.snapshot = snapshot
    self.ladder = ladder
    self.attemptLease = attemptLease / .seconds(1)
    self.lanes = max(1, lanes)
    self.database = database
    self.broker = broker
    self.logger = logger
    meters = ConsumerMeters(consumer: name, metrics)
  }

  public func run() async throws {
    await cancelWhenGracefulShutdown {
      let subscription = broker.subscribe(to: queue, prefetch: min(1_000, lanes * Self.batch * 2))
      let pump = ParkedEventPump(consumer: self, lanes: lanes, meters: meters)
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await fetch(subscription) }
        group.addTask { await pump.run() }
        group.addTask { await maintain() }
        if let snapshot {
          group.addTask { await SnapshotImport(snapshot, consumer: self, queue: queue.name, broker: broker).run() }
        }
      }
      await subscription.close()
    }
  }

  private func fetch(_ subscription: any EventSubscription) async {
    await withTaskGroup(of: Void.self) { group in
      var running = 0
      while !Task.isCancelled {
        if running == lanes {
          await group.next()
          running -= 1
        }
        do {
          let deliveries = try await subscription.next(atMost: Self.batch)
          running += 1
          group.addTask { await settle(deliveries, of: subscription) }
        } catch is CancellationError {
          break
        } catch BrokerError.closed {
          // The broker is being stopped, and so is this, soon.
          break
        } catch {
          logger.error(
            "the consumer cannot fetch events",
            metadata: ["consumer": "\(name)", "error.message": "\(error)"])
          break
        }
      }
    }
  }

  /// Takes deliveries over into the database, and only then out of the broker.
  private func settle(_ deliveries: [EventDelivery], of subscription: any EventSubscription) async {
    var backoff = Backoff(first: .milliseconds(50), greatest: .seconds(5))
    while true {
      do {
        // A stop does not tear apart what was committed and what was acknowledged.
        try await Task {
          try await take(deliveries)
          await subscription.acknowledge(deliveries)
        }.value
        return
      } catch {
        backoff.failed()
        if backoff.failures == 1 {
          logger.warning(
            "events wait for the database", metadata: ["consumer": "\(name)", "error.message": "\(error)"])
        }
        // It answers, and refuses what is to be written: with the events' fields it will do so for ever.
        if !Self.isAway(error), await bury(deliveries, error) {
          return await subscription.acknowledge(deliveries)
        }
        do { try await Task.sleep(for: backoff.pause) } catch {
          return await subscription.giveBack(deliveries)
        }
      }
    }
  }

  /// - Throws: only when the database is away.
  private func take(_ deliveries: [EventDelivery]) async throws {
    var fresh: [CloudEvent] = []
    var suspects: [(EventMessage, CloudEvent)] = []
    var malformed: [(EventMessage, MalformedEvent)] = []
    for delivery in deliveries {
      do {
        let event = try CloudEvent(json: delivery.message.body)
        // By the event's own id: a message of another producer may bear any.
        if delivery.isRedelivered { suspects.append((event.message, event)) } else { fresh.append(event) }
      } catch {
        malformed.append((delivery.message, error))
      }
    }
    if !suspects.isEmpty || !malformed.isEmpty { try await park(suspects, malformed) }
    guard !fresh.isEmpty else { return }
    do {
      try await handle(fresh)
    } catch let error where fresh.count > 1 && (!Self.isAway(error) || Self.isConflict(error)) {
      // Alone, an event takes fewer locks and meets fewer others, too.
      for event in fresh { try await handleAlone(event) }
    } catch let error where !Self.isAway(error) {
      try await park(fresh[0], attempts: 1, error)
    }
  }

  /// Keeps messages as they came, as dead letters that are about nothing.
  /// - Returns: false when that failed, too.
  private func bury(_ deliveries: [EventDelivery], _ error: any Error) async -> Bool {
    let result = await Task {
      try await database.write { transaction in
        let parked = ParkedEventStore(transaction, consumer: name)
        for delivery in deliveries where try !InboxStore(transaction, consumer: name).hasHandled(delivery.message.id) {
          try parked.park(
            delivery.message, nil, .dead, attempts: 1, error: "\(error)", nextAttemptAt: try transaction.now)
        }
      }
    }.result
    guard case .success = result else { return false }
    logger.error(
      "messages cannot be taken in and are dead letters",
      metadata: ["consumer": "\(name)", "count": "\(deliveries.count)", "error.message": "\(error)"])
    return true
  }

  private func handle(_ events: [CloudEvent]) async throws {
    let began = ContinuousClock.now
    let spans = EventSpans(consumer: name)
    do {
      let outcomes = try await database.write { try intake.take(events, in: $0, spans: spans) }
      meters.handled(outcomes, took: began.duration(to: .now))
    } catch {
      // Of several it is not known whose fault it was; each is tried alone.
      if events.count == 1, !Self.isAway(error) { spans.failed(error) }
      throw error
    }
    spans.committed()
  }

  private func handleAlone(_ event: CloudEvent) async throws {
    do { try await handle([event]) } catch let error where !Self.isAway(error) {
      try await park(event, attempts: 1, error)
    }
  }

  private func park(
    _ suspects: [(EventMessage, CloudEvent)], _ malformed: [(EventMessage, MalformedEvent)]
  ) async throws {
    try await database.write { transaction in
      let (parked, inbox) = (
        ParkedEventStore(transaction, consumer: name), InboxStore(transaction, consumer: name)
      )
      for (message, event) in suspects where try !inbox.hasHandled(event.id) {
        try parked.parkRedelivered(message, event)
      }
      for (message, error) in malformed {
        try parked.park(
          message, nil, .dead, attempts: 1, error: error.description, nextAttemptAt: try transaction.now)
      }
    }
    for (message, error) in malformed {
      meters.died()
      logger.error(
        "an event cannot be read and is a dead letter",
        metadata: ["consumer": "\(name)", "event.id": "\(message.id)", "error.message": "\(error)"])
    }
  }

  /// Notes a failed attempt and when the next is due; after the last the event is dead.
  /// - Throws: when the database is away.
  func park(_ event: CloudEvent, attempts: Int, _ error: any Error) async throws {
    let delay = ladder.delay(after: attempts)
    try await database.write { transaction in
      try ParkedEventStore(transaction, consumer: name).park(
        event.message, event, delay == nil ? .dead : .retrying, attempts: attempts, error: "\(error)",
        nextAttemptAt: try transaction.now + (delay ?? 0))
    }
    meters.failed()
    if delay == nil { meters.died() }
    logger.log(
      level: delay == nil ? .error : .warning,
      delay == nil ? "an event is a dead letter: every attempt failed" : "an event was not handled and is tried again",
      metadata: [
        "consumer": "\(name)", "event.id": "\(event.id.lowercased)", "event.action": "\(event.type)",
        "attempts": "\(attempts)", "error.message": "\(error)",
      ])
  }

  /// Whether it is the database that fails, not the event. What the transaction did is not known or nothing; the
  /// inbox makes it right to try again.
  static func isAway(_ error: any Error) -> Bool {
    if error is CancellationError { return true }
    guard let error = error as? DatabaseError else { return false }
    switch error.code {
    case .unavailable, .busy, .closed, .commitUnknown, .readOnly, .serialization: return true
    default: return false
    }
  }

  /// Whether transactions were in one another's way.
  static func isConflict(_ error: any Error) -> Bool { (error as? DatabaseError)?.code == .serialization }

  private func maintain() async {
    var turn = 0
    while !Task.isCancelled {
      do {
        let counts = try await database.read { try ParkedEventStore($0, consumer: name).counts() }
        meters.parked(counts)
        if turn % 360 == 0 {
          let limit = 1_000
          while try await database.write({
            try InboxStore.deleteHandled(before: try $0.now - Self.memory, limit: limit, in: $0)
          }) == limit { try Task.checkCancellation() }
        }
        turn += 1
      } catch is CancellationError {} catch {
        logger.warning(
          "cannot maintain the inbox", metadata: ["consumer": "\(name)", "error.message": "\(error)"])
      }
      try? await Task.sleep(for: .seconds(10))
    }
  }
}
