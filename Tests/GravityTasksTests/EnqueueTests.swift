import Foundation
import GravityContracts
import GravityData
import GravityTasks
import GravityTelemetry
import Patience
import ServiceContextModule
import Testbed
import Testing

@Suite struct EnqueueTests {
  struct Refused: Error {}

  @Test("a task exists exactly when the change does that wants it", arguments: Engine.available)
  func transactional(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      await #expect(throws: Refused.self) {
        try await database.write { transaction in
          try TaskQueue().enqueue(Workshop.number, 1, in: transaction)
          throw Refused()
        }
      }
      #expect(try await TaskStore(database).list().items.isEmpty)
      let task = try await database.write { try TaskQueue().enqueue(Workshop.number, 2, in: $0) }
      let record = try #require(try await TaskStore(database).task(task.id))
      #expect(record.state == .waiting && record.attempt == 0 && task.isNew)
      #expect(try await TaskStore(database).payload(of: task.id) == "2")
    }
  }

  @Test("a worker wakes at the commit, not at its next look", arguments: Engine.available)
  func wakes(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let ran = Record<Int>()
      let worker = shop.worker { $0.pollInterval = .seconds(60) }
      worker.handle(Workshop.number) { number, _ in ran.add(number) }
      try await shop.running(worker) {
        // The first shows that it has begun; after that it sleeps for 48 s at least.
        for number in 1...20 {
          try await shop.add(number)
          try await eventually("each ran") { ran.count == number }
        }
      }
    }
  }

  @Test("a payload of more than 64 KiB is refused, one of 64 KiB is not", arguments: Engine.available)
  func payloadBound(_ engine: Engine) async throws {
    let type = TaskType<String>("test.text")
    try await engine.withDatabase { database in
      let longest = String(repeating: "x", count: TaskQueue.greatestPayload - 2)
      try await TaskQueue().enqueue(type, longest, in: database)
      await #expect(throws: TaskRefusal.payloadTooLarge(TaskQueue.greatestPayload + 1)) {
        try await TaskQueue().enqueue(type, longest + "x", in: database)
      }
    }
  }

  @Test("times and keys that cannot be are refused", arguments: Engine.available)
  func refusals(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      await #expect(throws: TaskRefusal.time) { try await shop.add(1, at: Date(), after: .seconds(1)) }
      for key in ["", "a\0b", String(repeating: "k", count: 201)] {
        await #expect(throws: TaskRefusal.uniqueKey) { try await shop.add(1, uniqueKey: key) }
      }
      let counts = try await shop.store.counts()
      #expect(counts.isEmpty)
    }
  }

  @Test("fifty who enqueue one key at once make one task", arguments: Engine.available)
  func uniqueRace(_ engine: Engine) async throws {
    try await engine.withDatabases(2) { databases in
      let shops = databases.map { Workshop(database: $0) }
      let results = try await withThrowingTaskGroup(of: EnqueuedTask.self) { group in
        for n in 0..<50 { group.addTask { try await shops[n % 2].add(n, uniqueKey: "only") } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(results.count { $0.isNew } == 1)
      #expect(Set(results.map(\.id)).count == 1)
      #expect(try await shops[0].count(.waiting) == 1)
    }
  }

  @Test("a key is free again when its task has ended, and taken while it runs", arguments: Engine.available)
  func uniqueLife(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let door = Door()
      let worker = shop.worker()
      worker.handle(Workshop.number) { _, _ in await door.pass() }
      try await shop.running(worker) {
        let first = try await shop.add(1, uniqueKey: "k")
        try await eventually("it runs") { try await shop.state(first.id) == .running }
        let second = try await shop.add(2, uniqueKey: "k")
        #expect(second.id == first.id && !second.isNew)
        #expect(try await shop.add(3, uniqueKey: "other").isNew)
        let other = TaskType<Int>("test.other")
        #expect(try await shop.add(3, other, uniqueKey: "k").isNew)
        door.open()
        try await eventually("it is done") { try await shop.state(first.id) == .done }
        #expect(try await shop.add(4, uniqueKey: "k").isNew)
      }
    }
  }

  @Test("a task continues the trace and the request that enqueued it", arguments: Engine.available)
  func trace(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let seen = Record<ServiceContext?>()
      let worker = shop.worker()
      worker.handle(Workshop.number) { _, _ in seen.add(ServiceContext.current) }
      var context = ServiceContext.topLevel
      let trace = TraceContext.root(isSampled: false)
      context.trace = trace
      context.requestID = "request-7"
      try await ServiceContext.withValue(context) { _ = try await shop.add(1) }
      try await shop.running(worker) { try await eventually("it ran") { seen.count == 1 } }
      let found = try #require(seen.all.first ?? nil)
      #expect(found.requestID == "request-7")
      let child = try #require(found.trace)
      #expect(child.traceIDText == trace.traceIDText && child.spanIDText != trace.spanIDText && !child.isSampled)
    }
  }
}
