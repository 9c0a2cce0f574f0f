import Foundation
import GRDB
import GravityData
import PostgresEngine
import SQLiteEngine

/// `databasebench [URL]` prints a line for each measurement: what, operations a second, CPU µs of this process for each.
///
/// With the URL of an empty PostgreSQL database it measures that engine, too.
@main
struct DatabaseBench {
  static let clients = 32
  static let seconds = 3.0

  static func main() async throws {
    try await sqlite()
    if CommandLine.arguments.count > 1 { try await postgres(CommandLine.arguments[1]) }
  }

  private static func sqlite() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "databasebench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let database = try SQLiteDatabase(path: folder.appending(path: "grouped.sqlite").path(percentEncoded: false))
    try await fill(database)
    try await measure("sqlite write, grouped") { n in try await increment(n, database) }
    try await measure("sqlite SELECT") { n in
      _ = try await database.rows("SELECT n FROM bench WHERE id = \(n % 10_000)")
    }
    await database.close()

    let pool = try DatabasePool(path: folder.appending(path: "alone.sqlite").path(percentEncoded: false))
    try await pool.write { db in
      try db.execute(sql: "CREATE TABLE bench (id INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT")
      for id in 0..<10_000 { try db.execute(sql: "INSERT INTO bench VALUES (?, 0)", arguments: [id]) }
    }
    try await pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
    try await measure("sqlite write, GRDB one by one") { n in
      try await pool.write { db in
        try db.cachedStatement(sql: "UPDATE bench SET n = n + 1 WHERE id = ?").execute(arguments: [n % 10_000])
      }
    }
  }

  private static func postgres(_ url: String) async throws {
    var configuration = PostgresDatabase.Configuration()
    configuration.minimumConnections = clients
    configuration.maximumConnections = clients
    let database = try PostgresDatabase(url: url, configuration: configuration)
    try await fill(database)
    try await measure("postgres SELECT") { n in
      _ = try await database.rows("SELECT n FROM bench WHERE id = \(n % 10_000)")
    }
    try await measure("postgres transaction") { n in try await increment(n, database) }
    await database.close()
  }

  private static func fill(_ database: any GravityData.Database) async throws {
    try await database.write { transaction in
      try transaction.execute(.table("bench", "id \(type: .bigint) PRIMARY KEY, n \(type: .bigint) NOT NULL"))
      for id in 0..<10_000 { try transaction.execute("INSERT INTO bench (id, n) VALUES (\(id), \(0))") }
    }
  }

  private static func increment(_ n: Int, _ database: any GravityData.Database) async throws {
    try await database.write { try $0.execute("UPDATE bench SET n = n + 1 WHERE id = \(n % 10_000)") }
  }

  /// Each client calls again as soon as it is answered.
  private static func measure(_ what: String, _ body: @escaping @Sendable (Int) async throws -> Void) async throws {
    let cpu = cpuSeconds()
    let start = Date()
    let count = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<clients {
        group.addTask {
          var count = 0
          while Date().timeIntervalSince(start) < seconds {
            try await body(Int.random(in: 0..<10_000))
            count += 1
          }
          return count
        }
      }
      return try await group.reduce(0, +)
    }
    let elapsed = Date().timeIntervalSince(start)
    let each = (cpuSeconds() - cpu) / Double(count) * 1_000_000
    print("\(what)\t\(Int(Double(count) / elapsed))\t\(String(format: "%.0f", each))")
  }

  private static func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
