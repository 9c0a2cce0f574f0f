import Foundation
import GravityContracts
import GravityData
import GravitySaga
import TestServers
import Testbed
import Testing

@Suite struct CrashTests {
  struct Order: Codable, Sendable { var steps: [String] = [] }

  static let migrations = [
    Migration(
      1, "sagas",
      SagaStore.migrationStatements + [
        .table(
          "participants",
          """
          saga \(type: .uuid) NOT NULL, step \(type: .text) NOT NULL, state \(type: .text) NOT NULL,
          PRIMARY KEY (saga, step)
          """),
        .table(
          "records", "saga \(type: .uuid) NOT NULL, step \(type: .text) NOT NULL, PRIMARY KEY (saga, step)"),
        .table(
          "endings",
          "saga \(type: .uuid) PRIMARY KEY, ending \(type: .text) NOT NULL, steps \(type: .text) NOT NULL"),
      ])
  ]

  /// Every place at which a saga of five steps can be killed.
  static var points: [String] {
    let moments = ["before", "after-action", "recorded"]
    let actions = ["a", "b", "c", "d", "e"].flatMap { step in
      moments.map { "saga.step.\($0):crash.saga.\(step)" }
    }
    let undoings = ["b", "a"].flatMap { step in moments.map { "saga.compensation.\($0):crash.saga.\(step)" } }
    return actions + undoings + ["saga.ended:crash.saga"]
  }

  @Test("kill −9 at every fault point leaves each saga a legal end", arguments: Engine.available)
  func killed(_ engine: Engine) async throws {
    try await engine.withPlace { place, open in
      let database = try open()
      let result = await Result {
        try await Migrator(database: database, logger: .silent).run(Self.migrations)
        let started = try await killAtEachPoint(place, database)
        let end = try await Program.run(product: "sagacrash", [place]).end
        #expect(end == .exited(0))
        try await check(started, database)
      }
      await database.close()
      try result.get()
    }
  }

  /// Each process finds what the one before left, and two new ones.
  private func killAtEachPoint(_ place: String, _ database: any Database) async throws -> [UUID: String] {
    let store = SagaStore(database)
    // Only its name and its first step matter here.
    let saga = Saga<Order>("crash.saga", steps: [SagaStep("a") { _ in .done() }])
    var started: [UUID: String] = [:]
    for point in Self.points {
      for subject in ["complete", "refuse"] {
        let id = UUID.v7()
        started[id] = subject
        try await database.write {
          try store.start(saga, id: id, subject: subject, state: Order(), in: $0)
        }
      }
      let end = try await Program.run(product: "sagacrash", [place], environment: ["GRAVITY_FAULT": point]).end
      #expect(end == .killed(SIGKILL), "\(point) was passed")
    }
    return started
  }

  private func check(_ started: [UUID: String], _ database: any Database) async throws {
    var (endings, participants): ([UUID: [String]], [UUID: [String]]) = ([:], [:])
    for row in try await database.rows("SELECT saga, ending, steps FROM endings") {
      endings[try row.get("saga"), default: []] += [try row.get("ending"), try row.get("steps")]
    }
    for row in try await database.rows("SELECT saga, step, state FROM participants ORDER BY saga, step") {
      let (step, state): (String, String) = (try row.get("step"), try row.get("state"))
      participants[try row.get("saga"), default: []].append("\(step) \(state)")
    }
    for (id, subject) in started {
      if subject == "complete" {
        #expect(endings[id] == ["completed", "a b c d e"])
        #expect(participants[id] == ["a done", "b done", "c done", "d done", "e done"])
      } else {
        let steps = try #require(endings[id])
        // When the pivot was in doubt it is undone, too, and before the others.
        #expect(steps == ["compensated", "a b -b -a"] || steps == ["compensated", "a b -c -b -a"])
        #expect((participants[id] ?? []).filter { !$0.hasPrefix("c") } == ["a undone", "b undone"])
      }
    }
    let interrupted = try await database.rows("SELECT 1 FROM gravity_saga_steps WHERE outcome = 'interrupted'").count
    #expect(interrupted > 0, "attempts that were killed can be seen")
    let open = try await database.rows("SELECT 1 FROM gravity_sagas WHERE ended_at IS NULL OR owner IS NOT NULL")
    #expect(open.isEmpty)
  }
}

extension Result where Failure == any Error {
  init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
