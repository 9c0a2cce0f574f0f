import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityTasks
import ProductAPI

/// What is imported: taken here, done by ``ImportTask``.
struct Imports: Sendable {
  /// That wait or run.
  static let greatestCount = 10
  /// Seconds after which an import is deleted.
  static let retention: TimeInterval = 30 * 86_400
  let core: ProductCore

  /// The file is read here once, so that what is wrong with it as a whole is told at once.
  func create(
    _ options: ImportOptions, _ content: RequestContent?, once key: IdempotencyKey?
  ) async throws -> Once<ProductImport> {
    guard let content else { throw Problem(400, "empty_file", "There is no file") }
    let format: ProductImport.Format = content.type == "text/csv" ? .csv : .ndjson
    let total = try await ImportFile(format, content.bytes).items.count
    let id = core.newID()
    return try await core.write(once: key, lock: "imports") { transaction, now in
      let store = ImportStore(transaction)
      guard try store.unfinishedCount() < Self.greatestCount else {
        throw Problem(
          409, "too_many_imports", "\(Self.greatestCount) imports wait or run already", detail: "Wait for one to end.",
          retryAfter: 10)
      }
      let task = try TaskQueue().enqueue(ImportTask.type, .init(id: id), in: transaction)
      try store.insert(
        id, task: task.id, format, isDryRun: options.dryRun == true, content: content.bytes, total: total, at: now)
      return try Self.existing(id, store)
    }
  }

  func find(_ id: UUID) async throws -> ProductImport {
    try await core.read { try Self.existing(id, ImportStore($0)) }
  }

  func page(_ query: ListQuery) async throws -> Page<ProductImport> {
    let limit = try PageLimit.checked(query.limit)
    let before = try query.cursor.map { try $0.id }
    return try await core.read { transaction in
      let rows = try ImportStore(transaction).list(before: before, limit: limit + 1)
      return Page(fetched: rows.map(\.productImport), limit: limit) { Cursor([$0.id.lowercased]) }
    }
  }

  func results(_ query: ImportResultQuery) async throws -> Page<ImportResult> {
    let limit = try PageLimit.checked(query.limit)
    let after = try query.cursor.map { cursor in
      guard cursor.parts.count == 1, let line = Int(cursor.parts[0]) else {
        throw Problem.invalid("cursor", "format", "is not a cursor of this list")
      }
      return line
    }
    return try await core.read { transaction in
      let store = ImportStore(transaction)
      _ = try Self.existing(query.id, store)
      let results = try store.results(of: query.id, after: after ?? 0, query.outcome, limit: limit + 1)
      return Page(fetched: results, limit: limit) { Cursor(["\($0.line)"]) }
    }
  }

  func cancel(_ id: UUID) async throws -> ProductImport {
    try await core.write { transaction, _ in
      let store = ImportStore(transaction)
      guard let row = try store.find(id) else { throw Problem.notFound("import") }
      try TaskStore.cancel(row.task, in: transaction)
      return try Self.existing(id, store)
    }.value
  }

  /// - Returns: false when there is none left that is old enough.
  func deleteOneExpired() async throws -> Bool {
    try await core.write { transaction, now in
      try ImportStore(transaction).deleteOne(createdBefore: now - Self.retention)
    }.value
  }

  private static func existing(_ id: UUID, _ store: ImportStore) throws -> ProductImport {
    guard let row = try store.find(id) else { throw Problem.notFound("import") }
    return row.productImport
  }
}
