import Foundation
import Testbed
import Testing

/// A process that records events, publishes them and consumes them is killed between every two steps, again and
/// again; then it is left to finish, and everything is counted.
@Suite("Crash", .timeLimit(.minutes(5)))
struct CrashTests {
  static let points = [
    "write-before", "write-after", "publish-before", "publish-after", "fetched", "acknowledge-before",
    "acknowledge-after",
  ]
  static let count = 120

  @Test("nothing is lost to kill -9 and nothing applied twice, on the embedded broker", arguments: points)
  func embedded(_ point: String) async throws {
    try await Self.check(point, .sqlite, .sqlite)
  }

  @Test(
    "nothing is lost to kill -9 and nothing applied twice, with queues in PostgreSQL",
    .enabled(if: Engine.server != nil), arguments: points)
  func postgres(_ point: String) async throws {
    try await Self.check(point, .postgresql, .postgresql)
  }

  @Test(
    "nothing is lost to kill -9 and nothing applied twice, over RabbitMQ",
    .enabled(if: Engine.server != nil && amqp != nil), arguments: points)
  func rabbit(_ point: String) async throws {
    try await Self.check(point, .postgresql, nil)
  }

  static let amqp = ProcessInfo.processInfo.environment["GRAVITY_TEST_AMQP_URL"]

  private static func check(_ point: String, _ data: Engine, _ queues: Engine?) async throws {
    try await data.withPlace { database, _ in
      if let queues {
        try await queues.withPlace { place, _ in try await check(point, database, broker: place) }
      } else {
        try await check(point, database, broker: try #require(amqp))
      }
    }
  }

  private static func check(_ point: String, _ database: String, broker: String) async throws {
    let prefix = "crash\(UUID().uuidString.prefix(8).lowercased())."
    // Early and late in the run; each time it goes on with what the last one left.
    for times in [1, 2, 5, 13] {
      let (status, _) = try await run([database, broker, "\(count)", "\(point):\(times)"], prefix)
      // The last ones may find too little left to do to come to their point so often.
      #expect(status == SIGKILL || (times > 2 && status == 0), "ended with \(status) at \(point):\(times)")
    }
    let (status, output) = try await run([database, broker, "\(count)"], prefix)
    #expect(status == 0)
    #expect(output == "rows \(count) events \(count) effects \(count) distinct \(count)\n")
  }

  /// - Returns: the exit code, or the signal that ended it, and what it printed.
  private static func run(_ arguments: [String], _ prefix: String) async throws -> (Int32, String) {
    let process = Process()
    process.executableURL = try product("eventscrash")
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["EVENTSCRASH_PREFIX": prefix]) { $1 }
    let output = Pipe()
    process.standardOutput = output
    let ended = AsyncStream.makeStream(of: Void.self)
    process.terminationHandler = { _ in ended.continuation.finish() }
    try process.run()
    let guardian = Task {
      try await Task.sleep(for: .seconds(120))
      kill(process.processIdentifier, SIGABRT)
    }
    for await _ in ended.stream {}
    guardian.cancel()
    let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    return (process.terminationStatus, text)
  }

  /// A program that was built beside the tests.
  private static func product(_ name: String) throws -> URL {
    try #require(Bundle.main.executableURL).deletingLastPathComponent().appending(path: name)
  }
}
