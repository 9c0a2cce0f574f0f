import Foundation
import GravityContracts
import GravityData
import Testbed
import Testing

@testable import GravitySaga

@Suite struct PivotTests {
  @Test("a pivot in doubt goes only forward: for ever, shown as parked, at once by hand", arguments: Engine.available)
  func inDoubt(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let (saga, runner) = (stage.saga(), stage.runner(stage.saga()))
      stage.script.tell("c", .fail, .fail, .fail, .fail, .fail, .fail, .fail, .fail, .fail)
      try await stage.running(runner) {
        let id = try await stage.start(saga)
        for wait in [1.0, 2, 4, 8, 8] {
          try await stage.fails(id, .running, step: "c", next: wait)
          stage.advance(.seconds(wait), runner)
        }
        for _ in 0..<2 {
          try await stage.fails(id, .parked, step: "c", next: 8)
          #expect(try await stage.store.list(state: .parked).items.map(\.id) == [id])
          stage.advance(.seconds(8), runner)
        }
        try await stage.fails(id, .parked, step: "c", next: 8)
        #expect(try await stage.store.retry(id), "at once, with all its patience")
        try await stage.fails(id, .running, step: "c", next: 1)
        #expect(
          try await database.write { try stage.store.cancel(id, SagaRefusal(code: "x"), in: $0) } == .tooLate)
        stage.advance(.seconds(1), runner)
        #expect(try await stage.end(id).state == .known(.completed))
      }
      #expect(!stage.script.journal.contains { $0.hasPrefix("-") })
    }
  }

  @Test("a pivot that is refused after an attempt in doubt is undone first", arguments: Engine.available)
  func refused(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let (saga, runner) = (stage.saga(), stage.runner(stage.saga()))
      stage.script.tell("c", .fail, .refuse("no"))
      try await stage.running(runner) {
        let id = try await stage.start(saga)
        try await stage.rests(id, .running, step: "c")
        stage.advance(.seconds(1), runner)
        let view = try await stage.end(id)
        #expect(view.state == .known(.compensated) && view.reasonCode == "no")
      }
      #expect(stage.script.journal == ["a", "b", "c", "c", "-c", "-b", "-a"])
    }
  }

  @Test("a step that is refused after the pivot parks, and goes forward by hand", arguments: Engine.available)
  func refusedAfter(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let (saga, runner) = (stage.saga(), stage.runner(stage.saga()))
      stage.script.tell("d", .refuse("no"))
      try await stage.running(runner) {
        let id = try await stage.start(saga)
        try await stage.rests(id, .parked, step: "d")
        #expect(try await stage.store.find(id)?.nextAttemptAt == nil)
        #expect(try await stage.store.find(id)?.error == "refused after the pivot: no")
        #expect(try await stage.store.list(state: .parked).items.map(\.id) == [id])
        #expect(try await stage.store.retry(id))
        #expect(try await stage.end(id).state == .known(.completed))
      }
      #expect(stage.script.journal == ["a", "b", "c", "d", "d", "e"])
    }
  }
}
