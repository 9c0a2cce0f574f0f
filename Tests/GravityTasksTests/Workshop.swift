import Foundation
import GravityData
import GravityTasks
import Logging
import Patience
import ServiceLifecycle
import Synchronization
import Testbed
import Testing

/// What most tests need: a type of task, workers that are stopped at the end, a list of what ran.
struct Workshop: Sendable {
  static let number = TaskType<Int>("test.number", backoff: .init(first: .milliseconds(1), jitter: 0))

  let database: any Database
  var store: TaskStore { TaskStore(database) }

  @discardableResult
  func add(
    _ payload: Int, _ type: TaskType<Int> = number, at date: Date? = nil, after delay: Duration? = nil,
    priority: TaskUrgency? = nil, uniqueKey: String? = nil
  ) async throws -> EnqueuedTask {
    try await TaskQueue().enqueue(
      type, payload, in: database, at: date, after: delay, priority: priority, uniqueKey: uniqueKey)
  }

  func state(_ id: TaskID) async throws -> TaskState? { try await store.task(id)?.state }

  func count(_ state: TaskState) async throws -> Int {
    try await store.counts().filter { $0.state == state }.reduce(0) { $0 + $1.count }
  }

  func worker(
    _ configure: (inout TaskWorker.Configuration) -> Void = { _ in }, logger: Logger = .silent
  ) -> TaskWorker {
    var configuration = TaskWorker.Configuration()
    configuration.schedulerLease = .seconds(3)
    configure(&configuration)
    return TaskWorker(database: database, configuration: configuration, logger: logger)
  }

  /// Runs workers while `body` runs, then cancels them.
  func running<T: Sendable>(
    _ workers: TaskWorker..., body: @Sendable () async throws -> T
  ) async throws -> T { try await Self.running(workers, body: body) }

  static func running<T: Sendable>(_ workers: [TaskWorker], body: () async throws -> T) async throws -> T {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in workers { group.addTask { try await worker.run() } }
      defer { group.cancelAll() }
      return try await body()
    }
  }

  /// Runs workers as a program does: `body` asks the group for a shutdown, and this waits for its end.
  func serving(_ workers: [TaskWorker], body: @Sendable (ServiceGroup) async throws -> Void) async throws {
    let group = ServiceGroup(services: workers, logger: .silent)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      try await body(group)
      try await tasks.waitForAll()
    }
  }

  /// Lets the lease of an attempt run out until it is taken back. Once is mostly enough; but a worker renews its leases
  /// when its feed of cancellations begins, which may be just then.
  func lapse(_ id: TaskID, attempt: Int) async throws {
    try await eventually("attempt \(attempt) is taken back") {
      try await lapse("id = \(id) AND state = 'running' AND attempt = \(attempt)") == 0
    }
  }

  /// As if the process that runs the task had stood still for long.
  func lapse(_ id: TaskID) async throws { _ = try await lapse("id = \(id)") }

  private func lapse(_ condition: SQL) async throws -> Int {
    try await database.write {
      try $0.execute(
        "UPDATE gravity_tasks SET lease_until = \(try $0.now.addingTimeInterval(-1)) WHERE \(condition)")
    }
  }
}

final class Record<Value: Sendable>: Sendable {
  private let values = Mutex<[Value]>([])
  var all: [Value] { values.withLock { $0 } }
  var count: Int { values.withLock { $0.count } }
  func add(_ value: Value) { values.withLock { $0.append(value) } }
}

/// Stays closed until it is opened, whoever is cancelled meanwhile.
final class Door: Sendable {
  private struct State {
    var isOpen = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())

  func open() {
    let waiters = state.withLock { state in
      state.isOpen = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  func pass() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if !state.isOpen { state.waiters.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
  }
}

/// Waits until cancelled, as a good handler does.
func untilCancelled() async throws { while true { try await Task.sleep(for: .seconds(3600)) } }
