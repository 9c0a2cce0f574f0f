import ArgumentParser
import Foundation
import GravityContracts
import GravitySaga
import GravityService

struct SagaCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "saga", abstract: "What services do in steps: what is under way, how it went, what is parked.",
    subcommands: [List.self, Show.self, Retry.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List sagas, newest first.")
    @OptionGroup var options: PlatformOptions
    @Option(help: "running, waiting, compensating, parked, completed or compensated.") var state: String?
    @Option(help: "Only of this kind, such as order.placement.") var name: String?
    @Option(help: "Only about this, such as an order's id.") var subject: String?
    @Option(help: "At most so many of each service: 1 to 100.") var limit = 20

    func run() async throws {
      let state = try state.map { text in
        guard let state = SagaState(rawValue: text) else {
          throw ValidationError("--state takes one of \(SagaState.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return state
      }
      guard (1...100).contains(limit) else { throw ValidationError("--limit takes 1 to 100") }
      var table = TextTable(["SAGA", "KIND", "SUBJECT", "STATE", "STEP", "ATTEMPT", "SINCE", "ERROR"])
      try await ServiceDatabases.each(options, of: try ServiceDatabases.entries(nil, where: \.hasSagas)) {
        _, database in
        for saga in try await SagaStore(database).list(state: state, name: name, subject: subject, limit: limit).items {
          let step = saga.step.map { saga.kind == .known(.compensation) ? "undo \($0)" : $0 }
          table.add([
            saga.id.lowercased, saga.name, saga.subject, saga.state.rawValue, step ?? "-", "\(saga.attempt)",
            String(WireTime.string(saga.startedAt).prefix(19)) + "Z", saga.error ?? saga.reasonCode ?? "-",
          ])
        }
      }
      print(table.isEmpty ? "There are no such sagas." : table.text)
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show each attempt at each step of a saga.")
    @OptionGroup var options: PlatformOptions
    @Argument(help: "The saga's id; of a placed order it is the order's.") var id: String

    func run() async throws {
      let id = try SagaCommand.id(id)
      var found: SagaView?
      try await ServiceDatabases.each(options, of: try ServiceDatabases.entries(nil, where: \.hasSagas)) {
        _, database in
        found = try await SagaStore(database).view(id) ?? found
      }
      guard let saga = found else { throw StartFailure(.unavailable, "there is no saga \(id.lowercased)") }
      let trace = saga.traceID.map { "\n  trace    \($0)" } ?? ""
      let reason = saga.reasonCode.map { "\n  because  \($0)\(saga.reasonDetail.map { ": " + $0 } ?? "")" } ?? ""
      let error = saga.error.map { "\n  error    \($0)" } ?? ""
      print(
        """
        \(saga.name) \(saga.id.lowercased)
          state    \(saga.state.rawValue), after \(Self.milliseconds(saga.durationMilliseconds))
          subject  \(saga.subject)\(trace)\((reason + error).printableLines)

        """)
      var table = TextTable(["STEP", "", "ATTEMPT", "OUTCOME", "BEGAN", "TOOK", "ERROR"])
      for step in saga.steps ?? [] {
        table.add([
          step.name, step.kind == .known(.compensation) ? "undo" : "do", "\(step.attempt)", step.state.rawValue,
          WireTime.string(step.startedAt), Self.milliseconds(step.durationMilliseconds), step.error ?? "-",
        ])
      }
      print(table.text)
    }

    private static func milliseconds(_ value: Double) -> String {
      value < 10_000 ? "\(Int(value.rounded())) ms" : "\(Int((value / 1_000).rounded())) s"
    }
  }

  struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Try a parked saga again now, while its service runs.")
    @OptionGroup var options: PlatformOptions
    @Argument(help: "The saga's id.") var id: String

    func run() async throws {
      let id = try SagaCommand.id(id)
      var state: SagaState?
      var isRetried = false
      try await ServiceDatabases.each(options, of: try ServiceDatabases.entries(nil, where: \.hasSagas)) {
        _, database in
        let store = SagaStore(database)
        guard let saga = try await store.find(id) else { return }
        state = SagaState(rawValue: saga.state.rawValue)
        isRetried = try await store.retry(id)
      }
      guard let state else { throw StartFailure(.unavailable, "there is no saga \(id.lowercased)") }
      guard isRetried else {
        throw StartFailure(.usage, "the saga is \(state.rawValue), not parked: there is nothing to try again")
      }
      print("The saga goes on: gravity saga show \(id.lowercased)")
    }
  }

  private static func id(_ text: String) throws -> UUID {
    guard let id = UUID(uuidString: text) else { throw ValidationError("\"\(text)\" is no id") }
    return id
  }
}

extension String {
  /// Without what a terminal would obey, but for line breaks.
  fileprivate var printableLines: String {
    split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }.joined(separator: "\n")
  }
}
