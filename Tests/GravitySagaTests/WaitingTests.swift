import Foundation
import GravityContracts
import GravityData
import Synchronization
import Testbed
import Testing

@testable import GravitySaga

@Suite struct WaitingTests {
  /// Step `b` waits for `paid`, and says what it got.
  private func tellToWait(_ stage: Stage, _ seen: Seen, limit: Duration = .seconds(600)) {
    stage.script.tell(
      "b", .wait("paid", limit),
      .run { attempt in
        seen.add(attempt)
        return .done()
      })
  }

  private func signal(
    _ stage: Stage, _ id: UUID, _ payload: JSONValue, event: String = "paid"
  ) async throws -> SagaSignalReceipt {
    try await stage.database.write { try stage.store.signal(id, event: event, payload: payload, in: $0) }
  }

  @Test("a signal ends the wait at once, with what it says", arguments: Engine.available)
  func during(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let (stage, seen) = (Stage(database), Seen())
      tellToWait(stage, seen)
      try await stage.running(stage.runner(stage.saga())) {
        let id = try await stage.start(stage.saga())
        try await stage.rests(id, .waiting, step: "b")
        #expect(try await stage.store.find(id)?.awaiting == "paid")
        #expect(try await signal(stage, id, "other", event: "shipped") == .accepted)
        #expect(try await signal(stage, id, "yes") == .accepted)
        #expect(try await stage.end(id).state == .known(.completed))
        #expect(try await signal(stage, id, "late") == .ended)
        #expect(try await signal(stage, .v7(), "lost") == .notFound)
        #expect(try await stage.timeline(id).prefix(3) == ["a done", "b waiting", "b done"])
      }
      #expect(seen.payloads == ["yes"] && seen.timedOut == [false] && seen.numbers == [2])
    }
  }

  @Test("a signal that comes before the wait is not lost, and a duplicate is harmless", arguments: Engine.available)
  func before(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let (stage, seen, door) = (Stage(database), Seen(), Door())
      stage.script.tell(
        "a",
        .run { _ in
          await door.pass()
          return .done()
        })
      tellToWait(stage, seen)
      try await stage.running(stage.runner(stage.saga())) {
        let id = try await stage.start(stage.saga())
        #expect(try await signal(stage, id, "yes") == .accepted)
        #expect(try await signal(stage, id, "yes") == .duplicate)
        #expect(try await signal(stage, id, "no") == .accepted)
        door.open()
        #expect(try await stage.end(id).state == .known(.completed))
      }
      #expect(seen.payloads == ["yes"], "the oldest first")
    }
  }

  @Test("a signal that comes while the step decides to wait is not lost", arguments: Engine.available)
  func meanwhile(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let (stage, seen) = (Stage(database), Seen())
      stage.script.tell(
        "b",
        .run { attempt in
          _ = try await signal(stage, attempt.sagaID, "yes")
          return .waiting(for: "paid", atMost: .seconds(600))
        },
        .run { attempt in
          seen.add(attempt)
          return .waiting(for: "paid", atMost: .seconds(600))
        },
        .run { attempt in
          seen.add(attempt)
          return .done()
        })
      let runner = stage.runner(stage.saga())
      try await stage.running(runner) {
        let id = try await stage.start(stage.saga())
        // Each signal is given once: the second wait is one.
        try await stage.rests(id, .waiting, step: "b")
        #expect(seen.payloads == ["yes"])
        #expect(try await signal(stage, id, "yes") == .duplicate)
        #expect(try await signal(stage, id, "again") == .accepted)
        #expect(try await stage.end(id).state == .known(.completed))
      }
      #expect(seen.payloads == ["yes", "again"])
    }
  }

  @Test("a wait that is over runs the action with nothing; what it waited for is in doubt", arguments: Engine.available)
  func timedOut(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let (stage, seen) = (Stage(database), Seen())
      stage.script.tell(
        "b", .wait("paid", .seconds(600)),
        .run { attempt in
          seen.add(attempt)
          return .refused(code: "not_paid")
        })
      let runner = stage.runner(stage.saga())
      try await stage.running(runner) {
        let id = try await stage.start(stage.saga())
        try await stage.fails(id, .waiting, step: "b", next: 600)
        stage.advance(.seconds(599), runner)
        try await stage.fails(id, .waiting, step: "b", next: 1)
        stage.advance(.seconds(1), runner)
        #expect(try await stage.end(id).reasonCode == "not_paid")
        #expect(try await signal(stage, id, "late") == .ended)
      }
      #expect(seen.timedOut == [true] && seen.payloads == [nil])
      #expect(stage.script.journal == ["a", "b", "b", "-b", "-a"])
    }
  }

  @Test("an action that fails with a signal in hand is given it again", arguments: Engine.available)
  func failsWithSignal(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let (stage, seen) = (Stage(database), Seen())
      stage.script.tell(
        "b", .wait("paid", .seconds(600)),
        .run { attempt in
          seen.add(attempt)
          throw Script.Failure()
        },
        .run { attempt in
          seen.add(attempt)
          return .done()
        })
      let runner = stage.runner(stage.saga())
      try await stage.running(runner) {
        let id = try await stage.start(stage.saga())
        try await stage.rests(id, .waiting, step: "b")
        _ = try await signal(stage, id, "yes")
        try await stage.fails(id, .running, step: "b", next: 1)
        stage.advance(.seconds(1), runner)
        #expect(try await stage.end(id).state == .known(.completed))
      }
      #expect(seen.payloads == ["yes", "yes"])
    }
  }

  @Test("a saga takes so many signals and no more", arguments: Engine.available)
  func bounded(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let id = try await stage.start(stage.saga())
      for n in 0..<SagaStore.greatestSignalCount {
        #expect(try await signal(stage, id, .integer(Int64(n))) == .accepted)
      }
      #expect(try await signal(stage, id, "one more") == .full)
      #expect(try await signal(stage, id, .integer(0)) == .duplicate)
      #expect(try await database.rows("SELECT 1 FROM gravity_saga_signals").count == SagaStore.greatestSignalCount)
      let large = JSONValue.string(String(repeating: "x", count: SagaStore.greatestPayload))
      await #expect(throws: SagaError.payloadTooLarge(SagaStore.greatestPayload + 2)) {
        _ = try await signal(stage, id, large)
      }
      await #expect(throws: SagaError.event) { _ = try await signal(stage, id, "x", event: "") }
    }
  }
}

private final class Seen: Sendable {
  private let attempts = Mutex<[SagaAttempt<Plan>]>([])
  func add(_ attempt: SagaAttempt<Plan>) { attempts.withLock { $0.append(attempt) } }
  var payloads: [JSONValue?] { attempts.withLock { $0.map(\.signal?.payload) } }
  var timedOut: [Bool] { attempts.withLock { $0.map(\.timedOut) } }
  var numbers: [Int] { attempts.withLock { $0.map(\.number) } }
}
