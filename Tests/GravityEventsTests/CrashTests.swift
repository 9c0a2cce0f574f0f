import Foundation
import GravityData
import PostgresEngine
import SQLiteEngine
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
    try await data.withPlaceName { database in
      if let queues {
        try await queues.withPlaceName { try await check(point, database, broker: $0) }
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

extension Engine {
  /// Where an empty database is to be, as a program is told of it.
  func withPlaceName(_ body: (String) async throws -> Void) async throws {
    switch self {
    case .sqlite:
      let folder = FileManager.default.temporaryDirectory.appending(path: "crash-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      try await body(folder.appending(path: "place.sqlite").path)
    case .postgresql:
      let url = try #require(Self.server)
      let name = "crash_test_\(UUID().uuidString.lowercased().prefix(13))"
      try await PostgresServer.createDatabase(named: name, url: url)
      var place = try #require(URLComponents(string: url))
      place.path = "/\(name)"
      let result: Result<Void, any Error>
      do { result = .success(try await body(try #require(place.string))) } catch { result = .failure(error) }
      try await PostgresServer.dropDatabase(named: name, url: url)
      try result.get()
    }
  }
}
