import ArgumentParser
import Foundation
import GravityContracts
import GravityService
import GravityTasks

struct TasksCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tasks", abstract: "Background work of services: what waits, runs, failed or is scheduled.",
    subcommands: [List.self, Schedules.self, Cancel.self, Retry.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List tasks, newest first.")
    @OptionGroup var options: PlatformOptions
    @Option(help: "Only this service's.") var service: String?
    @Option(help: "waiting, running, done, dead or canceled.") var state: String?
    @Option(help: "Only this type.") var type: String?
    @Option(help: "At most so many of each service: 1 to 100.") var limit = 20

    func run() async throws {
      let state = try state.map { text in
        guard let state = TaskState(rawValue: text) else {
          throw ValidationError("--state takes waiting, running, done, dead or canceled")
        }
        return state
      }
      guard (1...100).contains(limit) else { throw ValidationError("--limit takes 1 to 100") }
      var table = TextTable(["TASK", "SERVICE", "TYPE", "STATE", "DUE", "ATTEMPTS", "PROGRESS", "ERROR"])
      try await ServiceDatabases.each(options, of: try ServiceDatabases.entries(service, where: \.hasTasks)) {
        entry, database in
        for task in try await TaskStore(database).list(state: state, type: type, limit: limit).items {
          table.add([
            task.id.lowercased, entry.name, task.type, task.state.rawValue,
            String(WireTime.string(task.runAt).prefix(19)) + "Z", "\(task.attempt)",
            task.progress.map { "\(Int($0 * 100)) %" } ?? "-", task.error ?? "-",
          ])
        }
      }
      print(table.isEmpty ? "There are no such tasks." : table.text)
    }
  }

  struct Schedules: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List what is done at set times.")
    @OptionGroup var options: PlatformOptions
    @Option(help: "Only this service's.") var service: String?

    func run() async throws {
      var table = TextTable(["SERVICE", "SCHEDULE", "CRON", "ZONE", "TYPE", "NEXT", "LAST"])
      try await ServiceDatabases.each(options, of: try ServiceDatabases.entries(service, where: \.hasTasks)) {
        entry, database in
        for schedule in try await TaskStore(database).schedules() {
          table.add([
            entry.name, schedule.name, schedule.cron, schedule.timeZone, schedule.type,
            WireTime.string(schedule.nextAt), schedule.lastAt.map(WireTime.string) ?? "-",
          ])
        }
      }
      print(table.isEmpty ? "Nothing is scheduled." : table.text)
    }
  }

  struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Cancel a task.", discussion: "One that waits never runs; one that runs is told to stop.")
    @OptionGroup var options: PlatformOptions
    @Argument(help: "The task's id.") var task: String

    func run() async throws {
      let answer = try await TasksCommand.first(options, task) { store, id in
        switch try await store.cancel(id) {
        case .canceled: "It will not run."
        case .requested: "It was told to stop."
        case .finished: "It has finished already."
        case .notFound: nil
        }
      }
      print(answer)
    }
  }

  struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Let a dead task be tried again, now.")
    @OptionGroup var options: PlatformOptions
    @Argument(help: "The task's id.") var task: String

    func run() async throws {
      let answer = try await TasksCommand.first(options, task) { store, id in
        guard try await store.task(id) != nil else { return nil }
        return try await store.retry(id) ? "It will be tried again." : "It is not dead, so there is nothing to do."
      }
      print(answer)
    }
  }

  /// What the first service says that knows the task.
  private static func first(
    _ options: PlatformOptions, _ text: String, _ ask: (TaskStore, UUID) async throws -> String?
  ) async throws -> String {
    guard let id = UUID(uuidString: text) else { throw ValidationError("\"\(text)\" is no task's id") }
    var answer: String?
    try await ServiceDatabases.each(options, of: try ServiceDatabases.entries(nil, where: \.hasTasks)) { _, database in
      if answer == nil { answer = try await ask(TaskStore(database), id) }
    }
    guard let answer else { throw StartFailure(.unavailable, "no service has a task \(text)") }
    return answer
  }
}
