import ArgumentParser

@main
struct Gravity: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gravity",
    abstract: "A backend platform in one command.",
    discussion: """
      The first minute:
        gravity up                    everything on this machine, data in .gravity
        curl localhost:8000/health    how each service is

      Settings come from the command line, then GRAVITY_… in the environment, then a file (GRAVITY_CONFIG), then
      defaults; `gravity config` lists them all with where each came from.
      """,
    version: Build.version,
    subcommands: [
      Up.self, Serve.self, Migrate.self, Move.self, RoutesCommand.self, Doctor.self, Token.self, Config.self,
      DeadLetterCommand.self, OutboxCommand.self, TasksCommand.self, SagaCommand.self, Demo.self,
      Torture.self, Version.self,
    ])

  static func main() async {
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      Ending.end(with: error)
    }
  }
}

/// What this build is.
enum Build {
  static let version = "0.1.0"
}

struct Version: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Print the version.")
  func run() { print("gravity \(Build.version)") }
}
