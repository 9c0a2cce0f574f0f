import Foundation
import GravityData
import PostgresEngine
import SQLiteEngine

/// `databasecrash URL WRITERS` writes numbered rows for ever and prints each number once it is acknowledged. The test
/// kills it and looks for them.
@main
struct DatabaseCrash {
  static func main() async throws {
    let url = CommandLine.arguments[1]
    let writers = Int(CommandLine.arguments[2]) ?? 1
    let database: any Database =
      url.hasPrefix("postgres") ? try PostgresDatabase(url: url) : try SQLiteDatabase(path: url)
    try await Migrator(database: database).run([
      Migration(
        1, "crash",
        [.table("crash_a", "n \(type: .bigint) PRIMARY KEY"), .table("crash_b", "n \(type: .bigint) PRIMARY KEY")])
    ])
    await withTaskGroup(of: Void.self) { group in
      for writer in 0..<writers { group.addTask { await write(database, from: writer, by: writers) } }
    }
  }

  private static func write(_ database: any Database, from first: Int, by step: Int) async {
    for n in stride(from: first, to: .max, by: step) {
      do {
        try await database.write { transaction in
          try transaction.execute("INSERT INTO crash_a (n) VALUES (\(n))")
          try transaction.execute("INSERT INTO crash_b (n) VALUES (\(n))")
        }
        // One system call for a line: nothing waits in a buffer when the process is killed.
        try FileHandle.standardOutput.write(contentsOf: Data("\(n)\n".utf8))
      } catch let error as DatabaseError where error.isTransient {
        continue
      } catch {
        FileHandle.standardError.write(Data("\(error)\n".utf8))
        exit(1)
      }
    }
  }
}
