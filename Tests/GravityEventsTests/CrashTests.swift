import Foundation
import TestServers
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
    let environment = ["EVENTSCRASH_PREFIX": "crash\(UUID().uuidString.prefix(8).lowercased())."]
    // Early and late in the run; each time it goes on with what the last one left.
    for times in [1, 2, 5, 13] {
      let end = try await Program.run(
        product: "eventscrash", [database, broker, "\(count)", "\(point):\(times)"], environment: environment
      ).end
      // The last ones may find too little left to do to come to their point so often.
      #expect(end == .killed(SIGKILL) || (times > 2 && end == .exited(0)), "\(end) at \(point):\(times)")
    }
    let last = try await Program.run(
      product: "eventscrash", [database, broker, "\(count)"], environment: environment)
    #expect(last.end == .exited(0))
    #expect(last.output == "rows \(count) events \(count) effects \(count) distinct \(count)\n")
  }
}
