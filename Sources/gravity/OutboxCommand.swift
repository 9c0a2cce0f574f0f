import ArgumentParser
import Foundation
import GravityContracts
import GravityDiscovery
import GravityEvents
import GravityService

struct OutboxCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "outbox", abstract: "Events that services have recorded: what waits, and publishing them again.",
    subcommands: [Status.self, Replay.self], defaultSubcommand: Status.self)

  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say how many events wait to be published, and how many are kept for replay.")
    @OptionGroup var options: PlatformOptions
    @Option(help: "Only this service's.") var service: String?

    func run() async throws {
      var table = TextTable(["SERVICE", "WAITING", "OLDEST", "KEPT"])
      try await ServiceDatabases.each(options, of: try ServiceDatabases.entries(service)) { entry, database in
        let status = try await Outbox.status(of: database)
        table.add([
          entry.name, "\(status.waiting)",
          status.oldestWaiting.map { DurationText.string(.seconds(Int($0.rounded(.up)))) } ?? "-", "\(status.kept)",
        ])
      }
      print(table.text)
    }
  }

  struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Publish kept events again, for consumers that missed them.",
      discussion: "Events are kept for 7 days. A consumer that has handled one does nothing.")
    @OptionGroup var options: PlatformOptions
    @Option(help: "Whose events.") var service: String
    @Option(help: "Only this type, such as user.registered.v1.") var type: String?
    @Option(help: "Only about this subject.") var subject: String?
    @Option(help: "Only this event, by its id.") var event: String?
    @Option(help: "Only what was published within this time, such as 30m, 12h or 7d.") var since: String?

    func run() async throws {
      var selection = OutboxSelection(type: type, subject: subject)
      selection.id = try event.map(EventID.parse)
      if let since {
        guard let duration = DurationText.parse(since) else {
          throw ValidationError("--since takes a duration such as 30m, 12h or 7d")
        }
        selection.since = Date() - duration / .seconds(1)
      }
      var count = 0
      try await ServiceDatabases.each(options, of: try ServiceDatabases.entries(service)) { _, database in
        count += try await Outbox.replay(selection, in: database)
      }
      print("\(count) event\(count == 1 ? "" : "s") will be published again.")
    }
  }
}
