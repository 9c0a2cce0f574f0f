import Foundation
import GravityContracts
import GravityData
import Patience
import Testbed
import Testing

@testable import GravitySaga

@Suite struct CancelTests {
  private func cancel(_ stage: Stage, _ id: UUID) async throws -> SagaCancellation {
    try await stage.database.write { try stage.store.cancel(id, SagaRefusal(code: "by_hand"), in: $0) }
  }

  @Test("what nobody has begun is undone without having been done", arguments: Engine.available)
  func notBegun(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let id = try await stage.start(stage.saga())
      #expect(try await cancel(stage, id) == .accepted)
      #expect(try await cancel(stage, id) == .alreadyCanceled)
      let view = try await stage.running(stage.runner(stage.saga())) { try await stage.end(id) }
      #expect(view.reasonCode == "by_hand")
      #expect(stage.script.journal.isEmpty)
      #expect(try await stage.ending(id) == "compensated: by_hand")
      #expect(try await cancel(stage, id) == .alreadyCanceled)
      #expect(try await cancel(stage, .v7()) == .notFound)
    }
  }

  @Test("a step that runs ends first, and is undone with the rest", arguments: Engine.available, [true, false])
  func running(_ engine: Engine, succeeds: Bool) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let (stage, door) = (Stage(database), Door())
      stage.script.tell(
        "b",
        .run { _ in
          await door.pass()
          guard succeeds else { throw Script.Failure() }
          return .done()
        })
      try await stage.running(stage.runner(stage.saga())) {
        let id = try await stage.start(stage.saga())
        try await eventually("b runs") { door.visitors == 1 }
        #expect(try await cancel(stage, id) == .accepted)
        #expect(try await stage.store.find(id)?.isCancelRequested == true)
        door.open()
        #expect(try await stage.end(id).reasonCode == "by_hand")
      }
      #expect(stage.script.journal == ["a", "b", "-b", "-a"])
    }
  }

  @Test("a wait for an event ends at once", arguments: Engine.available)
  func waiting(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      stage.script.tell("b", .wait("paid", .seconds(600)))
      try await stage.running(stage.runner(stage.saga())) {
        let id = try await stage.start(stage.saga())
        try await stage.rests(id, .waiting, step: "b")
        #expect(try await cancel(stage, id) == .accepted)
        #expect(try await stage.end(id).reasonCode == "by_hand")
      }
      #expect(stage.script.journal == ["a", "b", "-b", "-a"])
    }
  }

  @Test("a wait between attempts ends at once", arguments: Engine.available)
  func betweenAttempts(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      stage.script.tell("b", .fail)
      try await stage.running(stage.runner(stage.saga())) {
        let id = try await stage.start(stage.saga())
        try await stage.rests(id, .running, step: "b")
        #expect(try await cancel(stage, id) == .accepted)
        #expect(try await stage.end(id).reasonCode == "by_hand")
      }
      #expect(stage.script.journal == ["a", "b", "-b", "-a"])
    }
  }

  @Test(
    "from the pivot's first attempt on it is too late; while undoing it is done already", arguments: Engine.available)
  func tooLate(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      for (step, answer) in [("c", SagaCancellation.tooLate), ("e", .tooLate), ("-a", .alreadyCanceled)] {
        let (stage, door) = (Stage(database), Door())
        if step == "-a" {
          stage.script.tell("b", .refuse("no"))
          stage.script.failUndoing("a", times: 1)
        } else {
          stage.script.tell(
            step,
            .run { _ in
              await door.pass()
              return .done()
            })
        }
        let runner = stage.runner(stage.saga())
        try await stage.running(runner) {
          let id = try await stage.start(stage.saga())
          if step == "-a" {
            try await stage.rests(id, .compensating)
          } else {
            try await eventually("\(step) runs") { door.visitors == 1 }
          }
          #expect(try await cancel(stage, id) == answer)
          door.open()
          stage.advance(.seconds(1), runner)
          #expect(try await stage.end(id).state == .known(step == "-a" ? .compensated : .completed))
          #expect(try await cancel(stage, id) == answer)
        }
      }
    }
  }

  @Test("a saga without a pivot can be canceled until its last step is done", arguments: Engine.available)
  func noPivot(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let (stage, door) = (Stage(database), Door())
      let saga = stage.saga("a b")
      stage.script.tell(
        "b",
        .run { _ in
          await door.pass()
          return .done()
        })
      try await stage.running(stage.runner(saga)) {
        let id = try await stage.start(saga)
        try await eventually("b runs") { door.visitors == 1 }
        #expect(try await cancel(stage, id) == .accepted)
        door.open()
        #expect(try await stage.end(id).reasonCode == "by_hand")
        #expect(try await stage.ending(id) == "compensated: by_hand")
      }
      #expect(stage.script.journal == ["a", "b", "-b", "-a"])
    }
  }
}
