import Foundation
import GravityContracts
import GravityData
import GravityTasks
import Patience
import Testbed
import Testing

@Suite struct FailureTests {
  struct Broken: Error, CustomStringConvertible {
    var description: String
  }

  @Test("a task that fails is tried again, later each time, until it succeeds", arguments: Engine.available)
  func retries(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let attempts = Record<[Int]>()
      let worker = shop.worker()
      worker.handle(Workshop.number) { _, context in
        attempts.add([context.attempt, context.failures])
        if context.failures < 3 { throw Broken(description: "not yet") }
      }
      let task = try await shop.add(1)
      try await shop.running(worker) {
        try await eventually("it is done") { try await shop.state(task.id) == .done }
      }
      #expect(attempts.all == [[1, 0], [2, 1], [3, 2], [4, 3]])
      let record = try #require(try await shop.store.task(task.id))
      #expect(record.failures == 3 && record.error == nil && record.leaseUntil == nil && record.finishedAt != nil)
    }
  }

  @Test("after its last attempt a task is dead, its error kept in 500 bytes", arguments: Engine.available)
  func dies(_ engine: Engine) async throws {
    let type = TaskType<Int>("test.dies", maximumAttempts: 3, backoff: .init(first: .milliseconds(1)))
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let attempts = Record<Int>()
      let worker = shop.worker()
      worker.handle(type) { _, context in
        attempts.add(context.attempt)
        throw Broken(description: "é\0" + String(repeating: "é", count: 1_000))
      }
      let task = try await shop.add(1, type)
      try await shop.running(worker) {
        try await eventually("it is dead") { try await shop.state(task.id) == .dead }
      }
      #expect(attempts.all == [1, 2, 3])
      let error = try #require(try await shop.store.task(task.id)?.error)
      #expect(error.hasPrefix("ééé") && (400...500).contains(error.utf8.count))
      #expect(try await shop.store.list(state: .dead, type: "test.dies").items.map(\.id) == [task.id])
    }
  }

  @Test("a permanent failure is dead at once", arguments: Engine.available)
  func permanent(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let worker = shop.worker()
      worker.handle(Workshop.number) { _, _ in throw TaskFailure.permanent("no such address") }
      let task = try await shop.add(1)
      try await shop.running(worker) {
        try await eventually("it is dead") { try await shop.state(task.id) == .dead }
      }
      let record = try #require(try await shop.store.task(task.id))
      #expect(record.attempt == 1 && record.failures == 1 && record.error == "no such address")
    }
  }

  @Test("a handler says itself when it wants to be tried again", arguments: Engine.available)
  func retryAfter(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let worker = shop.worker()
      worker.handle(Workshop.number) { _, _ in throw TaskFailure.retry(after: .seconds(3600), "busy there") }
      let task = try await shop.add(1)
      try await shop.running(worker) {
        try await eventually("it waits again") { try await shop.store.task(task.id)?.failures == 1 }
      }
      let record = try #require(try await shop.store.task(task.id))
      #expect(record.state == .waiting && record.error == "busy there")
      let wait = record.runAt.timeIntervalSince(try #require(record.startedAt))
      #expect((3_600..<3_700).contains(wait))
    }
  }

  @Test("a payload that the handler cannot read is a failure as any other", arguments: Engine.available)
  func unreadable(_ engine: Engine) async throws {
    let written = TaskType<String>("test.shape", maximumAttempts: 1)
    let read = TaskType<[Int]>("test.shape", maximumAttempts: 1)
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let worker = shop.worker()
      worker.handle(read) { _, _ in }
      let task = try await TaskQueue().enqueue(written, "text", in: database)
      try await shop.running(worker) {
        try await eventually("it is dead") { try await shop.state(task.id) == .dead }
      }
    }
  }

  @Test("a dead task begins anew on request, unless its key is taken; it can be deleted", arguments: Engine.available)
  func revive(_ engine: Engine) async throws {
    try await engine.withDatabase { database in
      let shop = Workshop(database: database)
      let isMended = Door()
      let worker = shop.worker()
      let mended = Record<Bool>()
      worker.handle(Workshop.number) { _, _ in
        if mended.count == 0 { throw TaskFailure.permanent("broken") }
        await isMended.pass()
      }
      let task = try await shop.add(1, uniqueKey: "k")
      try await shop.running(worker) {
        try await eventually("it is dead") { try await shop.state(task.id) == .dead }
        mended.add(true)
        let other = try await shop.add(2, uniqueKey: "k")
        #expect(other.isNew)
        #expect(try await shop.store.retry(task.id) == false)
        #expect(try await shop.store.delete(other.id) == false)
        isMended.open()
        try await eventually("the other is done") { try await shop.state(other.id) == .done }
        #expect(try await shop.store.retry(task.id))
        try await eventually("it is done") { try await shop.state(task.id) == .done }
        #expect(try await shop.store.retry(task.id) == false)
        #expect(try await shop.store.delete(task.id))
        #expect(try await shop.store.task(task.id) == nil)
      }
    }
  }

  @Test("the delay doubles up to its bound, and jitter spreads it")
  func backoff() {
    let backoff = TaskBackoff(first: .seconds(5), longest: .seconds(60), jitter: 0.2)
    #expect((1...6).map { backoff.delay(after: $0, chance: 0.5) } == [5, 10, 20, 40, 60, 60].map { .seconds($0) })
    #expect(backoff.delay(after: .max, chance: 0) == .seconds(54))
    #expect(backoff.delay(after: .min, chance: 7) == .seconds(5.5))
    #expect(TaskBackoff(first: .seconds(-1), longest: .zero, jitter: 7).delay(after: 1, chance: 1) == .zero)
  }
}
