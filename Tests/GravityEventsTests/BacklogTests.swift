import Foundation
import GravityData
import GravityEvents
import Patience
import Synchronization
import Testbed
import Testing

@Suite("Backlog", .timeLimit(.minutes(10)))
struct BacklogTests {
  /// What a service records while its broker is away for hours.
  static let count = 200_000

  @Test("a backlog of 200 000 events goes out and takes effect once, in bounded memory")
  func backlog() async throws {
    try await Engine.sqlite.withPlace { place in
      for start in stride(from: 0, to: Self.count, by: 1_000) {
        try await place.record(start..<start + 1_000, subject: nil)
      }
      #expect(try await Outbox.status(of: place.database).waiting == Self.count)
      let before = Self.residentBytes()
      var most = before
      let handled = Atomic(0)
      let consumer = EventConsumer(
        service: "backlog", family: "ping",
        handlers: [
          .on(Events.sent) { event, transaction in
            handled.add(1, ordering: .relaxed)
            try transaction.execute("INSERT INTO effects (serial, number) VALUES (0, \(event.payload.number))")
          }
        ], database: place.database, broker: place.broker, logger: .silent)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await consumer.run() }
        try await eventually("the queue is there") { try await place.broker.depth(of: consumer.name) != nil }
        group.addTask { try await place.relay().run() }
        try await eventually("all take effect", within: .seconds(500)) {
          most = max(most, Self.residentBytes())
          // Counted in the table, which takes its time, only when there may be enough.
          guard handled.load(ordering: .relaxed) >= Self.count else { return false }
          return try await Self.effects(place) >= Self.count
        }
        group.cancelAll()
      }
      let numbers = try await place.database.rows("SELECT count(DISTINCT number), count(*) FROM effects")[0]
      #expect(try numbers.get(0) == Self.count)
      #expect(try numbers.get(1) == Self.count)
      // The whole backlog is some 60 MB of rows; what is under way at a time is a thousandth of that. Other tests run
      // beside this one.
      #expect(most - before < 200 << 20, "grew by \((most - before) >> 20) MiB")
    }
  }

  private static func effects(_ place: Place) async throws -> Int {
    try await place.database.rows("SELECT count(*) FROM effects")[0].get(0)
  }

  private static func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 200)
    guard fgets(&line, 200, file) != nil else { return 0 }
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4_096
  }
}
