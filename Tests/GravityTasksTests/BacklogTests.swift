import Foundation
import GravityData
@testable import GravityTasks
import Testbed
import Testing

@Suite struct BacklogTests {
  @Test("a claim looks into the index, not through 200 000 waiting rows", arguments: Engine.available)
  func plan(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      try await fill(database, 200_000)
      let now = Date()
      let claim = TaskTable.claimStatement(
        "test.number", 1, limit: 16, now: now, worker: "w", leaseUntil: now.addingTimeInterval(30))
      let heads = TaskTable.headsStatement(["test.number", "test.other"])
      for statement in [claim, heads] {
        let plan = try await explain(statement, database)
        #expect(plan.contains("gravity_tasks_waiting"), "\(plan)")
        switch engine {
        case .sqlite: #expect(!plan.contains("SCAN gravity_tasks"), "\(plan)")
        case .postgresql: #expect(!plan.contains("Seq Scan on gravity_tasks"), "\(plan)")
        }
      }
    }
  }

  @Test("urgent tasks of the future and busy types stand in nobody's way", arguments: Engine.available)
  func future(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      // All urgent and of next year, before one that is due.
      try await fill(database, 20_000, priority: 0, runAt: Date().addingTimeInterval(31e6))
      let shop = Workshop(database: database)
      let due = try await shop.add(1, priority: .low)
      let claim = try await database.write {
        try TaskTable.claim(
          limits: [("test.number", 4), ("test.other", 0)], free: 4, worker: "w", lease: .seconds(30), in: $0)
      }
      #expect(claim.tasks.map(\.id) == [due.id])
      let plan = try await explain(TaskTable.headsStatement(["test.number"]), database)
      #expect(plan.contains("gravity_tasks_waiting"), "\(plan)")
    }
  }

  @Test("a claim takes as many as there are free slots, however many wait", arguments: Engine.available)
  func batch(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      try await fill(database, 1_000)
      for (free, limit) in [(7, 16), (16, 5), (1, 1)] {
        let claim = try await database.write {
          try TaskTable.claim(
            limits: [("test.number", limit)], free: free, worker: "w", lease: .seconds(30), in: $0)
        }
        #expect(claim.tasks.count == min(free, limit))
      }
      let counts = try await TaskStore(database).unfinishedCounts()
      #expect(counts.map { "\($0.state) \($0.count)" } == ["waiting 987", "running 13"])
    }
  }

  private func fill(
    _ database: any Database, _ count: Int, priority: Int = 1, runAt: Date = Date(timeIntervalSince1970: 1)
  ) async throws {
    try await database.write { transaction in
      // An id of the row's number: engines make no ids.
      let id: SQL =
        .only(.sqlite, "printf('00000000-0000-7000-8000-%012d', n)")
        + .only(.postgresql, "('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid")
      _ = try transaction.execute(
        """
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < \(count))
        INSERT INTO gravity_tasks (
          id, type, state, priority, payload, run_at, attempt, failures, cancel_requested, retention, enqueued_at)
        SELECT \(id), 'test.number', 'waiting', \(priority), '1', \(runAt), 0, 0, \(false), 0, \(runAt) FROM numbers
        """)
      if transaction.dialect == .postgresql { _ = try transaction.execute("ANALYZE gravity_tasks") }
    }
  }

  private func explain(_ statement: SQL, _ database: any Database) async throws -> String {
    let prefix: SQL = .only(.sqlite, "EXPLAIN QUERY PLAN ") + .only(.postgresql, "EXPLAIN ")
    let rows = try await database.write { try $0.rows(prefix + statement) }
    return try rows.map { row in
      try row.get(row.columns.names.last ?? "", as: String.self)
    }.joined(separator: "\n")
  }
}
