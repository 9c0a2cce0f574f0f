import Foundation
import GravityContracts
import GravityData
import GravityTasks
import Patience
import SQLiteEngine
import Synchronization
import Testbed
import Testing

@Suite struct ScheduleTests {
  @Test("two instances fire each tick once, also when the one that does so goes away", arguments: Engine.available)
  func firesOnce(_ engine: Engine) async throws {
    try await engine.withDatabases(2) { databases in
      let shop = Workshop(database: databases[0])
      let ran = Record<String?>()
      let names = ["test.a", "test.b", "test.c"]
      func worker(_ n: Int) throws -> TaskWorker {
        let worker = Workshop(database: databases[n]).worker {
          $0.schedulerLease = .milliseconds(600)
          $0.pollInterval = .milliseconds(50)
        }
        worker.handle(Workshop.number) { _, context in ran.add(context.schedule) }
        for name in names {
          try worker.schedule(name, cron: "0 0 1 1 *", Workshop.number, 7, missed: .once)
        }
        return worker
      }
      try await Workshop.running([try worker(0)]) {
        for (round, name) in names.enumerated() {
          // Another comes and goes with each round; whoever holds the lease fires.
          try await Workshop.running([try worker(1)]) {
            try await eventually("they are declared") { try await shop.names() == names }
            try await shop.makeDue(name, years: -1)
            try await eventually("it fired") { ran.count == round + 1 }
          }
        }
        // The same times once more, as if a holder had not known that they fired.
        for name in names { try await shop.makeDue(name, years: 0) }
        try await eventually("they were looked at") {
          try await shop.store.schedules().allSatisfy { $0.nextAt > Date() }
        }
      }
      #expect(ran.all == names)
      let tasks = try await shop.store.list(limit: 100).items
      #expect(tasks.count == 3)
    }
  }

  @Test("a schedule fires at each of its times, by the database's clock")
  func ticks() async throws {
    let clock = Mutex(Date(timeIntervalSince1970: 1_774_745_990))  // 2026-03-29T00:59:50Z
    let folder = FileManager.default.temporaryDirectory.appending(path: "tasks-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let database = try SQLiteDatabase(path: folder.appending(path: "t.sqlite").path(percentEncoded: false)) {
      clock.withLock { $0 }
    }
    try await Migrator(database: database, logger: .silent).run(Engine.migrations)
    let shop = Workshop(database: database)
    let ran = Record<Double?>()
    let worker = shop.worker { $0.schedulerLease = .milliseconds(60) }
    worker.handle(Workshop.number) { _, context in ran.add(context.scheduledFor?.timeIntervalSince1970) }
    try worker.schedule("test.half", cron: "*/30 * * * *", timeZone: "Europe/Berlin", Workshop.number, 1)
    try await shop.running(worker) {
      try await eventually("it is declared") { try await shop.names() == ["test.half"] }
      for round in 1...4 {
        clock.withLock { $0 += round == 1 ? 10 : 1_800 }
        try await eventually("it fired") { ran.count == round }
        try await eventually("it is done") { try await shop.count(.done) == round }
      }
    }
    await database.close()
    // Over the change of clocks, every half hour that passes.
    #expect(ran.all == [0, 1_800, 3_600, 5_400].map { 1_774_746_000 + $0 })
  }

  @Test("after downtime the last missed time fires once, late, where that is wished", arguments: Engine.available)
  func missed(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      func worker() throws -> TaskWorker {
        let worker = shop.worker()
        worker.handle(Workshop.number) { _, _ in }
        try worker.schedule("test.once", cron: "0 * * * *", Workshop.number, 1, missed: .once)
        try worker.schedule("test.skip", cron: "0 0 1 1 *", Workshop.number, 2, missed: .skip)
        return worker
      }
      try await shop.running(try worker()) {
        try await eventually("they are declared") { try await shop.store.schedules().count == 2 }
      }
      // A day and two years of downtime.
      let due = Date().addingTimeInterval(-86_400)
      try await shop.makeDue("test.once", at: due)
      try await shop.makeDue("test.skip", years: -2)
      try await shop.running(try worker()) {
        try await eventually("both were looked at") {
          try await shop.store.schedules().allSatisfy { $0.nextAt > Date() }
        }
      }
      let tasks = try await shop.store.list().items
      #expect(tasks.map(\.schedule) == ["test.once"])
      let time = try #require(tasks.first?.scheduledFor)
      #expect(time.timeIntervalSince1970.truncatingRemainder(dividingBy: 3_600) == 0)
      #expect(Date().timeIntervalSince(time) < 3_700)
      let last = try await shop.store.schedules().first { $0.name == "test.once" }?.lastAt
      #expect(last == time)
    }
  }

  @Test("a time that has just passed is not missed", arguments: Engine.available)
  func justPassed(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let worker = shop.worker()
      worker.handle(Workshop.number) { _, _ in }
      try worker.schedule("test.minute", cron: "* * * * *", Workshop.number, 1)
      try await shop.running(worker) {
        try await eventually("it is declared") { try await shop.store.schedules().count == 1 }
        // The minute that runs: it began less than 60 s ago.
        let minute = (Date().timeIntervalSince1970 / 60).rounded(.down) * 60
        try await shop.makeDue("test.minute", at: Date(timeIntervalSince1970: minute))
        try await eventually("it fired") { try await shop.count(.done) >= 1 }
      }
    }
  }

  @Test(
    "a tick is left out while the task of an earlier one has not ended, where that is wished",
    arguments: Engine.available)
  func overlap(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let door = Door()
      let worker = shop.worker { $0.schedulerLease = .milliseconds(600) }
      worker.handle(Workshop.number) { _, _ in await door.pass() }
      try worker.schedule("test.slow", cron: "0 0 1 1 *", Workshop.number, 1, missed: .once, uniqueKey: "slow")
      try await shop.running(worker) {
        try await eventually("it is declared") { try await shop.store.schedules().count == 1 }
        for years in [-2, -1] {
          try await shop.makeDue("test.slow", years: years)
          try await eventually("it was looked at") {
            try #require(try await shop.store.schedules().first).nextAt > Date()
          }
        }
        let count = try await shop.store.list().items.count
        #expect(count == 1)
        door.open()
      }
    }
  }

  @Test("a schedule that changes begins anew; one that does not keeps its time", arguments: Engine.available)
  func changes(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      func declare(_ cron: String) async throws -> Date {
        let worker = shop.worker()
        try worker.schedule("test.changes", cron: cron, timeZone: "Europe/Berlin", Workshop.number, 1)
        return try await shop.running(worker) {
          try await eventually("it is declared") { try await shop.store.schedules().first?.cron == cron }
          return try #require(try await shop.store.schedules().first).nextAt
        }
      }
      let first = try await declare("0 0 1 1 *")
      let shifted = first.addingTimeInterval(60)
      try await shop.makeDue("test.changes", at: shifted)
      #expect(try await declare("0 0 1 1 *") == shifted)
      let other = try await declare("30 4 1 1 *")
      #expect(other == first.addingTimeInterval(4.5 * 3600))
    }
  }

  @Test("what no instance declares any more is forgotten, but not what another still does", arguments: Engine.available)
  func forgets(_ engine: Engine) async throws {
    try await engine.withDatabases(2) { databases in
      let shop = Workshop(database: databases[0])
      func worker(_ n: Int, _ names: [String]) throws -> TaskWorker {
        let worker = Workshop(database: databases[n]).worker {
          $0.schedulerLease = .milliseconds(600)
          $0.upkeepInterval = .milliseconds(50)
          $0.forgetSchedules = .seconds(600)
        }
        for name in names { try worker.schedule(name, cron: "@yearly", Workshop.number, 1) }
        return worker
      }
      // The new instance has written down what it has.
      try await Workshop.running([try worker(1, ["both", "new"])]) {
        try await eventually("they are declared") { try await shop.names() == ["both", "new"] }
      }
      // The old one holds the lease now, and does not know of `new`.
      try await Workshop.running([try worker(0, ["both", "old"])]) {
        try await eventually("the old one leads") { try await shop.names() == ["both", "new", "old"] }
        let seen = try await shop.seen("new")
        try await Workshop.running([try worker(1, ["both", "new"])]) {
          try await eventually("an instance notes it, though another leads") { try await shop.seen("new") > seen }
          #expect(try await shop.names() == ["both", "new", "old"])
        }
        // As if that were long ago.
        _ = try await databases[0].write {
          try $0.execute("UPDATE gravity_task_schedules SET seen_at = \(try $0.now.addingTimeInterval(-3600))")
        }
        try await eventually("with its last instance it is forgotten") { try await shop.names() == ["both", "old"] }
      }
    }
  }

  @Test("names, zones and expressions that cannot be are refused")
  func refusals() async throws {
    try await Engine.sqlite.withDatabase { database in
      let worker = Workshop(database: database).worker()
      #expect(throws: ScheduleRefusal.self) { try worker.schedule("A b", cron: "@daily", Workshop.number, 1) }
      #expect(throws: ScheduleRefusal.self) {
        try worker.schedule("a", cron: "@daily", timeZone: "Mars/Olympus", Workshop.number, 1)
      }
      #expect(throws: CronError.self) { try worker.schedule("a", cron: "@never", Workshop.number, 1) }
      try worker.schedule("a", cron: "@daily", Workshop.number, 1)
      #expect(throws: ScheduleRefusal.self) { try worker.schedule("a", cron: "@daily", Workshop.number, 1) }
    }
  }
}

extension Workshop {
  /// As if the clock had moved on: a schedule is due since then.
  func makeDue(_ name: String, at date: Date) async throws {
    _ = try await database.write {
      try $0.execute("UPDATE gravity_task_schedules SET next_at = \(date) WHERE name = \(name)")
    }
  }

  /// Of a yearly one: since the first of January so many years from this one's.
  func makeDue(_ name: String, years: Int) async throws {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    let year = calendar.component(.year, from: Date()) + years
    guard let date = calendar.date(from: DateComponents(year: year, month: 1, day: 1)) else {
      throw CancellationError()
    }
    try await makeDue(name, at: date)
  }

  func names() async throws -> [String] { try await store.schedules().map(\.name) }

  func seen(_ name: String) async throws -> Date {
    let rows = try await database.rows("SELECT seen_at FROM gravity_task_schedules WHERE name = \(name)")
    return try rows.first.map { try $0.get(0) } ?? .distantPast
  }
}
