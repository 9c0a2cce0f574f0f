import Foundation
import GravityData
import GravityTasks
import GravityTelemetry
import Logging
import Patience
import Testbed
import Testing

@Suite struct FencingTests {
  @Test("effect and completion are one: neither without the other, and once", arguments: Engine.available)
  func completesInTransaction(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let worker = shop.worker()
      worker.handle(Workshop.number) { number, context in
        try await database.write { transaction in
          try effect(number, context, in: transaction)
          try context.complete(in: transaction)
          // The first time, nothing of it is committed.
          if context.failures == 0 { throw FailureTests.Broken(description: "after the effect") }
        }
        // The second time, it fails although it is done.
        throw FailureTests.Broken(description: "after the end")
      }
      let task = try await shop.add(7)
      try await shop.running(worker) {
        try await eventually("it is done") { try await shop.state(task.id) == .done }
      }
      #expect(try await effects(database) == [[7, 2]])
      #expect(try await shop.store.task(task.id)?.attempt == 2)
    }
  }

  @Test("a completion that was rolled back and hushed up is a failure, not the end", arguments: Engine.available)
  func hushedUp(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let worker = shop.worker()
      worker.handle(Workshop.number) { number, context in
        try? await database.write { transaction in
          try effect(number, context, in: transaction)
          try context.complete(in: transaction)
          if context.failures == 0 { throw FailureTests.Broken(description: "after the effect") }
        }
      }
      let task = try await shop.add(7)
      try await shop.running(worker) {
        try await eventually("it is done") { try await shop.state(task.id) == .done }
      }
      #expect(try await effects(database) == [[7, 2]])
    }
  }

  @Test("who lost his lease writes nothing: not its effect, not its end", arguments: Engine.available)
  func pausedWorker(_ engine: Engine) async throws {
    try await engine.withDatabases(2) { databases in
      let shop = Workshop(database: databases[0])
      let door = Door()
      let refusals = Record<String>()
      let ends = Record<Int>()
      let workers = databases.map { database in
        let worker = Workshop(database: database).worker {
          // No heartbeat comes between the test and its looks.
          $0.lease = .seconds(1_800)
          $0.reapInterval = .milliseconds(20)
          $0.pollInterval = .milliseconds(20)
        }
        worker.handle(Workshop.number) { number, context in
          defer { ends.add(context.attempt) }
          // The first attempt stands still, deaf to everything, until the second is over.
          if context.attempt == 1 { await door.pass() }
          for write in [context.check, context.complete] {
            do {
              // Also to its cancellation, which would keep it from asking at all.
              try await Task {
                try await database.write { transaction in
                  try write(transaction)
                  try effect(number, context, in: transaction)
                }
              }.value
            } catch {
              refusals.add("\(type(of: error))")
            }
          }
        }
        return worker
      }
      let task = try await shop.add(7)
      try await Workshop.running(workers) {
        try await eventually("it runs") { try await shop.state(task.id) == .running }
        try await shop.lapse(task.id, attempt: 1)
        try await eventually("the second attempt is done") { try await shop.state(task.id) == .done }
        door.open()
        try await eventually("both have ended") { ends.count == 2 }
      }
      #expect(refusals.all == ["TaskLost", "TaskLost"])
      // Of the second attempt: one with the check, one with the end.
      #expect(try await effects(databases[0]) == [[7, 2], [7, 2]])
      let record = try #require(try await shop.store.task(task.id))
      #expect(record.state == .done && record.attempt == 2 && record.failures == 1)
    }
  }

  @Test("a transaction that has checked its task ends before another attempt begins", arguments: Engine.available)
  func overlapping(_ engine: Engine) async throws {
    try await engine.withDatabases(2) { databases in
      let shop = Workshop(database: databases[0])
      let hasLapsed = Door()
      let seen = Record<[[Int]]>()
      func worker(_ database: any Database, reapInterval: Duration) -> TaskWorker {
        let worker = Workshop(database: database).worker {
          $0.lease = .seconds(1_800)
          $0.reapInterval = reapInterval
          $0.pollInterval = .milliseconds(10)
        }
        worker.handle(Workshop.number) { number, context in
          if context.attempt > 1 { return seen.add(try await effects(database)) }
          await hasLapsed.pass()
          try await database.write { transaction in
            try context.check(in: transaction)
            // Long enough for many a look at leases that ran out. A transaction is synchronous, and that nobody who
            // looks comes by has no sign to wait for; on a machine that is too slow for it the test proves less.
            Thread.sleep(forTimeInterval: 0.5)
            try effect(number, context, in: transaction)
          }
        }
        return worker
      }
      let first = worker(databases[0], reapInterval: .seconds(3600))
      let task = try await shop.add(7)
      try await Workshop.running([first]) {
        try await eventually("it runs") { try await shop.state(task.id) == .running }
        try await shop.lapse(task.id)
        hasLapsed.open()
        let second = worker(databases[1], reapInterval: .milliseconds(10))
        try await Workshop.running([second]) {
          try await shop.lapse(task.id, attempt: 1)
          try await eventually("it is done") { try await shop.state(task.id) == .done }
        }
      }
      // Either the check came too late, or what followed it is there before the next attempt begins.
      #expect(try await effects(databases[0]) == seen.all.first ?? [[7, 1]])
    }
  }

  @Test("an attempt that is renewed keeps its task far longer than a lease", arguments: Engine.available)
  func renews(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let door = Door()
      let worker = shop.worker {
        $0.lease = .seconds(3)
        $0.reapInterval = .milliseconds(50)
      }
      worker.handle(Workshop.number) { _, _ in await door.pass() }
      let task = try await shop.add(1)
      try await shop.running(worker) {
        try await eventually("it runs") { try await shop.state(task.id) == .running }
        let end = try #require(try await shop.store.task(task.id)?.leaseUntil)
        try await eventually("its lease was renewed, and its first one is over") {
          let record = try #require(try await shop.store.task(task.id))
          let renewed = try #require(record.leaseUntil)
          return renewed > end && Date() > end
        }
        #expect(try await shop.store.task(task.id)?.attempt == 1)
        door.open()
        try await eventually("it is done") { try await shop.state(task.id) == .done }
      }
    }
  }

  @Test("a task whose process dies each time is dead after its attempts", arguments: Engine.available)
  func killer(_ engine: Engine) async throws {
    let type = TaskType<Int>("test.killer", maximumAttempts: 3, backoff: .init(first: .milliseconds(1)))
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let begun = Record<Int>()
      let door = Door()
      let worker = shop.worker {
        $0.lease = .seconds(1_800)
        $0.reapInterval = .milliseconds(20)
        $0.pollInterval = .milliseconds(20)
      }
      worker.handle(type) { _, context in
        begun.add(context.attempt)
        await door.pass()
      }
      let task = try await shop.add(1, type)
      try await shop.running(worker) {
        for attempt in 1...3 {
          try await eventually("the next attempt begins") { begun.count == attempt }
          try await shop.lapse(task.id, attempt: attempt)
        }
        try await eventually("it is dead") { try await shop.state(task.id) == .dead }
        door.open()
      }
      let record = try #require(try await shop.store.task(task.id))
      #expect(begun.all == [1, 2, 3] && record.failures == 3 && record.error?.contains("lease ran out") == true)
    }
  }

  @Test("an attempt that takes too long is cancelled, and that is a failure", arguments: Engine.available)
  func timeout(_ engine: Engine) async throws {
    let type = TaskType<Int>(
      "test.long", maximumAttempts: 2, timeout: .milliseconds(30), backoff: .init(first: .milliseconds(1)))
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let worker = shop.worker()
      worker.handle(type) { _, _ in try await untilCancelled() }
      let task = try await shop.add(1, type)
      try await shop.running(worker) {
        try await eventually("it is dead") { try await shop.state(task.id) == .dead }
      }
      let record = try #require(try await shop.store.task(task.id))
      #expect(record.attempt == 2 && record.error?.hasPrefix("took longer than") == true)
    }
  }

  @Test(
    "a handler that is deaf to its cancellation is left behind, told, and in nobody's way", arguments: Engine.available)
  func deaf(_ engine: Engine) async throws {
    let deaf = TaskType<Int>(
      "test.deaf", timeout: .milliseconds(20), priority: .high, backoff: .init(first: .milliseconds(1)))
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let (door, begun, output) = (Door(), Record<Int>(), LogOutput(collecting: .json))
      let metrics = PrometheusMetrics()
      var configuration = TaskWorker.Configuration()
      configuration.concurrency = 2
      configuration.cancellationGrace = .milliseconds(20)
      configuration.reapInterval = .milliseconds(20)
      configuration.pollInterval = .milliseconds(20)
      let worker = TaskWorker(
        database: database, configuration: configuration,
        logger: .init(label: "tasks") { ECSLogHandler(label: $0, service: "test", level: .info, output: output) },
        metrics: metrics)
      worker.handle(deaf, concurrency: 1) { _, context in
        begun.add(context.attempt)
        if context.attempt == 1 { await door.pass() }
      }
      worker.handle(Workshop.number) { _, _ in }
      let task = try await shop.add(1, deaf)
      try await shop.running(worker) {
        try await eventually("it is left behind") {
          metrics.text().contains("tasks_strays{task_type=\"test.deaf\"} 1")
        }
        for n in 0..<20 { try await shop.add(n) }
        try await eventually("the others are done") { try await shop.count(.done) == 20 }
        // Nothing renews it any more, so it runs out; and the type's only slot is the deaf one's.
        try await shop.lapse(task.id)
        try await eventually("it waits again") { try await shop.state(task.id) == .waiting }
        #expect(begun.all == [1])
        door.open()
        try await eventually("the second attempt is done") { try await shop.state(task.id) == .done }
      }
      #expect(begun.all == [1, 2])
      #expect(output.lines.contains { $0.contains("does not heed its cancellation") })
      #expect(metrics.text().contains("tasks_attempts_total{task_type=\"test.deaf\",outcome=\"abandoned\"} 1"))
      #expect(metrics.text().contains("tasks_strays{task_type=\"test.deaf\"} 0"))
    }
  }
}

func effect(_ number: Int, _ context: TaskContext, in transaction: any Transaction) throws {
  try transaction.execute(
    "INSERT INTO effects (n, task, attempt) VALUES (\(number), \(context.id), \(context.attempt))")
}

func effects(_ database: any Database) async throws -> [[Int]] {
  try await database.rows("SELECT n, attempt FROM effects ORDER BY n, attempt").map {
    [try $0.get("n"), try $0.get("attempt")]
  }
}
