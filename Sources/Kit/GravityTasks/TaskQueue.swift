public import Foundation
import GravityContracts
public import GravityData
import GravityTelemetry
import ServiceContextModule

/// Puts tasks into a service's own database, in the transaction of the change that wants them: a task exists exactly
/// when the change does.
///
/// ```swift
/// try await database.write { transaction in
///   try insert(order, in: transaction)
///   try TaskQueue().enqueue(sendReceipt, .init(order: order.id), in: transaction)
/// }
/// ```
///
/// A task continues the trace and the request in which it was enqueued.
public struct TaskQueue: Sendable {
  /// 64 KiB of JSON.
  public static let greatestPayload = 64 << 10
  /// How long dead tasks are kept at least.
  public static let deadRetention = Duration.seconds(30 * 86_400)

  /// Where workers hear the type of tasks that have come. An empty text stands for whatever was missed.
  static let arrivals = "gravity_tasks"
  /// Where workers hear the id of tasks that shall be canceled.
  static let cancellations = "gravity_tasks_cancel"

  public init() {}

  /// Adds a task; workers wake when `transaction` is committed.
  ///
  /// - Parameters:
  ///   - date: the earliest time to run, by the database's clock; now when neither it nor `after` is given.
  ///   - delay: the same, from now on.
  ///   - priority: the type's own when nil.
  ///   - uniqueKey: 1 to 200 bytes. While a task of that type and key waits or runs, there is no second: the first is
  ///     returned. A running one may have read its data already; who needs another run after a change must not make
  ///     it unique, or enqueue again at its end.
  /// - Returns: the task's id, and whether it is new.
  /// - Throws: ``TaskRefusal``, `EncodingError`, `DatabaseError`.
  @discardableResult
  public func enqueue<Payload>(
    _ type: TaskType<Payload>, _ payload: Payload, in transaction: any Transaction, at date: Date? = nil,
    after delay: Duration? = nil, priority: TaskUrgency? = nil, uniqueKey: String? = nil
  ) throws -> EnqueuedTask {
    guard date == nil || delay == nil else { throw TaskRefusal.time }
    let now = try transaction.now
    let context = ServiceContext.current
    let task = NewTask(
      type: type.name, payload: try Self.encode(payload), priority: priority ?? type.priority,
      runAt: date ?? now.addingTimeInterval(delay?.inSeconds ?? 0), uniqueKey: uniqueKey,
      retention: type.retention, traceparent: context?.trace?.traceparent,
      requestID: context?.requestID?.bounded(to: 200))
    return try task.insert(in: transaction)
  }

  /// The same in a transaction of its own.
  @discardableResult
  public func enqueue<Payload>(
    _ type: TaskType<Payload>, _ payload: Payload, in database: any Database, at date: Date? = nil,
    after delay: Duration? = nil, priority: TaskUrgency? = nil, uniqueKey: String? = nil
  ) async throws -> EnqueuedTask {
    try await database.write {
      try enqueue(type, payload, in: $0, at: date, after: delay, priority: priority, uniqueKey: uniqueKey)
    }
  }

  static func encode(_ payload: some Encodable) throws -> String {
    let data = try JSONEncoder().encode(payload)
    guard data.count <= greatestPayload else { throw TaskRefusal.payloadTooLarge(data.count) }
    return String(decoding: data, as: UTF8.self)
  }
}

/// A task that is in the queue.
public struct EnqueuedTask: Sendable, Hashable {
  public let id: TaskID
  /// False when a task of the same type and unique key waits or runs already, and `id` is that one's.
  public let isNew: Bool
}

struct NewTask {
  var type: String
  var payload: String
  var priority: TaskUrgency
  var runAt: Date
  var uniqueKey: String?
  var retention: Duration
  var traceparent: String?
  var requestID: String?
  var schedule: String?
  var scheduledFor: Date?

  func insert(in transaction: any Transaction) throws -> EnqueuedTask {
    if let uniqueKey, !(1...200).contains(uniqueKey.utf8.count) || uniqueKey.utf8.contains(0) {
      throw TaskRefusal.uniqueKey
    }
    let now = try transaction.now
    let id = UUID.v7()
    // A transaction that cannot see a conflicting row that was committed meanwhile is asked to run again by
    // PostgreSQL, and then it sees it.
    let inserted = try transaction.execute(
      """
      INSERT INTO gravity_tasks (
        id, type, state, priority, payload, unique_key, run_at, attempt, failures, cancel_requested, traceparent,
        request_id, schedule, scheduled_for, retention, enqueued_at)
      VALUES (
        \(id), \(type), 'waiting', \(priority.rawValue), \(payload), \(uniqueKey), \(runAt), 0, 0, \(false),
        \(traceparent), \(requestID), \(schedule), \(scheduledFor), \(Int(retention.components.seconds)), \(now))
      ON CONFLICT (type, unique_key) WHERE unique_key IS NOT NULL AND state IN ('waiting', 'running') DO NOTHING
      """)
    if inserted == 1 {
      // Who is due later is found in time by the workers' own look at the queue.
      if runAt.timeIntervalSince(now) < TaskWorker.Configuration.longestPoll.inSeconds {
        try transaction.notify(TaskQueue.arrivals, type)
      }
      return EnqueuedTask(id: id, isNew: true)
    }
    let existing: TaskID? = try transaction.scalar(
      """
      SELECT id FROM gravity_tasks
      WHERE type = \(type) AND unique_key = \(uniqueKey) AND state IN ('waiting', 'running')
      """)
    guard let existing else { throw DatabaseError(.serialization, "the task with that key has just ended") }
    return EnqueuedTask(id: existing, isNew: false)
  }
}
