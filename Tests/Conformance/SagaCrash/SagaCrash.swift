import Foundation
import GravityContracts
import GravityData
import GravitySaga
import Logging
import Patience
import PostgresEngine
import SQLiteEngine

/// `sagacrash URL` runs the sagas that it finds and ends when all have ended. With `GRAVITY_FAULT` in its environment it
/// is killed before; the test starts it again and looks for what became of them.
///
/// Five steps, of which `c` is the pivot. Their participants are rows that are written in transactions of their own, as
/// another service would: an action of which the undoing came first is refused. A saga whose subject is `refuse` is
/// refused by the pivot.
@main
struct SagaCrash {
  struct Order: Codable, Sendable { var steps: [String] = [] }

  static func main() async throws {
    let url = CommandLine.arguments[1]
    let database: any Database =
      url.hasPrefix("postgres") ? try PostgresDatabase(url: url) : try SQLiteDatabase(path: url)
    let silent = Logger(label: "sagacrash") { _ in SwiftLogNoOpLogHandler() }
    let store = SagaStore(database)
    var configuration = SagaRunner.Configuration()
    configuration.isAlone = true
    let runner = SagaRunner(store, of: [AnySaga(saga(database))], configuration: configuration, logger: silent)
    let running = Task { try await runner.run() }
    try await eventually("every saga has ended", within: .seconds(120)) { @Sendable in
      try await database.rows("SELECT 1 FROM gravity_sagas WHERE ended_at IS NULL LIMIT 1").isEmpty
    }
    running.cancel()
    _ = await running.result
    await database.close()
  }

  static func saga(_ database: any Database) -> Saga<Order> {
    let retry = SagaRetry(first: .milliseconds(5), greatest: .milliseconds(50), patience: .seconds(3600))
    let steps = ["a", "b", "c", "d", "e"].map { name in
      SagaStep<Order>(name, retry: retry, isPivot: name == "c") { attempt in
        if name == "c", attempt.subject == "refuse" { return .refused(code: "refused") }
        try await participate(attempt.sagaID, name, as: "done", in: database)
        return .done { state, transaction in
          state.steps.append(name)
          // Fails when a step's end is recorded twice.
          try transaction.execute("INSERT INTO records (saga, step) VALUES (\(attempt.sagaID), \(name))")
        }
      } compensation: { attempt in
        try await participate(attempt.sagaID, name, as: "undone", in: database)
        return .done { state, _ in state.steps.append("-\(name)") }
      }
    }
    return Saga("crash.saga", steps: steps) { ending, state, saga, transaction in
      let text = ending == .completed ? "completed" : "compensated"
      try transaction.execute(
        "INSERT INTO endings (saga, ending, steps) VALUES (\(saga.id), \(text), \(state.steps.joined(separator: " ")))")
    }
  }

  private struct Closed: Error {}

  private static func participate(_ id: UUID, _ step: String, as state: String, in database: any Database) async throws
  {
    try await database.write { transaction in
      let found: String? = try transaction.scalar(
        "SELECT state FROM participants WHERE saga = \(id) AND step = \(step)")
      switch (found, state) {
      case (nil, _):
        try transaction.execute(
          "INSERT INTO participants (saga, step, state) VALUES (\(id), \(step), \(state))")
      case ("undone", "done"): throw Closed()
      default:
        try transaction.execute(
          "UPDATE participants SET state = \(state) WHERE saga = \(id) AND step = \(step)")
      }
    }
  }
}
