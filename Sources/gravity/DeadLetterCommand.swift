import ArgumentParser
import Foundation
import GravityContracts
import GravityEvents
import GravityService

struct DeadLetterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dlq", abstract: "Events that a service could not handle: look at them, try them again, or drop them.",
    subcommands: [List.self, Show.self, Replay.self, Drop.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List dead letters, oldest first.",
      discussion: "--state retrying shows what will be tried again, --state held what waits for an earlier event.")
    @OptionGroup var options: PlatformOptions
    @Option(help: "Only this service's.") var service: String?
    @Option(help: "dead, retrying or held.") var state = "dead"
    @Option(help: "At most so many of each service: 1 to 1000.") var limit = 100

    func run() async throws {
      guard let state = ParkedEvent.State(rawValue: state) else {
        throw ValidationError("--state takes dead, retrying or held")
      }
      guard (1...1_000).contains(limit) else { throw ValidationError("--limit takes 1 to 1000") }
      var table = TextTable(["EVENT", "CONSUMER", "TYPE", "SUBJECT", "ATTEMPTS", "SINCE", "ERROR"])
      try await ServiceDatabases.each(options, of: try ServiceDatabases.entries(service, where: \.consumes)) {
        _, database in
        for event in try await DeadLetters(database).list(state: state, limit: limit) {
          table.add([
            event.id.lowercased, event.consumer, event.type, event.subject ?? "-", "\(event.attempts)",
            String(WireTime.string(event.parkedAt).prefix(19)) + "Z", event.error.map(Self.line) ?? "-",
          ])
        }
      }
      print(table.isEmpty ? "No events are \(state.rawValue)." : table.text)
    }

    /// One line of it, for a table.
    private static func line(_ error: String) -> String {
      let line = error.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
      return line.count > 100 ? line.prefix(100) + "…" : line
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show an event, its data and what went wrong.")
    @OptionGroup var options: PlatformOptions
    @Argument(help: "The event's id.") var event: String

    func run() async throws {
      let id = try EventID.parse(event)
      var found = false
      try await ServiceDatabases.each(options, of: try ServiceDatabases.entries(nil, where: \.consumes)) {
        _, database in
        for event in try await DeadLetters(database).find(id) {
          found = true
          print(
            """
            event      \(event.id.lowercased)
            consumer   \(event.consumer)
            state      \(event.state.rawValue)
            type       \(event.type.printable)
            source     \(event.source.printable)
            subject    \((event.subject ?? "-").printable)
            number     \(event.sequence)
            attempts   \(event.attempts)
            since      \(WireTime.string(event.parkedAt))
            error      \((event.error ?? "-").printable)
            body       \(String(decoding: event.body, as: UTF8.self).printable)
            """)
        }
      }
      guard found else { throw EventID.unknown(event) }
    }
  }

  struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let dead events be tried again, with all their attempts before them.",
      discussion: "What was handled meanwhile is not handled twice.")
    @OptionGroup var options: PlatformOptions
    @Argument(help: "Events' ids.") var events: [String] = []
    @Flag(help: "Every dead event.") var all = false
    @Option(help: "Only this service's.") var service: String?

    func validate() throws {
      guard events.isEmpty == all else { throw ValidationError("name events, or say --all") }
    }
    func run() async throws {
      let count = try await DeadLetterCommand.change(options, service, all ? nil : events) { try await $0.replay($1) }
      print("\(count) event\(count == 1 ? "" : "s") will be tried again.")
    }
  }

  struct Drop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give dead events up for good.",
      discussion: "They count as handled, and later events of their subjects go on. This cannot be taken back.")
    @OptionGroup var options: PlatformOptions
    @Argument(help: "Events' ids.") var events: [String]
    @Option(help: "Only this service's.") var service: String?

    func run() async throws {
      let count = try await DeadLetterCommand.change(options, service, events) { try await $0.drop($1) }
      print("\(count) event\(count == 1 ? "" : "s") dropped.")
    }
  }

  /// - Returns: how many dead events `change` applied to.
  private static func change(
    _ options: PlatformOptions, _ service: String?, _ events: [String]?,
    _ change: (DeadLetters, ParkedEvent) async throws -> Bool
  ) async throws -> Int {
    let ids = try events?.map(EventID.parse)
    var (count, known) = (0, Set<UUID>())
    try await ServiceDatabases.each(options, of: try ServiceDatabases.entries(service, where: \.consumes)) {
      _, database in
      let letters = DeadLetters(database)
      if let ids {
        for id in ids {
          for event in try await letters.find(id) {
            known.insert(id)
            if try await change(letters, event) { count += 1 }
          }
        }
        return
      }
      var last: ParkedEvent?
      while true {
        let page = try await letters.list(after: last, limit: 500)
        for event in page where try await change(letters, event) { count += 1 }
        last = page.last
        if page.count < 500 { break }
      }
    }
    if let ids, let missing = ids.first(where: { !known.contains($0) }) { throw EventID.unknown(missing.lowercased) }
    return count
  }
}

enum EventID {
  static func parse(_ text: String) throws -> UUID {
    guard let id = UUID(uuidString: text) else { throw ValidationError("\"\(text)\" is no event's id") }
    return id
  }
  static func unknown(_ id: String) -> StartFailure {
    StartFailure(.unavailable, "no service has an event \(id) that waits or is dead")
  }
}
