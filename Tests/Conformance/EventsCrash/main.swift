import Foundation
import GravityContracts
import GravityData
import GravityEvents
import Logging
import Patience
import PostgresEngine
import RabbitMQEngine
import SQLiteEngine
import Synchronization

// A service that tells itself of every row it writes, and is killed while it does:
//
//   eventscrash DATABASE BROKER COUNT [POINT:TIMES]
//
// It writes COUNT rows in all, each with its event, and ends with 0 when every event has had its effect and nothing
// waits any more. With a point it kills itself (SIGKILL) the TIMES-th time that it passes it:
//   write-before, write-after       a transaction of the service's database
//   publish-before, publish-after   between the claim, the broker's confirmation and its being noted
//   fetched, acknowledge-before, acknowledge-after

struct Ping: Codable, Sendable { var number: Int }
let sent = EventType<Ping>("ping.sent.v1", summary: "A row was written")

let migrations = [
  Migration(
    1, "crash",
    Outbox.migrationStatements + EventConsumer.migrationStatements + [
      .table("rows_written", "number \(type: .bigint) PRIMARY KEY"),
      .table("effects", "number \(type: .bigint) NOT NULL"),
    ])
]

/// Where this process ends.
final class CrashPoint: Sendable {
  private let name: String?
  private let left: Mutex<Int>

  init(_ text: String?) {
    let parts = text?.split(separator: ":").map(String.init) ?? []
    name = parts.first
    left = Mutex(parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
  }

  func pass(_ point: String) {
    guard point == name else { return }
    let isLast = left.withLock { count in
      count -= 1
      return count == 0
    }
    if isLast { kill(getpid(), SIGKILL) }
  }
}

struct CrashingDatabase: Database {
  let inner: any Database
  let point: CrashPoint
  var dialect: SQLDialect { inner.dialect }
  func rows(_ sql: SQL) async throws -> [SQLRow] { try await inner.rows(sql) }
  func read<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
    try await inner.read(body)
  }
  func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
    let value = try await inner.write { transaction in
      let value = try body(transaction)
      // Everything is written and nothing committed.
      point.pass("write-before")
      return value
    }
    point.pass("write-after")
    return value
  }
  func notifications(on channel: String) -> AsyncStream<String> { inner.notifications(on: channel) }
  func close() async { await inner.close() }
}

struct CrashingBroker: EventBroker {
  let inner: any EventBroker
  let point: CrashPoint
  func publish(_ messages: [EventMessage]) async throws -> Set<UUID> {
    point.pass("publish-before")
    let safe = try await inner.publish(messages)
    point.pass("publish-after")
    return safe
  }
  func announce(_ message: EventMessage) async throws { try await inner.announce(message) }
  func subscribe(to queue: EventQueue, prefetch: Int) -> any EventSubscription {
    CrashingSubscription(inner: inner.subscribe(to: queue, prefetch: prefetch), point: point)
  }
  func feed(of patterns: [String]) -> AsyncStream<EventFeedItem> { inner.feed(of: patterns) }
  func depth(of queue: String) async throws -> Int? { try await inner.depth(of: queue) }
  var trouble: String? { inner.trouble }
  func run() async throws { try await inner.run() }
}

struct CrashingSubscription: EventSubscription {
  let inner: any EventSubscription
  let point: CrashPoint
  func next(atMost count: Int) async throws -> [EventDelivery] {
    let deliveries = try await inner.next(atMost: count)
    point.pass("fetched")
    return deliveries
  }
  func acknowledge(_ deliveries: [EventDelivery]) async {
    point.pass("acknowledge-before")
    await inner.acknowledge(deliveries)
    point.pass("acknowledge-after")
  }
  func giveBack(_ deliveries: [EventDelivery]) async { await inner.giveBack(deliveries) }
  func close() async { await inner.close() }
}

func open(_ place: String) throws -> any Database {
  if place.hasPrefix("postgres:") {
    var configuration = PostgresDatabase.Configuration()
    configuration.maximumConnections = 6
    return try PostgresDatabase(url: place, configuration: configuration)
  }
  return try SQLiteDatabase(path: place)
}

let arguments = CommandLine.arguments
guard arguments.count >= 4, let count = Int(arguments[3]) else {
  FileHandle.standardError.write(Data("eventscrash DATABASE BROKER COUNT [POINT:TIMES]\n".utf8))
  exit(64)
}
let point = CrashPoint(arguments.count > 4 ? arguments[4] : nil)
let logger = Logger(label: "eventscrash") { _ in SwiftLogNoOpLogHandler() }
let plain = try open(arguments[1])
_ = try await Migrator(database: plain, logger: logger).run(migrations)
let database = CrashingDatabase(inner: plain, point: point)

let innerBroker: any EventBroker
if arguments[2].hasPrefix("amqp") {
  // Several places share a server.
  let prefix = ProcessInfo.processInfo.environment["EVENTSCRASH_PREFIX"] ?? ""
  var configuration = RabbitMQBroker.Configuration()
  configuration.queuePrefix = prefix
  configuration.exchange = "\(prefix)events"
  innerBroker = try RabbitMQBroker(url: arguments[2], configuration: configuration, logger: logger)
} else {
  let queues = try open(arguments[2])
  _ = try await Migrator(database: queues, logger: logger).run(DatabaseBroker.migrations)
  innerBroker = DatabaseBroker(database: queues, lease: .seconds(1), logger: logger)
}
let broker = CrashingBroker(inner: innerBroker, point: point)

let outbox = Outbox(service: "crash")
let relay = OutboxRelay(database: database, broker: broker, claimLease: .seconds(1), logger: logger)
let consumer = EventConsumer(
  service: "crash", family: "ping",
  handlers: [
    .on(sent) { event, transaction in
      try transaction.execute("INSERT INTO effects (number) VALUES (\(event.payload.number))")
    }
  ], ladder: RetryLadder(delays: Array(repeating: .milliseconds(10), count: 200)), attemptLease: .seconds(1),
  database: database, broker: broker, logger: logger)

@Sendable func number(_ sql: SQL) async throws -> Int { try await plain.rows(sql)[0].get(0) }

try await withThrowingTaskGroup(of: Void.self) { group in
  group.addTask { try await broker.run() }
  group.addTask { try await consumer.run() }
  // An event for which there is no queue yet would count as published.
  try await eventually("the queue is there") { @Sendable in try await broker.depth(of: consumer.name) != nil }
  group.addTask { try await relay.run() }
  // A few at a time, so that commits group and overlap. What an earlier run has written stays.
  try await withThrowingTaskGroup(of: Void.self) { writers in
    for lane in 0..<4 {
      writers.addTask {
        for number in 0..<count where number % 4 == lane {
          try await database.write { transaction in
            let isNew = try transaction.execute(
              "INSERT INTO rows_written (number) VALUES (\(number)) ON CONFLICT (number) DO NOTHING")
            guard isNew == 1 else { return }
            try outbox.append(sent, subject: "s\(number % 7)", Ping(number: number), in: transaction)
          }
        }
      }
    }
    try await writers.waitForAll()
  }
  try await eventually("all take effect, and nothing is left to do", within: .seconds(120)) { @Sendable in
    let effects = try await number("SELECT count(*) FROM effects")
    let waiting = try await number("SELECT count(*) FROM outbox WHERE published_at IS NULL")
    let parked = try await number("SELECT count(*) FROM parked_events")
    let depth = try await broker.depth(of: consumer.name)
    return effects >= count && waiting == 0 && parked == 0 && depth == 0
  }
  group.cancelAll()
}
let events = try await number("SELECT count(*) FROM outbox")
let effects = try await number("SELECT count(*) FROM effects")
let distinct = try await number("SELECT count(DISTINCT number) FROM effects")
let rows = try await number("SELECT count(*) FROM rows_written")
print("rows \(rows) events \(events) effects \(effects) distinct \(distinct)")
await plain.close()
exit(0)
