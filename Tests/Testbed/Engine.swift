import Foundation
public import GravityData
public import Logging
import PostgresEngine
import SQLiteEngine
import Synchronization
public import Testing

/// The engines that suites run on: SQLite always, PostgreSQL where a server is given.
public enum Engine: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case sqlite, postgresql

  public static let server = ProcessInfo.processInfo.environment["GRAVITY_TEST_POSTGRES_URL"]
  public static let available = server == nil ? [Engine.sqlite] : Engine.allCases
  public var testDescription: String { rawValue }

  /// Runs `body` with the path or URL of an empty database of its own, as a program is told of it, and how to open it;
  /// what was opened is closed afterwards.
  public func withPlace(
    statementTimeout: Duration = .seconds(30),
    _ body: (_ place: String, _ open: @escaping @Sendable () throws -> any Database) async throws -> Void
  ) async throws {
    let opened = Opened()
    switch self {
    case .sqlite:
      let folder = FileManager.default.temporaryDirectory.appending(path: "gravity-test-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let path = folder.appending(path: "test.sqlite").path(percentEncoded: false)
      try await opened.closing {
        try await body(path) {
          var configuration = SQLiteDatabase.Configuration()
          configuration.statementTimeout = statementTimeout
          return opened.added(try SQLiteDatabase(path: path, configuration: configuration))
        }
      }.get()
    case .postgresql:
      let url = try #require(Self.server)
      let name = "gravity_test_\(UUID().uuidString.lowercased().prefix(13))"
      var parts = try #require(URLComponents(string: url))
      parts.path = "/\(name)"
      let place = try #require(parts.string)
      try await PostgresServer.createDatabase(named: name, url: url)
      let result = await opened.closing {
        try await body(place) {
          var configuration = PostgresDatabase.Configuration()
          configuration.maximumConnections = 6
          configuration.statementTimeout = statementTimeout
          return opened.added(try PostgresDatabase(url: place, configuration: configuration))
        }
      }
      try await PostgresServer.dropDatabase(named: name, url: url)
      try result.get()
    }
  }

  /// Runs `body` on several views of one migrated database, as several instances of a service have it.
  public func withDatabases(
    _ count: Int, _ migrations: [Migration], statementTimeout: Duration = .seconds(30),
    _ body: ([any Database]) async throws -> Void
  ) async throws {
    try await withPlace(statementTimeout: statementTimeout) { _, open in
      let databases = try (0..<count).map { _ in try open() }
      try await Migrator(database: databases[0], logger: .silent).run(migrations)
      try await body(databases)
    }
  }

  /// Runs `body` on a migrated database of its own.
  public func withDatabase(
    _ migrations: [Migration], statementTimeout: Duration = .seconds(30),
    _ body: (any Database) async throws -> Void
  ) async throws {
    try await withDatabases(1, migrations, statementTimeout: statementTimeout) { try await body($0[0]) }
  }
}

/// What a test has opened.
private final class Opened: Sendable {
  private let databases = Mutex<[any Database]>([])

  func added(_ database: any Database) -> any Database {
    databases.withLock { $0.append(database) }
    return database
  }

  func closing(_ body: () async throws -> Void) async -> Result<Void, any Error> {
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    for database in databases.withLock({ $0 }) { await database.close() }
    return result
  }
}

extension Logger {
  public static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
