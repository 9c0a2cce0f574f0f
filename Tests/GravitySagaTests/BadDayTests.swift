import Foundation
import GravityContracts
import GravityData
import Testbed
import Testing

@testable import GravitySaga

@Suite struct BadDayTests {
  @Test("a state that cannot be read parks the saga, and it goes on when it can", arguments: Engine.available)
  func unreadable(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let id = try await stage.start(stage.saga())
      func set(_ data: String) async throws {
        _ = try await database.write { try $0.execute("UPDATE gravity_sagas SET data = \(data) WHERE id = \(id)") }
      }
      try await set(#"{"notes": "of a person"}"#)
      try await stage.running(stage.runner(stage.saga())) {
        try await stage.rests(id, .parked, step: "a")
        let view = try #require(try await stage.store.find(id))
        #expect(view.error?.hasPrefix("this build cannot read the saga's state: notes is no") == true)
        #expect(view.error?.contains("person") == false)
        #expect(view.nextAttemptAt == nil && view.attempt == 1)
        #expect(stage.script.journal.isEmpty)
        try await set(#"{"notes": []}"#)
        #expect(try await stage.store.retry(id))
        #expect(try await stage.end(id).state == .known(.completed))
      }
    }
  }

  @Test(
    "a step that this build does not know parks the saga, and it goes on with one that does",
    arguments: Engine.available)
  func unknownStep(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      stage.script.tell("b", .wait("paid", .seconds(600)))
      let (old, new) = (stage.saga("a b c!"), stage.saga("a x c!"))
      let id = try await stage.running(stage.runner(old)) {
        let id = try await stage.start(old)
        try await stage.rests(id, .waiting, step: "b")
        return id
      }
      stage.advance(.seconds(600))
      try await stage.running(stage.runner(new)) {
        try await stage.rests(id, .parked, step: "b")
        #expect(try await stage.store.find(id)?.error == "this build's test.saga has no step b")
      }
      #expect(try await stage.store.retry(id))
      try await stage.running(stage.runner(old)) {
        let end = try await stage.end(id)
        #expect(end.state == .known(.completed))
      }
      #expect(stage.script.journal == ["a", "b", "b", "c"])
    }
  }

  @Test("what this build cannot undo parks the saga: it does not end as if it were undone", arguments: Engine.available)
  func unknownCompensation(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      stage.script.tell("c", .wait("paid", .seconds(600)), .refuse("no"))
      let (old, new) = (stage.saga("a b c"), stage.saga("a c"))
      let id = try await stage.running(stage.runner(old)) {
        let id = try await stage.start(old)
        try await stage.rests(id, .waiting, step: "c")
        return id
      }
      stage.advance(.seconds(600))
      try await stage.running(stage.runner(new)) {
        try await stage.rests(id, .parked, step: "b")
        #expect(
          try await stage.store.find(id)?.error == "this build's test.saga has no step b, which has to be undone")
        #expect(try await stage.ending(id) == nil)
      }
      #expect(try await stage.store.retry(id))
      try await stage.running(stage.runner(old)) {
        let end = try await stage.end(id)
        #expect(end.state == .known(.compensated) && end.reasonCode == "no")
      }
      #expect(stage.script.journal == ["a", "b", "c", "c", "-c", "-b", "-a"])
    }
  }

  @Test("sagas of a kind that a runner does not know are left alone", arguments: Engine.available)
  func otherKind(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let other = try await stage.start(stage.saga(name: "test.other"))
      _ = try await stage.play(stage.saga())
      let view = try #require(try await stage.store.find(other))
      #expect(view.owner == nil && view.attempt == 0 && view.state == .known(.running))
    }
  }

  @Test("a step that takes its process with it gets pauses, and is given up in the end", arguments: Engine.available)
  func crashLoop(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let saga = AnySaga(stage.saga())
      let id = try await stage.start(stage.saga())
      var pauses: [Double] = []
      // Each owner takes it and is never heard of again.
      for owner in 1...SagaRow.greatestInterruptions + 1 {
        let taken = try await database.write { [clock = stage.store.clock] in
          try SagaTable.claim([saga], limit: 1, owner: "\(owner)", chance: 0.5, clock: clock, in: $0)
        }
        let found: SagaRow? = try await database.first("SELECT \(SagaRow.columns) FROM gravity_sagas")
        let row = try #require(found)
        if taken.sagas.isEmpty {
          pauses.append(try #require(row.runAt).timeIntervalSince(stage.clock.now))
          stage.advance(.seconds(pauses.last ?? 0))
          _ = try await database.write { [clock = stage.store.clock] in
            try SagaTable.claim([saga], limit: 1, owner: "\(owner)+", chance: 0.5, clock: clock, in: $0)
          }
        }
        _ = try await database.write { [clock = stage.store.clock] in
          try SagaTable.free(limit: 10, clock: clock, in: $0)
        }
      }
      #expect(pauses.prefix(4) == [2, 4, 8, 8])
      try await stage.running(stage.runner(stage.saga())) {
        let end = try await stage.end(id)
        #expect(end.reasonCode == SagaRefusal.stepUnavailable)
      }
      #expect(stage.script.journal == ["-a"], "it may have had its effect each time")
    }
  }

  @Test("an error's text is bounded, and what looks like a secret is left out")
  func errorText() {
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    let text = SagaErrorText.clean(
      "GET https://user:hunter2@host/x failed, Authorization: Bearer \(token), password=abc123 api_key: 'k-1'")
    for secret in ["hunter2", "eyJ", "abc123"] { #expect(!text.contains(secret), "\(text)") }
    #expect(text.contains("GET https://") && text.contains("host/x failed"))
    #expect(SagaErrorText.clean(String(repeating: "é", count: 5_000)).utf8.count <= 500)
    #expect(SagaErrorText.clean("a\0b") == "ab")
  }
}
