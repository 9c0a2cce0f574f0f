import GravityData
import GravityTasks
import Testbed

extension Engine {
  static let migrations = [
    Migration(
      1, "tasks",
      TaskQueue.migrationStatements + Lease.migrationStatements + [
        .table(
          "effects",
          "n \(type: .bigint) NOT NULL, task \(type: .uuid) NOT NULL, attempt \(type: .bigint) NOT NULL"
        )
      ])
  ]

  func withDatabases(_ count: Int, _ body: ([any Database]) async throws -> Void) async throws {
    try await withDatabases(count, Self.migrations, body)
  }

  func withDatabase(_ body: (any Database) async throws -> Void) async throws {
    try await withDatabase(Self.migrations, body)
  }
}
