import Foundation
import GravityContracts
import GravityData
import GravityEvents
import Logging
import Synchronization
import Testbed

extension Engine {
  /// A service's database with an outbox, an inbox and a table `effects`, and a broker that runs.
  func withPlace(
    statementTimeout: Duration = .seconds(30), _ body: @Sendable (Place) async throws -> Void
  ) async throws {
    try await withDatabase([Place.migration], statementTimeout: statementTimeout) { database in
      try await withDatabase(DatabaseBroker.migrations) { queues in
        let broker = FaultyBroker(DatabaseBroker(database: queues, logger: .silent))
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await broker.run() }
          defer { group.cancelAll() }
          try await body(Place(database: database, broker: broker))
        }
      }
    }
  }
}

struct Ping: Codable, Sendable, Hashable { var number: Int }

enum Events {
  static let sent = EventType<Ping>("ping.sent.v1", summary: "A ping was sent")
  static let lost = EventType<Ping>("ping.lost.v1", summary: "A ping was lost")
}

struct Broken: Error {}

struct Place: Sendable {
  static let migration = Migration(
    1, "place",
    Outbox.migrationStatements + EventConsumer.migrationStatements + [
      .table("effects", "serial \(type: .bigint) NOT NULL, subject \(type: .text), number \(type: .bigint) NOT NULL")
    ])

  let database: any Database
  let broker: FaultyBroker
  let outbox = Outbox(service: "test")

  func record(_ numbers: some Sequence<Int> & Sendable, subject: String? = nil) async throws {
    try await database.write { transaction in
      for number in numbers {
        try outbox.append(Events.sent, subject: subject, Ping(number: number), in: transaction)
      }
    }
  }

  func relay() -> OutboxRelay { OutboxRelay(database: database, broker: broker, logger: .silent) }

  /// A consumer whose effect is a row, and which throws for the numbers that `fails` names.
  func consumer(
    order: EventOrder = .any, ladder: RetryLadder = .init(delays: [.milliseconds(1), .milliseconds(1)]),
    snapshot: EventSnapshot? = nil, service: String = "place", fails: @escaping @Sendable (Int) -> Bool = { _ in false }
  ) -> EventConsumer {
    EventConsumer(
      service: service, family: "ping", order: order,
      handlers: [
        .on(Events.sent) { event, transaction in
          if fails(event.payload.number) { throw Broken() }
          let serial: Int = try transaction.scalar("SELECT count(*) FROM effects") ?? 0
          try transaction.execute(
            """
            INSERT INTO effects (serial, subject, number)
            VALUES (\(serial), \(event.subject), \(event.payload.number))
            """)
        }
      ], snapshot: snapshot, ladder: ladder, database: database, broker: broker, logger: .silent)
  }

  func effects(subject: String? = nil) async throws -> [Int] {
    var condition: SQL = "1 = 1"
    if let subject { condition = "subject = \(subject)" }
    return try await database.rows("SELECT number FROM effects WHERE \(condition) ORDER BY serial").map {
      try $0.get(0)
    }
  }

  func parked(_ state: ParkedEvent.State) async throws -> [ParkedEvent] {
    try await DeadLetters(database).list(state: state, limit: 1_000)
  }

  /// Publishes past the outbox, as another service would.
  func publish(
    _ numbers: [Int], subject: String? = nil, sequences: [Int64]? = nil, type: String = Events.sent.name
  ) async throws {
    let messages = numbers.enumerated().map { index, number in
      CloudEvent(
        id: UUID.v7(), source: "/other", type: type, subject: subject, time: Date(), sequence: sequences?[index] ?? 0,
        traceparent: nil, data: Array(#"{"number":\#(number)}"#.utf8)
      ).message
    }
    _ = try await broker.publish(messages)
  }

  /// Runs services while `body` does; they are canceled afterwards.
  func running(_ services: [any Sendable & RunsUntilCanceled], _ body: @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for service in services { group.addTask { try await service.run() } }
      defer { group.cancelAll() }
      try await body()
    }
  }
}

protocol RunsUntilCanceled { func run() async throws }
extension OutboxRelay: RunsUntilCanceled {}
extension EventConsumer: RunsUntilCanceled {}

/// A broker that does wrong what it is told to do wrong.
final class FaultyBroker: EventBroker {
  private struct Faults {
    var isAway = false
    var losesAnswers = 0
    var confirmsOnly: Int?
    var publishedMessages = 0
    var lastMessages: [EventMessage] = []
  }
  private let inner: DatabaseBroker
  private let faults = Mutex(Faults())

  init(_ inner: DatabaseBroker) { self.inner = inner }

  var isAway: Bool {
    get { faults.withLock { $0.isAway } }
    set { faults.withLock { $0.isAway = newValue } }
  }
  /// So many publishes take effect and throw all the same.
  func loseAnswers(_ count: Int) { faults.withLock { $0.losesAnswers = count } }
  /// The next publish says of only so many messages that they are safe.
  func confirmOnly(_ count: Int) { faults.withLock { $0.confirmsOnly = count } }
  var publishedMessages: Int { faults.withLock { $0.publishedMessages } }
  var lastMessages: [EventMessage] { faults.withLock { $0.lastMessages } }

  func publish(_ messages: [EventMessage]) async throws -> Set<UUID> {
    if isAway { throw BrokerError.unavailable("told so") }
    let safe = try await inner.publish(messages)
    let (losesAnswer, only) = faults.withLock { faults in
      faults.publishedMessages += messages.count
      faults.lastMessages = messages
      defer {
        faults.losesAnswers = max(0, faults.losesAnswers - 1)
        faults.confirmsOnly = nil
      }
      return (faults.losesAnswers > 0, faults.confirmsOnly)
    }
    if losesAnswer { throw BrokerError.unavailable("the answer was lost") }
    return only.map { Set(messages.prefix($0).map(\.id)) } ?? safe
  }
  func announce(_ message: EventMessage) async throws { try await inner.announce(message) }
  func subscribe(to queue: EventQueue, prefetch: Int) -> any EventSubscription {
    inner.subscribe(to: queue, prefetch: prefetch)
  }
  func feed(of patterns: [String]) -> AsyncStream<EventFeedItem> { inner.feed(of: patterns) }
  func depth(of queue: String) async throws -> Int? { try await inner.depth(of: queue) }
  var trouble: String? { inner.trouble }
  func run() async throws { try await inner.run() }
}
