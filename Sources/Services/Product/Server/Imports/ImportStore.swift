import Foundation
import GravityContracts
import GravityData
import GravityTasks
import ProductAPI

struct ImportRow: SQLRecord {
  var id: UUID
  var task: UUID
  var state: ProductImport.State
  var format: ProductImport.Format
  var isDryRun: Bool
  var total: Int
  /// How many products are done with.
  var position: Int
  var created: Int
  var updated: Int
  var unchanged: Int
  var failed: Int
  var createdAt: Date
  var finishedAt: Date?
  /// Of the task; nil when it is not kept any more.
  var taskState: String?
  var taskError: String?

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    task = try row.get("task_id")
    state = ProductImport.State(rawValue: try row.get("state")) ?? .failed
    format = ProductImport.Format(rawValue: try row.get("format")) ?? .ndjson
    isDryRun = try row.get("dry_run")
    total = try row.get("total")
    position = try row.get("position")
    created = try row.get("created")
    updated = try row.get("updated")
    unchanged = try row.get("unchanged")
    failed = try row.get("failed")
    createdAt = try row.get("created_at")
    finishedAt = try row.get("finished_at")
    taskState = try row.get("task_state")
    taskError = try row.get("task_error")
  }

  /// What its task says, where the import itself did not come to its end: so none seems to run for ever.
  var productImport: ProductImport {
    let state: ProductImport.State =
      switch (self.state, taskState) {
      case (.done, _): .done
      case (_, "waiting"): position > 0 ? .running : .waiting
      case (_, "running"): .running
      case (_, "canceled"): .canceled
      default: .failed
      }
    return ProductImport(
      id: id, state: state, format: format, dryRun: isDryRun, total: total, created: created, updated: updated,
      unchanged: unchanged, failed: failed,
      error: state == .failed ? "It was given up after many attempts; send the file again." : nil,
      createdAt: createdAt, finishedAt: finishedAt)
  }
}

/// The tables `imports` and `import_results`, and what their tasks say.
struct ImportStore {
  private let transaction: any Transaction
  init(_ transaction: any Transaction) { self.transaction = transaction }

  private static let query: SQL = """
    SELECT imports.id, imports.task_id, imports.state, imports.format, imports.dry_run, imports.total,
      imports.position, imports.created, imports.updated, imports.unchanged, imports.failed, imports.created_at,
      imports.finished_at, gravity_tasks.state AS task_state, gravity_tasks.error AS task_error
    FROM imports LEFT JOIN gravity_tasks ON gravity_tasks.id = imports.task_id
    """

  func find(_ id: UUID) throws -> ImportRow? { try transaction.first("\(Self.query) WHERE imports.id = \(id)") }

  /// The newest first.
  func list(before: UUID?, limit: Int) throws -> [ImportRow] {
    let filter: SQL = if let before { "WHERE imports.id < \(before)" } else { "" }
    return try transaction.all("\(Self.query) \(filter) ORDER BY imports.id DESC LIMIT \(limit)")
  }

  /// How many wait or run.
  func unfinishedCount() throws -> Int {
    try transaction.scalar(
      """
      SELECT count(*) FROM gravity_tasks WHERE type = \(ImportTask.type.name) AND state IN ('waiting', 'running')
      """) ?? 0
  }

  func insert(
    _ id: UUID, task: UUID, _ format: ProductImport.Format, isDryRun: Bool, content: Data, total: Int, at time: Date
  ) throws {
    try transaction.execute(
      """
      INSERT INTO imports (id, task_id, state, format, dry_run, content, total, position, created, updated, unchanged,
        failed, created_at)
      VALUES (\(id), \(task), 'waiting', \(format.rawValue), \(isDryRun), \(Array(content)), \(total), 0, 0, 0, 0, 0,
        \(time))
      """)
  }

  func content(_ id: UUID) throws -> [UInt8]? {
    try transaction.rows("SELECT content FROM imports WHERE id = \(id)").first.flatMap { try $0.get("content") }
  }

  /// - Parameter position: of the product in the file; the next attempt goes on after it.
  func record(_ result: ImportResult, position: Int, of id: UUID) throws {
    let outcome = result.outcome.rawValue
    let text = String(decoding: try WireFormat.makeEncoder().encode(result), as: UTF8.self)
    try transaction.execute(
      """
      INSERT INTO import_results (import_id, line, outcome, result)
      VALUES (\(id), \(result.line), \(outcome), \(text))
      ON CONFLICT (import_id, line) DO UPDATE SET outcome = excluded.outcome, result = excluded.result
      """)
    let column: SQL =
      switch result.outcome {
      case .known(.created): "created"
      case .known(.updated): "updated"
      case .known(.unchanged): "unchanged"
      default: "failed"
      }
    try transaction.execute(
      """
      UPDATE imports SET state = 'running', position = \(position + 1), \(column) = \(column) + 1 WHERE id = \(id)
      """)
  }

  func finish(_ id: UUID, at time: Date) throws {
    try transaction.execute(
      "UPDATE imports SET state = 'done', content = NULL, finished_at = \(time) WHERE id = \(id)")
  }

  func results(
    of id: UUID, after line: Int, _ outcome: ImportResult.Outcome?, limit: Int
  ) throws -> [ImportResult] {
    let filter: SQL = if let outcome { " AND outcome = \(outcome.rawValue)" } else { "" }
    return try transaction.rows(
      """
      SELECT result FROM import_results WHERE import_id = \(id) AND line > \(line)\(filter)
      ORDER BY line LIMIT \(limit)
      """
    ).map { row in
      try WireFormat.makeDecoder().decode(ImportResult.self, from: Data(row.get("result", as: String.self).utf8))
    }
  }

  /// Deletes one that is older, with its results.
  /// - Returns: false when there is none.
  func deleteOne(createdBefore time: Date) throws -> Bool {
    let id: UUID? = try transaction.scalar(
      "SELECT id FROM imports WHERE created_at < \(time) ORDER BY created_at LIMIT 1")
    guard let id else { return false }
    try transaction.execute("DELETE FROM import_results WHERE import_id = \(id)")
    try transaction.execute("DELETE FROM imports WHERE id = \(id)")
    return true
  }
}
