import Foundation
import GravityContracts
import GravityData
import GravityTasks
import Patience
import ServiceLifecycle
import Testbed
import Testing

@Suite struct CancelTests {
  @Test("a waiting task is canceled at once and never runs", arguments: Engine.available)
  func waiting(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let (first, second) = (try await shop.add(1), try await shop.add(2))
      #expect(try await shop.store.cancel(first.id) == .canceled)
      #expect(try await shop.store.cancel(first.id) == .finished)
      #expect(try await shop.store.cancel(UUID()) == .notFound)
      let ran = Record<Int>()
      let worker = shop.worker()
      worker.handle(Workshop.number) { number, _ in ran.add(number) }
      try await shop.running(worker) {
        try await eventually("the other is done") { try await shop.state(second.id) == .done }
      }
      #expect(ran.all == [2])
      let state = try await shop.state(first.id)
      #expect(state == .canceled)
    }
  }

  @Test("a running task is told at once, and its end is canceled", arguments: Engine.available)
  func running(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      // A heartbeat would come after ten minutes.
      let worker = shop.worker { $0.lease = .seconds(1800) }
      worker.handle(Workshop.number) { number, _ in
        if number == 1 { try await untilCancelled() }
        // Returns as if nothing were the matter: canceled all the same.
        try? await untilCancelled()
      }
      let tasks = [try await shop.add(1), try await shop.add(2)]
      try await shop.running(worker) {
        for task in tasks {
          try await eventually("it runs") { try await shop.state(task.id) == .running }
          #expect(try await shop.store.cancel(task.id) == .requested)
          try await eventually("it is canceled") { try await shop.state(task.id) == .canceled }
        }
      }
      let failures = try await shop.store.task(tasks[0].id)?.failures
      #expect(failures == 0)
    }
  }

  @Test(
    "a task that was to be canceled when its process died is canceled, not tried again", arguments: Engine.available)
  func lapsed(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let door = Door()
      let worker = shop.worker {
        $0.reapInterval = .milliseconds(20)
        $0.lease = .seconds(1800)
      }
      let begun = Record<Int>()
      worker.handle(Workshop.number) { _, context in
        begun.add(context.attempt)
        await door.pass()
      }
      let task = try await shop.add(1)
      try await shop.running(worker) {
        try await eventually("it runs") { begun.count == 1 }
        _ = try await database.write {
          try $0.execute("UPDATE gravity_tasks SET cancel_requested = \(true) WHERE id = \(task.id)")
        }
        try await shop.lapse(task.id, attempt: 1)
        try await eventually("it is canceled") { try await shop.state(task.id) == .canceled }
        door.open()
      }
      #expect(begun.all == [1])
    }
  }

  @Test("progress is seen while a task runs, within its bounds", arguments: Engine.available)
  func progress(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let door = Door()
      let worker = shop.worker { $0.lease = .milliseconds(1_500) }
      worker.handle(Workshop.number) { _, context in
        for step in 0...1_000 { try context.progress(Double(step) / 500, "step \(step)") }
        try context.progress(.nan)
        try context.progress(0.5, String(repeating: "n", count: 1_000))
        await door.pass()
      }
      let task = try await shop.add(1)
      try await shop.running(worker) {
        try await eventually("it is seen") { try await shop.store.task(task.id)?.progress == 0.5 }
        let note = try await shop.store.task(task.id)?.note
        #expect(note == String(repeating: "n", count: 200))
        door.open()
        try await eventually("it is done") { try await shop.state(task.id) == .done }
      }
    }
  }

  @Test("a shutdown lets tasks finish that do so in time, and takes no more", arguments: Engine.available)
  func drains(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let door = Door()
      let worker = shop.worker { $0.concurrency = 1 }
      worker.handle(Workshop.number) { _, _ in await door.pass() }
      let tasks = [try await shop.add(1), try await shop.add(2)]
      try await shop.serving([worker]) { group in
        try await eventually("it runs") { try await shop.state(tasks[0].id) == .running }
        await group.triggerGracefulShutdown()
        door.open()
      }
      let states = [try await shop.state(tasks[0].id), try await shop.state(tasks[1].id)]
      #expect(states == [.done, .waiting])
    }
  }

  @Test("what does not end in time is given back, and that is no failure", arguments: Engine.available)
  func givesBack(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let door = Door()
      let worker = shop.worker {
        $0.drainTimeout = .milliseconds(20)
        $0.cancellationGrace = .milliseconds(20)
      }
      // One heeds its cancellation, one does not.
      worker.handle(Workshop.number) { number, _ in
        if number == 1 { try await untilCancelled() }
        await door.pass()
      }
      let tasks = [try await shop.add(1), try await shop.add(2)]
      try await shop.serving([worker]) { group in
        try await eventually("both run") { try await shop.count(.running) == 2 }
        await group.triggerGracefulShutdown()
      }
      for task in tasks {
        let record = try #require(try await shop.store.task(task.id))
        #expect(record.state == .waiting && record.failures == 0 && record.attempt == 1 && record.worker == nil)
      }
      door.open()
      let other = shop.worker()
      other.handle(Workshop.number) { _, _ in }
      try await shop.running(other) {
        try await eventually("both are done") { try await shop.count(.done) == 2 }
      }
      let attempts = try await shop.store.list().items.map(\.attempt)
      #expect(attempts == [2, 2])
    }
  }

  @Test("tasks are listed by state and type, the newest first, page by page", arguments: Engine.available)
  func lists(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      var ids: [TaskID] = []
      for n in 0..<7 { ids.append(try await shop.add(n, priority: n % 2 == 0 ? .low : .high).id) }
      let other = try await shop.add(1, TaskType<Int>("test.other"))
      try await shop.store.cancel(ids[3])
      var (found, cursor): ([TaskID], Cursor?) = ([], nil)
      repeat {
        let page = try await shop.store.list(state: .waiting, type: "test.number", limit: 2, after: cursor)
        #expect(page.items.count <= 2)
        found += page.items.map(\.id)
        cursor = page.nextCursor
      } while cursor != nil
      ids.remove(at: 3)
      // Ids of one millisecond are in no order.
      #expect(Set(found) == Set(ids) && found.count == 6)
      #expect(found == found.sorted { $0.uuidString > $1.uuidString })
      let others = try await shop.store.list(type: "test.other").items.map(\.id)
      #expect(others == [other.id])
      let counts = try await shop.store.counts()
      #expect(
        counts.map { "\($0.type) \($0.state) \($0.count)" } == [
          "test.number canceled 1", "test.number waiting 6", "test.other waiting 1",
        ])
    }
  }
}
