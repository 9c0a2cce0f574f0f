import Foundation
import GravityData
import GravityTasks
import Logging
import PostgresEngine
import SQLiteEngine

/// `taskcrash URL SLOTS LEASE_MS` runs the tasks that it finds and prints a line when it begins one. The test kills it
/// in the middle and looks for what became of them.
///
/// Two types: `crash.once` completes together with its effect, `crash.again` writes its effect and returns.
@main
struct TaskCrash {
  static let once = TaskType<Int>("crash.once", backoff: .init(first: .milliseconds(10)))
  static let again = TaskType<Int>("crash.again", backoff: .init(first: .milliseconds(10)))

  static func main() async throws {
    let (url, slots, lease) = (
      CommandLine.arguments[1], Int(CommandLine.arguments[2]) ?? 1, Int(CommandLine.arguments[3]) ?? 1_000
    )
    let database: any Database =
      url.hasPrefix("postgres") ? try PostgresDatabase(url: url) : try SQLiteDatabase(path: url)
    var configuration = TaskWorker.Configuration()
    configuration.concurrency = slots
    configuration.lease = .milliseconds(lease)
    configuration.reapInterval = .milliseconds(100)
    configuration.pollInterval = .milliseconds(100)
    let worker = TaskWorker(
      database: database, configuration: configuration,
      logger: Logger(label: "taskcrash") { _ in SwiftLogNoOpLogHandler() })
    worker.handle(once) { number, context in
      try await begin(number)
      try await database.write { transaction in
        try effect(number, context, in: transaction)
        try context.complete(in: transaction)
      }
    }
    worker.handle(again) { number, context in
      try await begin(number)
      try await database.write { try effect(number, context, in: $0) }
    }
    try await worker.run()
  }

  /// Says so in one system call, so that nothing waits in a buffer when the process is killed; then takes its time, so
  /// that it is killed in the middle.
  private static func begin(_ number: Int) async throws {
    try FileHandle.standardOutput.write(contentsOf: Data("\(number)\n".utf8))
    try await Task.sleep(for: .milliseconds(.random(in: 0...10)))
  }

  private static func effect(_ number: Int, _ context: TaskContext, in transaction: any Transaction) throws {
    try transaction.execute(
      "INSERT INTO effects (n, task, attempt) VALUES (\(number), \(context.id), \(context.attempt))")
  }
}
