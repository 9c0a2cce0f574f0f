import Foundation
import GravityContracts
import GravityData
import Patience
import ServiceLifecycle
import Synchronization
import Testbed
import Testing

@testable import GravitySaga

@Suite struct OwnershipTests {
  @Test(
    "three instances run 200 sagas: each step of each once, never two of one saga at a time",
    arguments: Engine.available)
  func three(_ engine: Engine) async throws {
    try await engine.withDatabases(3, Stage.migrations) { databases in
      let (script, clock, presence) = (Script(), TestClock(), Presence())
      let stages = databases.map { Stage($0, script: script, clock: clock) }
      let saga = Self.watched(stages[0], presence)
      let ids = (0..<200).map { _ in UUID.v7() }
      // Some are there before anybody runs; the others come from every instance.
      for id in ids.prefix(50) { try await stages[0].start(saga, id) }
      let runners = stages.map { stage in
        stage.runner(saga) {
          $0.concurrency = 8
          $0.pollInterval = .milliseconds(50)
        }
      }
      try await stages[0].running(runners[0], runners[1], runners[2]) {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for (index, stage) in stages.enumerated() {
            group.addTask {
              for place in stride(from: 50 + index, to: 200, by: 3) { try await stage.start(saga, ids[place]) }
            }
          }
          try await group.waitForAll()
        }
        for id in ids { #expect(try await stages[1].end(id).state == .known(.completed)) }
      }
      #expect(presence.collisions == 0)
      #expect(presence.count == 1_000)
      // The effects' key would have refused a second, and the saga would not have ended.
      #expect(try await databases[0].rows("SELECT 1 FROM effects").count == 1_000)
      #expect(try await databases[0].rows("SELECT 1 FROM gravity_saga_steps WHERE outcome <> 'done'").isEmpty)
    }
  }

  /// Steps that say when two are under way for one saga.
  private static func watched(_ stage: Stage, _ presence: Presence) -> Saga<Plan> {
    Saga(
      "test.watched",
      steps: ["a", "b", "c", "d", "e"].map { name in
        SagaStep<Plan>(name, isPivot: name == "c") { attempt in
          presence.enter(attempt.sagaID)
          await Task.yield()
          presence.leave(attempt.sagaID)
          return .done { _, transaction in
            try transaction.execute("INSERT INTO effects (saga, what) VALUES (\(attempt.sagaID), \(name))")
          }
        }
      })
  }

  @Test("what an instance writes after its lease is refused; another goes on", arguments: Engine.available)
  func fenced(_ engine: Engine) async throws {
    try await engine.withDatabases(2, Stage.migrations) { databases in
      let (script, clock, door) = (Script(), TestClock(), Door())
      let (late, next) = (
        Stage(databases[0], script: script, clock: clock), Stage(databases[1], script: script, clock: clock)
      )
      script.tell(
        "b",
        .run { attempt in
          await door.pass()
          return .done { _, transaction in
            try transaction.execute("INSERT INTO effects (saga, what) VALUES (\(attempt.sagaID), 'late')")
          }
        })
      let runners = (late.runner(late.saga()), next.runner(next.saga()))
      try await late.running(runners.0, runners.1) {
        let id = try await late.start(late.saga())
        try await eventually("b runs") { door.visitors == 1 }
        let owner = runners.0.owner
        #expect(try await late.store.find(id)?.owner == owner)
        // As if it had not renewed its lease for long.
        _ = try await databases[0].write {
          try $0.execute("UPDATE gravity_saga_owners SET lease_until = \(clock.now) WHERE id = \(owner)")
        }
        // Or its own look at it was quicker.
        _ = try await runners.1.freeAll()
        runners.1.work.raise()
        #expect(try await next.end(id).state == .known(.completed))
        door.open()
        try await eventually("it has given up") { runners.0.state.withLock { $0.running.isEmpty } }
        #expect(try await databases[0].rows("SELECT 1 FROM effects WHERE what = 'late'").isEmpty)
        #expect(
          try await next.timeline(id)
            == ["a done", "b interrupted", "b done", "c done", "d done", "e done"])
      }
    }
  }

  @Test("an instance that finds its lease lost cancels what runs, and begins anew", arguments: Engine.available)
  func leaseLost(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let (stage, begun) = (Stage(database, isReal: true), Door())
      stage.script.tell(
        "b",
        .run { _ in
          begun.open()
          while true { try await Task.sleep(for: .seconds(3600)) }
        })
      let runner = stage.runner(stage.saga()) { $0.lease = .seconds(3) }
      try await stage.running(runner) {
        let id = try await stage.start(stage.saga())
        await begun.pass()
        let owner = runner.owner
        // As if another had found it too late: its heartbeat hears of it, and what it had is free for all.
        _ = try await database.write { try $0.execute("DELETE FROM gravity_saga_owners") }
        #expect(try await stage.end(id).state == .known(.completed))
        #expect(runner.owner != owner)
        #expect(try await stage.timeline(id).contains("b interrupted"))
      }
    }
  }

  @Test("what was started and not heard of is found", arguments: Engine.available)
  func notHeard(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let runner = stage.runner(stage.saga()) { $0.pollInterval = .milliseconds(50) }
      try await stage.running(runner) {
        let id = UUID.v7()
        // As if the notification had been lost: nobody hears of an owner's saga that is written like this.
        let deaf = SagaStore(Deaf(database: database), clock: stage.store.clock)
        deaf.hub.set(.init(owner: runner.owner, names: ["test.saga"]) { true })
        try await deaf.database.write {
          try deaf.start(stage.saga(), id: id, subject: "x", state: Plan(), in: $0)
        }
        #expect(try await stage.end(id).state == .known(.completed))
      }
    }
  }

  @Test("a shutdown lets a step end, and another instance goes on at once", arguments: Engine.available)
  func shutdown(_ engine: Engine) async throws {
    try await engine.withDatabases(2, Stage.migrations) { databases in
      let (script, clock, door) = (Script(), TestClock(), Door())
      let (first, second) = (
        Stage(databases[0], script: script, clock: clock), Stage(databases[1], script: script, clock: clock)
      )
      script.tell(
        "b",
        .run { _ in
          await door.pass()
          return .done()
        })
      let runner = first.runner(first.saga())
      let id = try await serve(first, runner) { group in
        let id = try await first.start(first.saga())
        try await eventually("b runs") { door.visitors == 1 }
        await group.triggerGracefulShutdown()
        try await eventually("it begins nothing more") { runner.state.withLock { $0.isDraining } }
        door.open()
        return id
      }
      let view = try #require(try await first.store.find(id))
      #expect(view.owner == nil && view.step == "c" && view.attempt == 0 && !view.isPastPivot)
      #expect(try await first.timeline(id) == ["a done", "b done"])
      #expect(try await databases[0].rows("SELECT 1 FROM gravity_saga_owners").isEmpty)
      try await second.running(second.runner(second.saga())) {
        let end = try await second.end(id)
        #expect(end.state == .known(.completed))
      }
      #expect(script.journal == ["a", "b", "c", "d", "e"])
    }
  }

  @Test("a step that outlives the shutdown's deadline is given back in doubt", arguments: Engine.available)
  func shutdownInMidStep(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let (stage, begun) = (Stage(database), Door())
      stage.script.tell(
        "b",
        .run { _ in
          begun.open()
          while true { try await Task.sleep(for: .seconds(3600)) }
        },
        .refuse("no"))
      let id = try await serve(stage, stage.runner(stage.saga()) { $0.drainTimeout = .zero }) { group in
        let id = try await stage.start(stage.saga())
        await begun.pass()
        await group.triggerGracefulShutdown()
        return id
      }
      #expect(try await stage.timeline(id) == ["a done", "b interrupted"])
      try await stage.running(stage.runner(stage.saga())) {
        let end = try await stage.end(id)
        #expect(end.reasonCode == "no")
      }
      #expect(stage.script.journal == ["a", "b", "b", "-b", "-a"])
    }
  }

  private func serve(
    _ stage: Stage, _ runner: SagaRunner, _ body: @escaping @Sendable (ServiceGroup) async throws -> UUID
  ) async throws -> UUID {
    let group = ServiceGroup(services: [runner], logger: .silent)
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      try await eventually("the runner lives") { runner.state.withLock { $0.renewedAt > 0 } }
      let id = try await body(group)
      try await tasks.waitForAll()
      return id
    }
  }
}

/// Which sagas have an action under way.
private final class Presence: Sendable {
  private struct State {
    var present: Set<UUID> = []
    var collisions = 0
    var count = 0
  }
  private let state = Mutex(State())
  var collisions: Int { state.withLock { $0.collisions } }
  var count: Int { state.withLock { $0.count } }

  func enter(_ id: UUID) {
    state.withLock { state in
      state.count += 1
      if !state.present.insert(id).inserted { state.collisions += 1 }
    }
  }
  func leave(_ id: UUID) { state.withLock { _ = $0.present.remove(id) } }
}

/// A database whose notifications nobody gets.
private struct Deaf: Database {
  let database: any Database
  var dialect: SQLDialect { database.dialect }
  func rows(_ sql: SQL) async throws -> [SQLRow] { try await database.rows(sql) }
  func read<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
    try await database.read(body)
  }
  func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
    try await database.write { try body(Mute(transaction: $0)) }
  }
  func notifications(on channel: String) -> AsyncStream<String> { database.notifications(on: channel) }
  func close() async {}

  struct Mute: Transaction {
    let transaction: any Transaction
    var dialect: SQLDialect { transaction.dialect }
    var now: Date { get throws { try transaction.now } }
    func rows(_ sql: SQL) throws -> [SQLRow] { try transaction.rows(sql) }
    func execute(_ sql: SQL) throws -> Int { try transaction.execute(sql) }
    func order(by names: [String]) throws { try transaction.order(by: names) }
    func relax() throws { try transaction.relax() }
    func lock(_ name: String) throws { try transaction.lock(name) }
    func tryLock(_ name: String) throws -> Bool { try transaction.tryLock(name) }
    func notify(_ channel: String, _ payload: String) throws {}
  }
}
