import Foundation
import GravityContracts
import GravityData
import GravitySaga
import Logging
import PostgresEngine
import SQLiteEngine

// `sagasbench [URL]` prints a line for each measurement. With the URL of an empty PostgreSQL database it measures that
// engine, too.

struct Unfinished: Error { var view: SagaView? }
struct Nothing: Codable, Sendable { var done = 0 }

let silent = Logger(label: "sagasbench") { _ in SwiftLogNoOpLogHandler() }
let names = ["one", "two", "three", "four", "five"]
let bare = Saga<Nothing>(
  "bench.bare", steps: names.map { SagaStep($0, isPivot: $0 == "three") { _ in .done() } })
let recording = Saga<Nothing>(
  "bench.recording",
  steps: names.map { name in
    SagaStep<Nothing>(name, isPivot: name == "three") { attempt in
      .done { state, transaction in
        state.done += 1
        try transaction.execute("UPDATE bench_orders SET done = \(state.done) WHERE id = \(attempt.sagaID)")
      }
    }
  })

let folder = FileManager.default.temporaryDirectory.appending(path: "sagasbench-\(UUID().uuidString)")
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
let file = try SQLiteDatabase(path: folder.appending(path: "sagas.sqlite").path(percentEncoded: false))
try await measureAll("sqlite", file)
await file.close()
try FileManager.default.removeItem(at: folder)
if let url = CommandLine.arguments.dropFirst().first {
  let server = try PostgresDatabase(url: url)
  try await measureAll("postgresql", server)
  await server.close()
}

func measureAll(_ engine: String, _ database: any Database) async throws {
  try await Migrator(database: database, logger: silent).run([
    Migration(
      1, "sagas",
      SagaStore.migrationStatements + [
        .table("bench_orders", "id \(type: .uuid) PRIMARY KEY, done \(type: .bigint) NOT NULL")
      ])
  ])
  let store = SagaStore(database)
  let runner = SagaRunner(store, of: [AnySaga(bare), AnySaga(recording)], logger: silent)
  let running = Task { try await runner.run() }
  try await run(200, bare, store, database)
  try await measure("\(engine) 5 steps that do nothing, 64 at once", 3_000) { try await run($0, bare, store, database) }
  try await measure("\(engine) 5 steps with a record of the service's own, 64 at once", 3_000) {
    try await run($0, recording, store, database)
  }
  try await latency(engine, store, database)
  try await pile(200_000, database)
  try await measure("\(engine) 5 steps that do nothing, beside 200 000 that have ended", 3_000) {
    try await run($0, bare, store, database)
  }
  running.cancel()
  _ = await running.result
}

/// Starts that many, 64 at once, and waits for the end of each.
func run(_ count: Int, _ saga: Saga<Nothing>, _ store: SagaStore, _ database: any Database) async throws {
  try await withThrowingTaskGroup(of: Void.self) { group in
    for client in 0..<64 {
      group.addTask {
        for _ in stride(from: client, to: count, by: 64) { try await one(saga, store, database) }
      }
    }
    try await group.waitForAll()
  }
}

func one(_ saga: Saga<Nothing>, _ store: SagaStore, _ database: any Database) async throws {
  let id = UUID()
  try await database.write { transaction in
    try transaction.execute("INSERT INTO bench_orders (id, done) VALUES (\(id), 0)")
    try store.start(saga, id: id, subject: "bench", state: Nothing(), in: transaction)
  }
  let view = try await store.ended(id, within: .seconds(60))
  guard view?.state == .known(.completed) else { throw Unfinished(view: view) }
}

/// One saga when nothing else is to do, from before it is started until who waits for it knows its end.
func latency(_ engine: String, _ store: SagaStore, _ database: any Database) async throws {
  var times: [UInt64] = []
  for n in 0..<250 {
    let start = DispatchTime.now().uptimeNanoseconds
    try await one(bare, store, database)
    if n >= 50 { times.append(DispatchTime.now().uptimeNanoseconds - start) }
  }
  times.sort()
  print(
    "\(engine) one saga alone, start to end: median \(times[times.count / 2] / 1_000) µs, p99 \(times[times.count * 99 / 100] / 1_000) µs"
  )
}

/// Sagas that have ended.
func pile(_ count: Int, _ database: any Database) async throws {
  let now = Date()
  for _ in stride(from: 0, to: count, by: 100) {
    try await database.write { transaction in
      for _ in 0..<100 {
        try transaction.execute(
          """
          INSERT INTO gravity_sagas (
            id, name, subject, state, kind, done, data, version, attempt, failures, in_doubt, past_pivot, signals,
            entries, started_at, updated_at, ended_at, expires_at)
          VALUES (
            \(UUID()), 'bench.bare', 'bench', 'completed', 'action', '', '{"done":5}', 6, 1, 0, \(false), \(true), 0, 5,
            \(now), \(now), \(now), \(now.addingTimeInterval(86_400)))
          """)
      }
    }
  }
}

func measure(_ name: String, _ count: Int, _ body: (Int) async throws -> Void) async throws {
  let (start, cpu) = (DispatchTime.now().uptimeNanoseconds, clock())
  try await body(count)
  let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
  let used = Double(clock() - cpu) / Double(count)
  print("\(name): \(Int(Double(count) / seconds)) sagas/s, \(Int(used)) µs CPU each")
}
