import Foundation
import GravityContracts
import GravityData
import Synchronization
import Testbed
import Testing

@testable import GravitySaga

@Suite struct UndoingTests {
  static let steps = ["a", "b", "c"]

  @Test(
    "a refusal before the pivot, or by it, undoes exactly what was done, in reverse", arguments: Engine.available,
    steps)
  func refused(_ engine: Engine, _ step: String) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      stage.script.tell(step, .refuse("no_\(step)"))
      let view = try await stage.play(stage.saga())
      let tried = Array(Self.steps.prefix { $0 <= step })
      let undone = tried.dropLast().reversed().map { "-\($0)" }
      #expect(view.state == .known(.compensated))
      #expect(view.reasonCode == "no_\(step)")
      #expect(stage.script.journal == tried + undone)
      #expect(try await stage.ending(view.id) == "compensated: no_\(step)")
      #expect(
        try await stage.timeline(view.id)
          == tried.map { $0 == step ? "\($0) refused" : "\($0) done" } + undone.map { "\($0) done" })
    }
  }

  @Test("a step without compensation is passed over", arguments: Engine.available)
  func nothingToUndo(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      stage.script.tell("d", .refuse("no"))
      let view = try await stage.play(stage.saga("a- b c- d"))
      #expect(view.state == .known(.compensated))
      #expect(stage.script.journal == ["a", "b", "c", "d", "-b"])
    }
  }

  @Test("a step in doubt is undone first when its patience is over", arguments: Engine.available)
  func inDoubt(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let (saga, runner) = (stage.saga(), stage.runner(stage.saga()))
      stage.script.tell("b", .fail, .fail, .fail, .fail, .fail, .fail, .fail, .fail)
      try await stage.running(runner) {
        let id = try await stage.start(saga)
        // The attempt at 23 seconds is the first after the patience of 20.
        for wait in [1.0, 2, 4, 8, 8] {
          try await stage.fails(id, .running, step: "b", next: wait)
          stage.advance(.seconds(wait), runner)
        }
        let view = try await stage.end(id)
        #expect(view.reasonCode == SagaRefusal.stepUnavailable)
        #expect(view.reasonDetail == "b")
      }
      #expect(stage.script.journal == ["a"] + Array(repeating: "b", count: 6) + ["-b", "-a"])
    }
  }

  @Test("a step that is refused after an attempt in doubt is undone, too", arguments: Engine.available)
  func refusedInDoubt(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let (saga, runner) = (stage.saga(), stage.runner(stage.saga()))
      stage.script.tell("b", .fail, .refuse("no"))
      try await stage.running(runner) {
        let id = try await stage.start(saga)
        try await stage.rests(id, .running, step: "b")
        stage.advance(.seconds(1), runner)
        #expect(try await stage.end(id).reasonCode == "no")
      }
      #expect(stage.script.journal == ["a", "b", "b", "-b", "-a"])
    }
  }

  @Test("an attempt that takes too long is cancelled and in doubt", arguments: Engine.available)
  func timeLimit(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let saga = stage.saga(
        retry: SagaRetry(first: .milliseconds(1), patience: .zero), timeLimit: .milliseconds(50))
      stage.script.tell(
        "b",
        .run { _ in
          while true { try await Task.sleep(for: .seconds(3600)) }
        })
      let view = try await stage.play(saga)
      #expect(view.state == .known(.compensated))
      #expect(try await stage.timeline(view.id) == ["a done", "b timed_out", "-b done", "-a done"])
    }
  }

  @Test("an attempt that does not heed its cancellation is left behind", arguments: Engine.available)
  func leftBehind(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let (saga, door) = (
        stage.saga(retry: SagaRetry(first: .milliseconds(1), patience: .zero), timeLimit: .milliseconds(20)), Door()
      )
      stage.script.tell(
        "b",
        .run { _ in
          await door.pass()
          return .done()
        })
      try await stage.running(stage.runner(saga) { $0.cancellationGrace = .milliseconds(20) }) {
        let id = try await stage.start(saga)
        #expect(try await stage.end(id).state == .known(.compensated))
        door.open()
        #expect(stage.script.journal == ["a", "b", "-b", "-a"])
      }
    }
  }

  @Test("a record that throws writes nothing, and the step is tried again", arguments: Engine.available)
  func recordThrows(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let (saga, runner) = (stage.saga(), stage.runner(stage.saga()))
      stage.script.tell(
        "b",
        .run { attempt in
          return .done { state, transaction in
            try transaction.execute("INSERT INTO effects (saga, what) VALUES (\(attempt.sagaID), 'half')")
            state.notes.append("half")
            throw Script.Failure()
          }
        })
      try await stage.running(runner) {
        let id = try await stage.start(saga)
        try await stage.rests(id, .running, step: "b")
        #expect(try await database.rows("SELECT 1 FROM effects WHERE what = 'half'").isEmpty)
        #expect(try await stage.store.find(id)?.error?.contains("Failure") == true)
        stage.advance(.seconds(1), runner)
        #expect(try await stage.end(id).state == .known(.completed))
        #expect(try await stage.store.state(of: id, saga)?.notes == ["a", "b", "c", "d", "e", "ended"])
      }
    }
  }

  @Test("an end that cannot be recorded is tried again until it is", arguments: Engine.available, [true, false])
  func endThrows(_ engine: Engine, completes: Bool) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let (saga, runner) = (stage.saga(), stage.runner(stage.saga()))
      let failures = Mutex(2)
      stage.script.ended = { _ in
        let fails = failures.withLock { left in
          left -= 1
          return left >= 0
        }
        if fails { throw Script.Failure() }
      }
      if !completes { stage.script.tell("b", .refuse("no")) }
      try await stage.running(runner) {
        let id = try await stage.start(saga)
        // The end of a saga that is undone has a pause of its own, the usual 100 and 200 ms.
        for wait in completes ? [1.0, 2] : [0.1, 0.2] {
          try await stage.fails(
            id, completes ? .running : .compensating, step: completes ? "e" : nil, next: wait)
          stage.advance(.seconds(wait), runner)
        }
        #expect(try await stage.end(id).state == .known(completes ? .completed : .compensated))
        #expect(try await stage.ending(id) == (completes ? "completed" : "compensated: no"))
      }
      #expect(
        stage.script.journal == (completes ? ["a", "b", "c", "d", "e", "e", "e"] : ["a", "b", "-a"]))
    }
  }

  @Test("a compensation is tried until its patience is over, parks, and goes on by hand", arguments: Engine.available)
  func parked(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let (saga, runner) = (stage.saga(), stage.runner(stage.saga()))
      stage.script.tell("c", .refuse("no"))
      stage.script.failUndoing("b", times: 6)
      try await stage.running(runner) {
        let id = try await stage.start(saga)
        for wait in [1.0, 2, 4, 8, 8] {
          try await stage.fails(id, .compensating, step: "b", next: wait)
          stage.advance(.seconds(wait), runner)
        }
        try await stage.rests(id, .parked, step: "b")
        let view = try #require(try await stage.store.find(id))
        #expect(view.error?.contains("Failure") == true)
        #expect(view.nextAttemptAt == nil && view.endedAt == nil)
        #expect(try await stage.ending(id) == nil, "it has not ended")
        // Nothing but a hand brings it on.
        stage.advance(.seconds(3600), runner)
        #expect(stage.script.journal.count { $0 == "-b" } == 6)
        #expect(try await stage.store.retry(id))
        #expect(try await stage.end(id).state == .known(.compensated))
        #expect(try await !stage.store.retry(id))
      }
      #expect(stage.script.journal == ["a", "b", "c"] + Array(repeating: "-b", count: 7) + ["-a"])
    }
  }
}
