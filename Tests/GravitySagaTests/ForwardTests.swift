import Foundation
import GravityContracts
import GravityData
import GravityTelemetry
import ServiceContextModule
import Synchronization
import Testbed
import Testing

@testable import GravitySaga

@Suite struct ForwardTests {
  @Test("steps are done in their order, each written together with its record", arguments: Engine.available)
  func happy(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let view = try await stage.play(stage.saga())
      #expect(view.state == .known(.completed))
      #expect(view.step == nil && view.owner == nil && view.isPastPivot && view.reasonCode == nil)
      #expect(stage.script.journal == ["a", "b", "c", "d", "e"])
      #expect(try await stage.timeline(view.id) == ["a done", "b done", "c done", "d done", "e done"])
      #expect(try await stage.ending(view.id) == "completed")
      #expect(try await database.rows("SELECT 1 FROM effects").count == 5)
      let state = try await stage.store.state(of: view.id, stage.saga())
      #expect(state?.notes == ["a", "b", "c", "d", "e", "ended"])
    }
  }

  @Test("the same id starts nothing; another kind under it is an error", arguments: Engine.available)
  func sameID(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let (saga, other, id) = (stage.saga(), stage.saga(name: "test.other"), UUID.v7())
      func start(_ saga: Saga<Plan>) async throws -> Bool {
        try await database.write { try stage.store.start(saga, id: id, subject: "x", state: Plan(), in: $0) }
      }
      let isNew = [try await start(saga), try await start(saga)]
      #expect(isNew == [true, false])
      await #expect(throws: SagaError.idTaken) { _ = try await start(other) }
      await #expect(throws: SagaError.subject) {
        try await database.write {
          try stage.store.start(saga, id: .v7(), subject: "", state: Plan(), in: $0)
        }
      }
      await #expect(throws: SagaError.self) {
        try await database.write {
          let state = Plan(notes: [String(repeating: "x", count: SagaStore.greatestState)])
          try stage.store.start(saga, id: .v7(), subject: "x", state: state, in: $0)
        }
      }
    }
  }

  @Test("a saga of a transaction that is rolled back never was", arguments: Engine.available)
  func rolledBack(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let saga = stage.saga()
      try await stage.running(stage.runner(saga)) {
        await #expect(throws: Script.Failure.self) {
          try await database.write { transaction in
            try stage.store.start(saga, id: .v7(), subject: "x", state: Plan(), in: transaction)
            throw Script.Failure()
          }
        }
        _ = try await stage.end(try await stage.start(saga))
      }
      #expect(stage.script.journal == ["a", "b", "c", "d", "e"])
    }
  }

  @Test("what is started where no runner lives is found by another process's", arguments: Engine.available)
  func elsewhere(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let saga = stage.saga()
      let early = try await stage.start(saga)
      let apart = Stage(database, script: stage.script, clock: stage.clock)
      try await stage.running(stage.runner(saga)) {
        let late = try await apart.start(saga)
        // Waits where no runner lives.
        #expect(try await apart.end(early).state == .known(.completed))
        #expect(try await apart.end(late).state == .known(.completed))
      }
    }
  }

  @Test("an attempt continues the trace and the request that the saga was started in", arguments: Engine.available)
  func trace(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let (saga, root) = (stage.saga("a b"), TraceContext.root())
      let seen = Mutex<[ServiceContext?]>([])
      for step in ["a", "b"] {
        stage.script.tell(
          step,
          .run { _ in
            seen.withLock { $0.append(ServiceContext.current) }
            return .done()
          })
      }
      let id = try await stage.running(stage.runner(saga)) {
        var context = ServiceContext.topLevel
        (context.trace, context.requestID) = (root, "request-1")
        let id = try await ServiceContext.withValue(context) { try await stage.start(saga) }
        return try await stage.end(id).id
      }
      let contexts = seen.withLock { $0 }
      #expect(contexts.map { $0?.trace?.traceIDText } == [root.traceIDText, root.traceIDText])
      #expect(Set(contexts.map { $0?.trace?.spanIDText } + [root.spanIDText]).count == 3)
      #expect(contexts.map { $0?.requestID } == ["request-1", "request-1"])
      #expect(try await stage.store.find(id)?.traceID == root.traceIDText)
    }
  }

  @Test("who waits for the end is woken by it, or told how far it is", arguments: Engine.available)
  func waiting(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let (saga, door) = (stage.saga(), Door())
      stage.script.tell(
        "b",
        .run { _ in
          await door.pass()
          return .done()
        })
      try await stage.running(stage.runner(saga)) {
        let id = try await stage.start(saga)
        let early = try await stage.store.ended(id, within: .milliseconds(20))
        #expect(early?.state == .known(.running))
        async let end = stage.store.ended(id, within: .seconds(60))
        door.open()
        #expect(try await end?.state == .known(.completed))
        #expect(try await stage.store.ended(.v7(), within: .seconds(60)) == nil)
      }
    }
  }
}
