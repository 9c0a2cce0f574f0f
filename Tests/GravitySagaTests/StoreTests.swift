import Foundation
import GravityContracts
import GravityData
import GravityTelemetry
import Patience
import Testbed
import Testing

@testable import GravitySaga

@Suite struct StoreTests {
  @Test("lists by state, kind and subject, page by page, and counts", arguments: Engine.available)
  func lists(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let other = stage.saga(name: "test.other")
      stage.script.tell("d", .refuse("no"))
      let parked = try await stage.running(stage.runner(stage.saga())) {
        let id = try await stage.start(stage.saga())
        try await stage.rests(id, .parked)
        for _ in 0..<4 { _ = try await stage.end(try await stage.start(stage.saga())) }
        return id
      }
      let waiting = try await stage.start(other)
      let store = stage.store
      let all = try await store.list().items
      #expect(all.count == 6)
      #expect(all.map(\.id.lowercased) == all.map(\.id.lowercased).sorted(by: >))
      #expect(try await store.list(state: .parked).items.map(\.id) == [parked])
      #expect(try await store.list(state: .completed).items.count == 4)
      #expect(try await store.list(state: .compensated).items.isEmpty)
      #expect(try await store.list(name: "test.other").items.map(\.id) == [waiting])
      #expect(try await store.list(subject: "test").items.count == 6)
      #expect(try await store.list(subject: "else").items.isEmpty)
      var (ids, cursor): ([UUID], Cursor?) = ([], nil)
      repeat {
        let page = try await store.list(limit: 4, after: cursor)
        ids += page.items.map(\.id)
        cursor = page.nextCursor
      } while cursor != nil
      #expect(ids == all.map(\.id))
      let counts = try await store.counts(most: 3)
      #expect(
        counts == [
          SagaCount(name: "test.other", state: .known(.running), count: 1),
          SagaCount(name: "test.saga", state: .known(.parked), count: 1),
          SagaCount(name: "test.saga", state: .known(.completed), count: 3),
        ])
    }
  }

  @Test("the wire form of a saga is what it says", arguments: Engine.available)
  func wire(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      stage.script.tell("b", .refuse("no_stock"))
      let id = try await stage.play(stage.saga()).id
      let view = try #require(try await stage.store.view(id))
      let data = try WireFormat.makeEncoder().encode(view)
      let text = String(decoding: data, as: UTF8.self)
      for part in [
        #""state":"compensated""#, #""reason_code":"no_stock""#, #""kind":"compensation""#, #""state":"refused""#,
        #""error":"no_stock""#, #""duration_ms":"#, #""cancel_requested":false"#,
      ] { #expect(text.contains(part), "\(text)") }
      #expect(try WireFormat.makeDecoder().decode(SagaView.self, from: data) == view)
      #expect(try await stage.store.find(.v7()) == nil)
      #expect(try await stage.store.timeline(.v7()).isEmpty)
    }
  }

  @Test("the attempt that is under way stands at the end of the timeline", arguments: Engine.available)
  func present(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let (stage, door) = (Stage(database), Door())
      stage.script.tell(
        "b",
        .run { _ in
          await door.pass()
          return .done()
        })
      try await stage.running(stage.runner(stage.saga())) {
        let id = try await stage.start(stage.saga())
        try await eventually("b runs") { door.visitors == 1 }
        #expect(try await stage.timeline(id) == ["a done", "b running"])
        door.open()
        _ = try await stage.end(id)
      }
    }
  }

  @Test("sagas that ended long ago are deleted with all that belongs to them", arguments: Engine.available)
  func purge(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let old = try await stage.running(stage.runner(stage.saga())) {
        let id = try await stage.start(stage.saga())
        _ = try await database.write { try stage.store.signal(id, event: "x", in: $0) }
        return try await stage.end(id).id
      }
      stage.advance(.seconds(20 * 86_400))
      let young = try await stage.play(stage.saga()).id
      let open = try await stage.start(stage.saga(name: "test.other"))
      stage.advance(.seconds(11 * 86_400))
      try await stage.running(stage.runner(stage.saga()) { $0.upkeepInterval = .milliseconds(20) }) {
        try await eventually("the old one is deleted") { try await stage.store.find(old) == nil }
      }
      #expect(try await stage.store.find(young) != nil)
      #expect(try await stage.store.find(open) != nil)
      for table in ["gravity_saga_steps", "gravity_saga_signals"] as [SQL] {
        #expect(try await database.rows("SELECT 1 FROM \(table) WHERE saga = \(old)").isEmpty)
      }
    }
  }

  @Test("an attempt that fails for ever does not fill the timeline", arguments: Engine.available)
  func boundedTimeline(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let stage = Stage(database)
      let id = try await stage.start(stage.saga())
      _ = try await database.write { transaction in
        guard var row = try SagaTable.row(id, in: transaction) else { return }
        for n in 1...SagaTable.greatestTimeline + 20 {
          let entry = TimelineEntry(
            step: "a", kind: .action, attempt: n, startedAt: stage.clock.now, endedAt: stage.clock.now,
            outcome: .failed, error: "\(n)")
          row = try SagaTable.write(row, after: row, entry, at: stage.clock.now, in: transaction) ?? row
        }
      }
      let timeline = try await stage.store.timeline(id)
      #expect(timeline.count == SagaTable.greatestTimeline)
      #expect(timeline.last?.attempt == SagaTable.greatestTimeline + 20)
    }
  }

  @Test("metrics say what was started, tried and ended, and what is parked", arguments: Engine.available)
  func metrics(_ engine: Engine) async throws {
    try await engine.withDatabase(Stage.migrations) { database in
      let (stage, metrics) = (Stage(database), PrometheusMetrics())
      stage.script.tell("b", .refuse("no"))
      stage.script.tell("d", .refuse("no"))
      var configuration = SagaRunner.Configuration()
      configuration.lease = .seconds(86_400)
      configuration.upkeepInterval = .milliseconds(20)
      let runner = SagaRunner(
        stage.store, of: [AnySaga(stage.saga())], configuration: configuration, logger: .silent, metrics: metrics)
      try await stage.running(runner) {
        _ = try await stage.end(try await stage.start(stage.saga()))
        let parked = try await stage.start(stage.saga())
        try await stage.rests(parked, .parked)
        _ = try await stage.end(try await stage.start(stage.saga()))
        func has(_ line: String) -> Bool { metrics.text().contains(line) }
        try await eventually("the metrics say so") {
          has(#"sagas_started_total{saga_name="test.saga"} 3"#)
            && has(#"sagas_ended_total{saga_name="test.saga",saga_ending="completed"} 1"#)
            && has(#"sagas_ended_total{saga_name="test.saga",saga_ending="compensated"} 1"#)
            && has(#"sagas_count{saga_name="test.saga",saga_state="parked"} 1"#)
        }
      }
    }
  }
}
