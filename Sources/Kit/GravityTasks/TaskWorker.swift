public import Foundation
public import GravityData
public import Logging
public import Metrics
public import ServiceLifecycle
import Synchronization

/// Runs the tasks of a service's database, in as many instances as there are.
///
/// ```swift
/// let worker = TaskWorker(database: database, logger: logger)
/// worker.handle(sendReceipt) { receipt, context in try await mail.send(receipt) }
/// try worker.schedule("receipts.clean", cron: "30 3 * * *", timeZone: "Europe/Berlin", cleanReceipts, .init())
/// ```
///
/// A handler runs at least once: its process can die after the effect and before that is known. An effect in the
/// service's own database happens exactly once when it is written together with ``TaskContext/complete(in:)``.
/// Handlers are cancelled at their time-out, on request and at a shutdown, and are to heed it. They must not block
/// their thread: it is one of the few that the whole process has.
///
/// On SQLite only the workers of the process that adds a task wake at once; those of another find it at their next
/// look, within ``Configuration/pollInterval``.
public final class TaskWorker: Service {
  struct State {
    var handlers: [String: TaskHandler] = [:]
    var schedules: [TaskSchedule] = []
    var hasStarted = false
    var isHurried = false
    var running: [AttemptKey: AttemptState] = [:]
    var runningOf: [String: Int] = [:]
    var strays: [String: Int] = [:]
  }
  let state = Mutex(State())
  let database: any Database
  let configuration: Configuration
  let logger: Logger
  /// Unique for this start of this process.
  let id: String
  let factory: any MetricsFactory
  let counts: TaskCounts
  let outcomes: OutcomeWriter
  /// Something may be due, or a slot is free.
  let work = Signal()
  /// A running task may have been canceled.
  let beat = Signal()
  /// The lease of the scheduler may be free.
  let lead = Signal()
  /// An attempt has ended, while a shutdown waits for all.
  let idle = Signal()

  /// - Parameters:
  ///   - name: of this instance, for people; at most 100 bytes are kept.
  ///   - metrics: where metrics go; the process's own factory when nil.
  public init(
    database: any Database, configuration: Configuration = Configuration(),
    name: String = "\(ProcessInfo.processInfo.processIdentifier)", logger: Logger = Logger(label: "gravity.tasks"),
    metrics: (any MetricsFactory)? = nil
  ) {
    self.database = database
    self.configuration = configuration.bounded()
    self.logger = logger
    id = "\(name.bounded(to: 100))/\(UUID().uuidString.lowercased())"
    factory = metrics ?? MetricsSystem.factory
    counts = TaskCounts(factory)
    outcomes = OutcomeWriter(database)
  }

  /// Says who does the tasks of a type; once for each type, before ``run()``.
  ///
  /// - Parameter concurrency: how many of this type run at once in this worker, at most; all of the worker's slots when
  ///   nil. Bound what is slow, so that it leaves room for the rest.
  public func handle<Payload>(
    _ type: TaskType<Payload>, concurrency: Int? = nil,
    _ body: @escaping @Sendable (_ payload: Payload, _ context: TaskContext) async throws -> Void
  ) {
    let slots = min(max(1, concurrency ?? configuration.concurrency), configuration.concurrency)
    let handler = TaskHandler(
      type, concurrency: slots, metrics: TaskTypeMetrics(type.name, factory), body)
    state.withLock { state in
      precondition(!state.hasStarted, "handlers are registered before the worker runs")
      precondition(state.handlers[type.name] == nil, "\(type.name) has a handler already")
      state.handlers[type.name] = handler
    }
  }

  /// Adds a task at each time that `cron` says, once among all instances; before ``run()``.
  ///
  /// The times live in the database: they survive restarts, and a long interval is not begun anew by each. All
  /// instances declare the same schedules; while a deployment rolls, those of the instance that holds the lease fire.
  /// One that is in the code no more is deleted ``Configuration/forgetSchedules`` after the last instance that had it.
  ///
  /// - Parameters:
  ///   - name: unique in the service: lower-case letters, digits, `_`, `-` and dots, at most 100 bytes.
  ///   - cron: see ``CronExpression``; what happens when clocks are changed is told at ``CronExpression/next(after:in:)``.
  ///   - timeZone: an IANA name.
  ///   - missed: what becomes of times at which no instance ran.
  ///   - uniqueKey: leaves a tick out while the task of an earlier one still waits or runs.
  /// - Throws: ``CronError``, ``ScheduleRefusal``, ``TaskRefusal``, `EncodingError`.
  public func schedule<Payload>(
    _ name: String, cron: String, timeZone: String = "UTC", _ type: TaskType<Payload>, _ payload: Payload,
    missed: MissedTicks = .skip, uniqueKey: String? = nil
  ) throws {
    guard TaskName.isScheduleName(name) else {
      throw ScheduleRefusal(description: "\"\(name)\" is no name for a schedule: write it like receipts.clean")
    }
    guard let zone = TimeZone(identifier: timeZone) else {
      throw ScheduleRefusal(description: "\"\(timeZone)\" is no time zone: write it like Europe/Berlin")
    }
    let schedule = TaskSchedule(
      name: name, cron: try CronExpression(cron), timeZone: zone, type: type.name,
      payload: try TaskQueue.encode(payload), priority: type.priority, retention: type.retention, missed: missed,
      uniqueKey: uniqueKey)
    try state.withLock { state in
      precondition(!state.hasStarted, "schedules are declared before the worker runs")
      guard !state.schedules.contains(where: { $0.name == name }), state.schedules.count < 1_000 else {
        throw ScheduleRefusal(description: "there is a schedule \(name) already, or there are 1 000")
      }
      state.schedules.append(schedule)
    }
  }

  /// Runs until shutdown or cancellation: it then takes no more tasks, lets those that run finish until
  /// ``Configuration/drainTimeout`` (not at all when cancelled), and gives the rest back.
  public func run() async throws {
    let (handlers, schedules) = state.withLock { state in
      precondition(!state.hasStarted, "a worker runs once")
      state.hasStarted = true
      return (state.handlers, state.schedules)
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await self.listen(to: TaskQueue.arrivals) {
          $0.isEmpty || handlers[$0] != nil
        } wake: {
          self.work
        }
      }
      group.addTask {
        await self.listen(to: TaskQueue.cancellations) {
          self.mayRun($0)
        } wake: {
          self.beat
        }
      }
      group.addTask {
        await self.listen(to: Lease.channel) {
          $0.isEmpty || $0 == Self.leaseName
        } wake: {
          self.lead
        }
      }
      group.addTask { await self.keepLeases() }
      await cancelWhenGracefulShutdown {
        await withTaskGroup(of: Void.self) { group in
          if !handlers.isEmpty {
            group.addTask { await self.claimTasks(handlers) }
            group.addTask { await self.reapLapsed(handlers) }
          }
          group.addTask { await self.leadWhenFree(schedules) }
        }
      }
      await drain()
      group.cancelAll()
    }
    // Whoever cancelled us is told so; a shutdown is no error.
    try Task.checkCancellation()
  }

  private func listen(
    to channel: String, _ matters: @escaping @Sendable (String) -> Bool, wake: @escaping @Sendable () -> Signal
  ) async {
    for await payload in database.notifications(on: channel) where matters(payload) { wake().raise() }
  }

  private func mayRun(_ id: String) -> Bool {
    guard let id = UUID(uuidString: id) else { return true }
    return state.withLock { $0.running.keys.contains { $0.id == id } }
  }

  /// `duration`, give or take a fifth: what many do at intervals is not to be done by all at once.
  func jittered(_ duration: Duration) -> Duration {
    .seconds(duration.inSeconds * (0.8 + 0.4 * configuration.chance()))
  }
}
