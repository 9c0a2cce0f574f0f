import Foundation
import GravityContracts
import GravityData
import GravityTasks
import Patience
import TestServers
import Testbed
import Testing

@Suite struct CrashTests {
  static let once = TaskType<Int>("crash.once")
  static let again = TaskType<Int>("crash.again")

  @Test("kill −9 loses no task, repeats no effect, and costs each killed task one attempt", arguments: Engine.available)
  func killed(_ engine: Engine) async throws {
    let (slots, kills, count) = (6, 3, 300)
    try await engine.withPlace { place, open in
      let database = try open()
      try await Migrator(database: database, logger: .silent).run(Engine.migrations)
      try await database.write { transaction in
        for n in 0..<count {
          try TaskQueue().enqueue(n % 2 == 0 ? Self.once : Self.again, n, in: transaction)
        }
      }
      for _ in 0..<kills {
        let outcome = try await Program.run(
          product: "taskcrash", [place, "\(slots)", "4000"], killAfterLines: 40)
        #expect(outcome.end == .killed(SIGKILL) && outcome.output.count { $0 == "\n" } >= 40)
      }
      let running = try await TaskStore(database).list(state: .running).items.count
      #expect(running > 0 && running <= kills * slots, "it was killed in the middle")
      // The rest in this process, once the leases have run out.
      try await finish(database, count)
      try await check(database, slots: slots, kills: kills, count: count)
    }
  }

  private func finish(_ database: any Database, _ count: Int) async throws {
    let shop = Workshop(database: database)
    let worker = shop.worker { $0.reapInterval = .milliseconds(100) }
    worker.handle(Self.once) { number, context in
      try await database.write { transaction in
        try effect(number, context, in: transaction)
        try context.complete(in: transaction)
      }
    }
    worker.handle(Self.again) { number, context in
      try await database.write { try effect(number, context, in: $0) }
    }
    try await shop.running(worker) {
      try await eventually("all are done") { try await shop.count(.done) == count }
    }
  }

  private func check(_ database: any Database, slots: Int, kills: Int, count: Int) async throws {
    let effects = try await effects(database).map { $0[0] }
    let times = Dictionary(effects.map { ($0, 1) }, uniquingKeysWith: +)
    #expect(times.count == count, "lost")
    #expect((0..<count).allSatisfy { $0 % 2 == 1 || times[$0] == 1 }, "an effect was repeated")
    let rows = try await database.rows("SELECT attempt, failures FROM gravity_tasks")
    let extra = try rows.map { try $0.get("attempt", as: Int.self) - 1 }
    let failures = try rows.map { try $0.get("failures", as: Int.self) }
    #expect(extra == failures, "each lost attempt is counted, and nothing else")
    // Only what was running when a process was killed, once for each.
    #expect(extra.reduce(0, +) <= kills * slots)
    #expect(extra.allSatisfy { $0 <= kills })
    #expect(extra.reduce(0, +) > 0)
  }
}
