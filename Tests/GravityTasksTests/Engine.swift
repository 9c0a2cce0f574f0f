import Foundation
import GravityData
import GravityTasks
import Logging
import PostgresEngine
import SQLiteEngine
import Testing

/// The engines that the suites run on: SQLite always, PostgreSQL where a server is given.
enum Engine: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case sqlite, postgresql

  static let server = ProcessInfo.processInfo.environment["GRAVITY_TEST_POSTGRES_URL"]
  static let available = server == nil ? [Engine.sqlite] : Engine.allCases
  var testDescription: String { rawValue }

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

  /// Runs `body` with the URL or path of an empty database, and how to open it.
  func withPlace(_ body: (_ place: String, _ open: @Sendable () throws -> any Database) async throws -> Void)
    async throws
  {
    switch self {
    case .sqlite:
      let folder = FileManager.default.temporaryDirectory.appending(path: "tasks-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let path = folder.appending(path: "tasks_db.sqlite").path(percentEncoded: false)
      try await body(path) { try SQLiteDatabase(path: path) }
    case .postgresql:
      let url = try #require(Self.server)
      let name = "tasks_test_\(UUID().uuidString.lowercased().prefix(13))"
      try await PostgresServer.createDatabase(named: name, url: url)
      var parts = try #require(URLComponents(string: url))
      parts.path = "/\(name)"
      let place = try #require(parts.string)
      let result = await Result.catching {
        try await body(place) {
          var configuration = PostgresDatabase.Configuration()
          configuration.maximumConnections = 6
          return try PostgresDatabase(url: place, configuration: configuration)
        }
      }
      try await PostgresServer.dropDatabase(named: name, url: url)
      try result.get()
    }
  }

  /// Runs `body` on databases that are several connections' views of one.
  func withDatabases(_ count: Int, _ body: ([any Database]) async throws -> Void) async throws {
    try await withPlace { _, open in
      let databases = try (0..<count).map { _ in try open() }
      let result = await Result.catching {
        try await Migrator(database: databases[0], logger: .silent).run(Self.migrations)
        try await body(databases)
      }
      for database in databases { await database.close() }
      try result.get()
    }
  }

  func withDatabase(_ body: (any Database) async throws -> Void) async throws {
    try await withDatabases(1) { try await body($0[0]) }
  }
}

extension Result where Failure == any Error {
  static func catching(_ body: () async throws -> Success) async -> Result {
    do { return .success(try await body()) } catch { return .failure(error) }
  }
}

extension Logger {
  static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// Waits until `condition` holds. The bound is for a machine that is very busy; no test depends on how long it took.
func eventually(
  _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
  for _ in 0..<6_000 {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(10))
  }
  Issue.record(what, sourceLocation: sourceLocation)
  throw CancellationError()
}
