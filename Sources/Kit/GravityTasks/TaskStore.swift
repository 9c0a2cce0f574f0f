public import Foundation
public import GravityContracts
public import GravityData

/// What people and pages do with the tasks of a service: list, show, cancel, retry, delete, count.
public struct TaskStore: Sendable {
  private let database: any Database

  public init(_ database: any Database) { self.database = database }

  /// The newest first.
  ///
  /// - Parameters:
  ///   - limit: 1 to 100; others count as these.
  ///   - cursor: of the page before; one that is no cursor of this list is ignored.
  public func list(
    state: TaskState? = nil, type: String? = nil, limit: Int = PageLimit.standard, after cursor: Cursor? = nil
  ) async throws -> Page<TaskRecord> {
    let limit = min(max(limit, 1), PageLimit.greatest)
    var condition: SQL = "WHERE TRUE"
    // As literals: a planner that does not know the value cannot use an index of that state's rows.
    if let state { condition = condition + SQL(stringLiteral: " AND state = '\(state.rawValue)'") }
    if let type { condition = condition + " AND type = \(type)" }
    if let last = cursor?.parts.first.flatMap(UUID.init(uuidString:)) { condition = condition + " AND id < \(last)" }
    let records: [TaskRecord] = try await database.all(
      "SELECT \(TaskRecord.columns) FROM gravity_tasks \(condition) ORDER BY id DESC LIMIT \(limit + 1)")
    return Page(fetched: records, limit: limit) { Cursor([$0.id.lowercased]) }
  }

  /// - Returns: nil when there is no such task (any more).
  public func task(_ id: TaskID) async throws -> TaskRecord? {
    try await database.first("SELECT \(TaskRecord.columns) FROM gravity_tasks WHERE id = \(id)")
  }

  /// The JSON that the task was given.
  public func payload(of id: TaskID) async throws -> String? {
    try await database.rows("SELECT payload FROM gravity_tasks WHERE id = \(id)").first.map { try $0.get(0) }
  }

  /// How many tasks there are of each type in each state. Reads the whole table.
  public func counts() async throws -> [TaskCount] {
    try await database.all(
      "SELECT type, state, count(*) AS count FROM gravity_tasks GROUP BY type, state ORDER BY type, state")
  }

  /// What is left to do, cheaply: those that wait, run and are dead.
  func unfinishedCounts() async throws -> [TaskCount] {
    try await database.all(
      """
      SELECT type, 'waiting' AS state, count(*) AS count FROM gravity_tasks WHERE state = 'waiting' GROUP BY type
      UNION ALL
      SELECT type, 'running' AS state, count(*) AS count FROM gravity_tasks WHERE state = 'running' GROUP BY type
      UNION ALL
      SELECT type, 'dead' AS state, count(*) AS count FROM gravity_tasks WHERE state = 'dead' GROUP BY type
      """)
  }

  /// The schedules of the service, by name.
  public func schedules() async throws -> [TaskScheduleRecord] {
    try await database.all(
      "SELECT name, cron, time_zone, type, next_at, last_at FROM gravity_task_schedules ORDER BY name")
  }

  /// Cancels a waiting task at once; a running one is told, and is canceled when its handler has ended.
  @discardableResult
  public func cancel(_ id: TaskID) async throws -> TaskCancellation {
    try await database.write { try Self.cancel(id, in: $0) }
  }

  /// The same in the caller's transaction.
  @discardableResult
  public static func cancel(_ id: TaskID, in transaction: any Transaction) throws -> TaskCancellation {
    let now = try transaction.now
    let found = try transaction.rows(
      "SELECT state, retention FROM gravity_tasks WHERE id = \(id)" + .only(.postgresql, " FOR UPDATE"))
    guard let row = found.first else { return .notFound }
    switch try row.get("state", as: TaskState.self) {
    case .waiting:
      let end = now.addingTimeInterval(Double(try row.get("retention", as: Int.self)))
      try transaction.execute(
        """
        UPDATE gravity_tasks SET state = 'canceled', finished_at = \(now), expires_at = \(end)
        WHERE id = \(id) AND state = 'waiting'
        """)
      return .canceled
    case .running:
      try transaction.execute(
        "UPDATE gravity_tasks SET cancel_requested = \(true) WHERE id = \(id) AND state = 'running'")
      try transaction.notify(TaskQueue.cancellations, id.lowercased)
      return .requested
    case .done, .dead, .canceled: return .finished
    }
  }

  /// Lets a dead or canceled task begin anew, with all its attempts.
  ///
  /// - Returns: false when it is neither, or when its unique key is taken by another that waits or runs.
  @discardableResult
  public func retry(_ id: TaskID) async throws -> Bool {
    try await database.write { transaction in
      let types = try transaction.rows(
        """
        UPDATE gravity_tasks SET state = 'waiting', run_at = \(try transaction.now), failures = 0,
          cancel_requested = \(false), finished_at = NULL, expires_at = NULL, progress = NULL, note = NULL
        WHERE id = \(id) AND state IN ('dead', 'canceled') AND NOT EXISTS (
          SELECT 1 FROM gravity_tasks AS other
          WHERE other.type = gravity_tasks.type AND other.unique_key = gravity_tasks.unique_key
            AND other.unique_key IS NOT NULL AND other.state IN ('waiting', 'running'))
        RETURNING type
        """)
      guard let type: String = try types.first?.get("type") else { return false }
      try transaction.notify(TaskQueue.arrivals, type)
      return true
    }
  }

  /// Deletes a finished task.
  /// - Returns: false when there is none, or it waits or runs: cancel it first.
  @discardableResult
  public func delete(_ id: TaskID) async throws -> Bool {
    try await database.write {
      try $0.execute("DELETE FROM gravity_tasks WHERE id = \(id) AND state IN ('done', 'dead', 'canceled')") == 1
    }
  }
}

/// How many tasks of a type are in a state.
public struct TaskCount: SQLRecord, Codable, Hashable {
  public let type: String
  public let state: TaskState
  public let count: Int

  public init(_ row: SQLRow) throws {
    type = try row.get("type")
    state = try row.get("state")
    count = try row.get("count")
  }
}

/// What became of a wish to cancel.
public enum TaskCancellation: Sendable, Hashable {
  /// It waited, and is canceled.
  case canceled
  /// It runs; its handler is being told.
  case requested
  /// It had ended before.
  case finished
  case notFound
}

/// A schedule as the database knows it.
public struct TaskScheduleRecord: SQLRecord, Codable, Hashable {
  public let name: String
  public let cron: String
  public let timeZone: String
  public let type: String
  public let nextAt: Date
  /// When it last fired: the time for which that was.
  public let lastAt: Date?

  enum CodingKeys: String, CodingKey {
    case name
    case cron
    case timeZone = "time_zone"
    case type
    case nextAt = "next_at"
    case lastAt = "last_at"
  }

  public init(_ row: SQLRow) throws {
    name = try row.get("name")
    cron = try row.get("cron")
    timeZone = try row.get("time_zone")
    type = try row.get("type")
    nextAt = try row.get("next_at")
    lastAt = try row.get("last_at")
  }
}
