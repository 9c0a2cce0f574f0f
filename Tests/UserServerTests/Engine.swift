import Foundation
import GravityData
import Logging
import PostgresEngine
import SQLiteEngine
import Testing
import UserServer

/// The engines that the suites run on: SQLite always, PostgreSQL where a server is given.
enum Engine: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case sqlite, postgresql

  static let server = ProcessInfo.processInfo.environment["GRAVITY_TEST_POSTGRES_URL"]
  static let available = server == nil ? [Engine.sqlite] : Engine.allCases
  var testDescription: String { rawValue }

  /// Runs `body` on a migrated database of its own.
  func withDatabase(_ body: (any Database) async throws -> Void) async throws {
    switch self {
    case .sqlite:
      let folder = FileManager.default.temporaryDirectory.appending(path: "user-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      try await Self.use(SQLiteDatabase(path: folder.appending(path: "user_db.sqlite").path), body)
    case .postgresql:
      let url = try #require(Self.server)
      let name = "user_test_\(UUID().uuidString.lowercased().prefix(13))"
      try await PostgresServer.createDatabase(named: name, url: url)
      var configuration = PostgresDatabase.Configuration()
      configuration.database = name
      configuration.maximumConnections = 4
      let result = await Result.catching {
        try await Self.use(try PostgresDatabase(url: url, configuration: configuration), body)
      }
      try await PostgresServer.dropDatabase(named: name, url: url)
      try result.get()
    }
  }

  private static func use(_ database: any Database, _ body: (any Database) async throws -> Void) async throws {
    let result = await Result.catching {
      try await Migrator(database: database, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }).run(
        UserService.migrations)
      try await body(database)
    }
    await database.close()
    try result.get()
  }
}

extension Result where Failure == any Error {
  fileprivate static func catching(_ body: () async throws -> Success) async -> Result {
    do { return .success(try await body()) } catch { return .failure(error) }
  }
}
