import Foundation
import GravityData
import GravityTasks
import Logging
import PostgresEngine
import SQLiteEngine
import Synchronization

// `tasksbench [URL]` prints a line for each measurement. With the URL of an empty PostgreSQL database it measures that
// engine, too.

let number = TaskType<Int>("bench.number", retention: .seconds(3600))
let silent = Logger(label: "tasksbench") { _ in SwiftLogNoOpLogHandler() }
let arguments = Array(CommandLine.arguments.dropFirst())

let folder = FileManager.default.temporaryDirectory.appending(path: "tasksbench-\(UUID().uuidString)")
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
let file = try SQLiteDatabase(path: folder.appending(path: "tasks.sqlite").path(percentEncoded: false))
try await measureAll("sqlite", file)
await file.close()
try FileManager.default.removeItem(at: folder)
if let url = arguments.first {
  let server = try PostgresDatabase(url: url)
  try await measureAll("postgresql", server)
  await server.close()
}

func measureAll(_ engine: String, _ database: any Database) async throws {
  try await Migrator(database: database, logger: silent).run([
    Migration(1, "tasks", TaskQueue.migrationStatements + Lease.migrationStatements)
  ])
  try await measure("\(engine) enqueue, one a transaction, 32 clients", 10_000) {
    try await parallel(32, 10_000) { n in try await TaskQueue().enqueue(number, n, in: database) }
  }
  try await measure("\(engine) run, 1 worker of 32 slots", 10_000) { try await run(10_000, 1, 32, database) }
  try await measure("\(engine) enqueue, 100 a transaction", 20_000) { try await fill(20_000, database) }
  try await measure("\(engine) run, 2 workers of 64 slots", 20_000) { try await run(20_000, 2, 64, database) }
  try await fill(5_000, database)
  try await measure("\(engine) run, completed in a transaction, 1 worker of 32 slots", 5_000) {
    try await run(5_000, 1, 32, database, inTransaction: true)
  }
  try await latency(engine, database)
  try await fill(200_000, database)
  try await measure("\(engine) run before a backlog of 200 000, 1 worker of 32 slots", 10_000) {
    try await run(10_000, 1, 32, database)
  }
}

/// From the commit to the first line of the handler, when nothing else is to do.
func latency(_ engine: String, _ database: any Database) async throws {
  let (begun, begin) = AsyncStream<UInt64>.makeStream()
  let worker = TaskWorker(database: database, logger: silent)
  worker.handle(number) { _, _ in begin.yield(DispatchTime.now().uptimeNanoseconds) }
  let running = Task { try await worker.run() }
  var arrivals = begun.makeAsyncIterator()
  var times: [UInt64] = []
  for n in 0..<300 {
    try await TaskQueue().enqueue(number, n, in: database)
    let start = DispatchTime.now().uptimeNanoseconds
    guard let arrival = await arrivals.next() else { break }
    // The handler may begin before the one who enqueued is told of the commit.
    if n >= 50 { times.append(arrival > start ? arrival - start : 0) }
  }
  running.cancel()
  _ = await running.result
  times.sort()
  print(
    "\(engine) enqueue to handler: median \(times[times.count / 2] / 1_000) µs, p99 \(times[times.count * 99 / 100] / 1_000) µs"
  )
}

func fill(_ count: Int, _ database: any Database) async throws {
  for first in stride(from: 0, to: count, by: 100) {
    try await database.write { transaction in
      for n in 0..<100 { try TaskQueue().enqueue(number, first + n, in: transaction) }
    }
  }
}

func run(
  _ count: Int, _ workers: Int, _ slots: Int, _ database: any Database, inTransaction: Bool = false
) async throws {
  let (done, end) = AsyncStream<Void>.makeStream()
  let left = Mutex(count)
  var configuration = TaskWorker.Configuration()
  configuration.concurrency = slots
  let running = (0..<workers).map { _ in
    let worker = TaskWorker(database: database, configuration: configuration, logger: silent)
    worker.handle(number) { _, context in
      if inTransaction { try await database.write { try context.complete(in: $0) } }
      let rest = left.withLock { left in
        left -= 1
        return left
      }
      if rest == 0 { end.finish() }
    }
    return Task { try await worker.run() }
  }
  for await _ in done {}
  for task in running { task.cancel() }
  for task in running { _ = await task.result }
}

func parallel(_ clients: Int, _ count: Int, _ body: @escaping @Sendable (Int) async throws -> EnqueuedTask) async throws
{
  try await withThrowingTaskGroup(of: Void.self) { group in
    for client in 0..<clients {
      group.addTask { for n in stride(from: client, to: count, by: clients) { _ = try await body(n) } }
    }
    try await group.waitForAll()
  }
}

func measure(_ name: String, _ count: Int, _ body: () async throws -> Void) async throws {
  let (start, cpu) = (DispatchTime.now().uptimeNanoseconds, clock())
  try await body()
  let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
  let used = Double(clock() - cpu) / Double(count)
  print("\(name): \(Int(Double(count) / seconds))/s, \(Int(used)) µs CPU each")
}
