import Foundation
import GravityData
import GravityTasks
import Patience
import Synchronization
import Testbed
import Testing

@Suite struct BadDayTests {
  @Test("a database that goes away for a while costs no task an attempt", arguments: Engine.available)
  func away(_ engine: Engine) async throws {
    try await engine.withDatabase { real in
      let database = UnreliableDatabase(real)
      let shop = Workshop(database: real)
      let (door, ran) = (Door(), Record<Int>())
      let worker = Workshop(database: database).worker { $0.pollInterval = .milliseconds(50) }
      worker.handle(Workshop.number) { number, _ in
        await door.pass()
        ran.add(number)
      }
      for n in 0..<10 { try await shop.add(n) }
      try await shop.running(worker) {
        try await eventually("they run") { try await shop.count(.running) == 10 }
        database.behave(.isAway)
        door.open()
        try await eventually("they ran") { ran.count == 10 }
        try await eventually("it was asked in vain") { database.refusals >= 5 }
        let done = try await shop.count(.done)
        #expect(done == 0)
        database.behave(.isWell)
        try await shop.add(10)
        try await eventually("all are done") { try await shop.count(.done) == 11 }
      }
      #expect(ran.count == 11)
      let attempts = try await real.rows("SELECT max(attempt), max(failures) FROM gravity_tasks")
      #expect(try attempts[0].get(0, as: Int.self) == 1)
      #expect(try attempts[0].get(1, as: Int.self) == 0)
    }
  }

  @Test(
    "an end of which nobody knows whether it was committed is found out, not done again", arguments: Engine.available)
  func commitUnknown(_ engine: Engine) async throws {
    try await engine.withDatabase { real in
      let database = UnreliableDatabase(real)
      let shop = Workshop(database: real)
      let (doors, ran) = ([Door(), Door()], Record<Int>())
      let worker = Workshop(database: database).worker { $0.pollInterval = .milliseconds(50) }
      worker.handle(Workshop.number) { number, context in
        await doors[number].pass()
        ran.add(number)
        if number == 1 { try await database.write { try context.complete(in: $0) } }
      }
      let tasks = [try await shop.add(0), try await shop.add(1)]
      try await shop.running(worker) {
        try await eventually("they run") { try await shop.count(.running) == 2 }
        for (door, task) in zip(doors, tasks) {
          database.behave(.forgets)
          door.open()
          try await eventually("it is done") { try await shop.state(task.id) == .done }
          database.behave(.isWell)
        }
        // The worker goes on.
        try await shop.add(0)
        try await eventually("all are done") { try await shop.count(.done) == 3 }
      }
      #expect(ran.all == [0, 1, 0])
    }
  }
}

/// A database that can be away, or lose the answer to a commit.
final class UnreliableDatabase: Database {
  enum Mood { case isWell, isAway, forgets }
  private let real: any Database
  private let state = Mutex((mood: Mood.isWell, refusals: 0))

  init(_ real: any Database) { self.real = real }

  var dialect: SQLDialect { real.dialect }
  var refusals: Int { state.withLock { $0.refusals } }
  func behave(_ mood: Mood) { state.withLock { $0.mood = mood } }

  func rows(_ sql: SQL) async throws -> [SQLRow] { try await real.rows(sql) }
  func read<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
    try await real.read(body)
  }
  func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
    let mood = state.withLock { state in
      if state.mood == .isAway { state.refusals += 1 }
      return state.mood
    }
    if mood == .isAway { throw DatabaseError(.unavailable, "away") }
    let result = try await real.write(body)
    if mood == .forgets { throw DatabaseError(.commitUnknown, "no answer") }
    return result
  }
  func notifications(on channel: String) -> AsyncStream<String> { real.notifications(on: channel) }
  func close() async {}
}
