import Foundation
import GravityContracts
import GravityData
import GravityTasks
import Patience
import Synchronization
import Testbed
import Testing

@Suite struct RunningTests {
  @Test("tasks run by priority, then in the order in which they were due", arguments: Engine.available)
  func order(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let now = Date()
      for (number, age, priority) in [
        (3, 50.0, TaskUrgency.normal), (5, 90, .low), (4, 40, .normal), (2, 10, .high), (1, 20, .high),
      ] {
        try await shop.add(number, at: now.addingTimeInterval(-age), priority: priority)
      }
      let ran = Record<Int>()
      let worker = shop.worker { $0.concurrency = 1 }
      worker.handle(Workshop.number) { number, _ in ran.add(number) }
      try await shop.running(worker) { try await eventually("all ran") { ran.count == 5 } }
      #expect(ran.all == [1, 2, 3, 4, 5])
    }
  }

  @Test("a task of the future waits for its time, and no look at the queue is needed", arguments: Engine.available)
  func future(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let ran = Record<TimeInterval>()
      let worker = shop.worker { $0.pollInterval = .seconds(60) }
      worker.handle(Workshop.number) { _, context in ran.add(Date().timeIntervalSince(context.runAt)) }
      try await shop.running(worker) {
        let far = try await shop.add(1, after: .seconds(3600))
        try await shop.add(2, after: .milliseconds(300))
        try await eventually("the nearer one ran") { ran.count == 1 }
        #expect(try await shop.state(far.id) == .waiting)
      }
      // Both clocks are this machine's.
      #expect(ran.all[0] >= -0.001)
    }
  }

  @Test("no more tasks run at once, and none are taken, than there are slots", arguments: Engine.available)
  func slots(_ engine: Engine) async throws {
    let slow = TaskType<Int>("test.slow")
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      for n in 0..<10 { try await shop.add(n, slow, priority: .high) }
      for n in 0..<10 { try await shop.add(n) }
      let door = Door()
      let busy = Mutex((slow: 0, most: 0))
      let ran = Record<Int>()
      let worker = shop.worker { $0.concurrency = 4 }
      worker.handle(slow, concurrency: 2) { _, _ in
        busy.withLock { $0 = ($0.slow + 1, max($0.most, $0.slow + 1)) }
        await door.pass()
        busy.withLock { $0.slow -= 1 }
      }
      worker.handle(Workshop.number) { number, _ in ran.add(number) }
      try await shop.running(worker) {
        // The slow ones are urgent and more than the slots, yet they leave room for the others.
        try await eventually("the quick ones ran") { try await shop.count(.done) == 10 }
        #expect(try await shop.count(.running) == 2)
        #expect(try await shop.count(.waiting) == 8)
        door.open()
        try await eventually("all ran") { try await shop.count(.done) == 20 }
      }
      #expect(busy.withLock { $0.most } == 2)
    }
  }

  @Test("a type that nobody handles is left alone and in nobody's way", arguments: Engine.available)
  func unknownType(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let unknown = try await shop.add(1, TaskType<Int>("test.of_a_newer_instance"), priority: .high)
      let known = try await shop.add(2)
      let worker = shop.worker()
      worker.handle(Workshop.number) { _, _ in }
      try await shop.running(worker) {
        try await eventually("it ran") { try await shop.state(known.id) == .done }
      }
      let record = try #require(try await shop.store.task(unknown.id))
      #expect(record.state == .waiting && record.attempt == 0)
    }
  }

  @Test("eight workers in two instances run 2 000 tasks exactly once each", arguments: Engine.available)
  func exactlyOnce(_ engine: Engine) async throws {
    try await engine.withDatabases(2) { databases in
      let ran = Record<Int>()
      let workers = (0..<8).map { n in
        let worker = Workshop(database: databases[n % 2]).worker {
          $0.concurrency = 8
          $0.pollInterval = .milliseconds(200)
        }
        worker.handle(Workshop.number) { number, _ in ran.add(number) }
        return worker
      }
      let shop = Workshop(database: databases[0])
      try await Workshop.running(workers) {
        for batch in 0..<20 {
          try await databases[batch % 2].write { transaction in
            for n in 0..<100 { try TaskQueue().enqueue(Workshop.number, batch * 100 + n, in: transaction) }
          }
        }
        try await eventually("all are done") { try await shop.count(.done) == 2_000 }
      }
      #expect(ran.count == 2_000)
      #expect(Set(ran.all) == Set(0..<2_000))
      let again = try await databases[0].rows("SELECT count(*) FROM gravity_tasks WHERE attempt <> 1")
      #expect(try again[0].get(0, as: Int.self) == 0)
    }
  }

  @Test("finished tasks are deleted after their retention, in batches, and others are not", arguments: Engine.available)
  func retention(_ engine: Engine) async throws {
    let brief = TaskType<Int>("test.brief", retention: .zero)
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let worker = shop.worker {
        $0.upkeepInterval = .milliseconds(20)
        $0.deletionBatch = 3
      }
      worker.handle(brief) { number, _ in if number < 0 { throw TaskFailure.permanent("dead") } }
      worker.handle(Workshop.number) { _, _ in }
      let kept = try await shop.add(1)
      let dead = try await shop.add(-1, brief)
      let waiting = try await shop.add(1, brief, after: .seconds(3600))
      for n in 0..<20 { try await shop.add(n, brief) }
      try await shop.running(worker) {
        try await eventually("the brief ones are gone") {
          let left = Set(try await shop.store.list(limit: 100).items.map(\.id))
          return left == [kept.id, dead.id, waiting.id]
        }
        try await eventually("the others ended") {
          let states = [try await shop.state(kept.id), try await shop.state(dead.id)]
          return states == [.done, .dead]
        }
      }
      #expect(try await shop.state(waiting.id) == .waiting)
    }
  }
}
