import Foundation
import GravityContracts
import GravityData
import GravityEvents
import Logging
import PostgresEngine
import RabbitMQEngine
import SQLiteEngine
import Synchronization

// From a service's transaction to another's effect, through outbox, relay, broker, consumer and inbox:
//
//   eventsbench NAME DATABASE BROKER BACKLOG RATE SECONDS
//
// First it drains a backlog of that many events, then it records events at a fixed rate, each in a transaction of its
// own, whether or not those before have arrived, and looks how old each is when its effect is committed.

struct Sent: Codable, Sendable {
  /// Nanoseconds of the monotonic clock.
  var at: UInt64
}
let sent = EventType<Sent>("bench.sent.v1", summary: "Something happened")

let migrations = [
  Migration(
    1, "bench",
    Outbox.migrationStatements + EventConsumer.migrationStatements + [
      .table("changes", "id \(type: .uuid) PRIMARY KEY"), .table("effects", "id \(type: .uuid) PRIMARY KEY"),
    ])
]

func open(_ place: String) throws -> any Database {
  if place.hasPrefix("postgres:") { return try PostgresDatabase(url: place) }
  return try SQLiteDatabase(path: place)
}

func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

func cpuSeconds() -> Double {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
  return seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

func residentMegabytes() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { return 0 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 200)
  guard fgets(&line, 200, file) != nil else { return 0 }
  let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  return (pages * 4096) >> 20
}

let arguments = CommandLine.arguments
guard arguments.count == 7, let backlog = Int(arguments[4]), let rate = Int(arguments[5]),
  let seconds = Int(arguments[6])
else {
  FileHandle.standardError.write(Data("eventsbench NAME DATABASE BROKER BACKLOG RATE SECONDS\n".utf8))
  exit(64)
}
let logger = Logger(label: "eventsbench") { StreamLogHandler.standardError(label: $0) }
// Two services, so two databases where a database is a file; one in PostgreSQL stands for both.
let database = try open(arguments[2])
_ = try await Migrator(database: database, logger: Logger(label: "") { _ in SwiftLogNoOpLogHandler() }).run(migrations)
let broker: any EventBroker
if arguments[3].hasPrefix("amqp") {
  broker = try RabbitMQBroker(url: arguments[3], logger: logger)
} else {
  let queues = try open(arguments[3])
  _ = try await Migrator(database: queues, logger: Logger(label: "") { _ in SwiftLogNoOpLogHandler() }).run(
    DatabaseBroker.migrations)
  broker = DatabaseBroker(database: queues, logger: logger)
}
let outbox = Outbox(service: "bench")
let ages = Mutex<[UInt64]>([])
let relay = OutboxRelay(database: database, broker: broker, logger: logger)
let consumer = EventConsumer(
  service: "bench", family: "bench",
  handlers: [
    .on(sent) { event, transaction in
      try transaction.execute("INSERT INTO effects (id) VALUES (\(event.id))")
      ages.withLock { $0.append(now() - event.payload.at) }
    }
  ], database: database, broker: broker, logger: logger)

func effects() async throws -> Int { try await database.rows("SELECT count(*) FROM effects")[0].get(0) }

try await withThrowingTaskGroup(of: Void.self) { group in
  group.addTask { try await broker.run() }
  // The queue is made, and then nobody takes anything out of it yet.
  let subscription = broker.subscribe(to: EventQueue(consumer.name, patterns: [sent.name]), prefetch: 1)
  while try await broker.depth(of: consumer.name) == nil { try await Task.sleep(for: .milliseconds(5)) }
  await subscription.close()
  for start in stride(from: 0, to: backlog, by: 500) {
    try await database.write { transaction in
      for _ in start..<min(start + 500, backlog) {
        try outbox.append(sent, subject: nil, Sent(at: now()), in: transaction)
      }
    }
  }
  let (began, cpu) = (now(), cpuSeconds())
  group.addTask { try await relay.run() }
  group.addTask { try await consumer.run() }
  var peak = 0
  while try await effects() < backlog {
    peak = max(peak, residentMegabytes())
    try await Task.sleep(for: .milliseconds(20))
  }
  let drained = Double(now() - began) / 1e9
  let used = cpuSeconds() - cpu
  print(
    String(
      format: "%@: a backlog of %d drained at %.0f events/s, %.0f µs CPU each of ours, %d MB resident at most",
      arguments[1], backlog, Double(backlog) / drained, used * 1e6 / Double(max(backlog, 1)), peak))

  ages.withLock { $0 = [] }
  let steadyCPU = cpuSeconds()
  let total = rate * seconds
  let start = now()
  try await withThrowingTaskGroup(of: Void.self) { writers in
    let lanes = 32
    for lane in 0..<lanes {
      writers.addTask {
        for index in stride(from: lane, to: total, by: lanes) {
          let due = start + UInt64(index) * 1_000_000_000 / UInt64(rate)
          let time = now()
          if due > time { try await Task.sleep(for: .nanoseconds(Int64(due - time))) }
          try await database.write { transaction in
            try transaction.execute("INSERT INTO changes (id) VALUES (\(UUID.v7()))")
            // As old as it should be: a writer that is late counts against us.
            try outbox.append(sent, subject: nil, Sent(at: due), in: transaction)
          }
        }
      }
    }
    try await writers.waitForAll()
  }
  while try await effects() < backlog + total { try await Task.sleep(for: .milliseconds(5)) }
  let took = Double(now() - start) / 1e9
  let sorted = ages.withLock { $0.sorted() }
  func percentile(_ share: Double) -> Double { Double(sorted[Int(Double(sorted.count - 1) * share)]) / 1e6 }
  print(
    String(
      format: "%@: at %d events/s for %d s: %.0f/s arrived, p50 %.1f ms, p99 %.1f ms, max %.1f ms, %.0f µs CPU each",
      arguments[1], rate, seconds, Double(total) / took, percentile(0.5), percentile(0.99), percentile(1),
      (cpuSeconds() - steadyCPU) * 1e6 / Double(total)))
  let count = try await effects()
  print("\(arguments[1]): \(backlog + total) events recorded, \(count) effects")
  group.cancelAll()
}
await database.close()
exit(0)
