import BrokerConformance
import Foundation
import GravityData
import GravityEvents
import PostgresEngine
import SQLiteEngine
import Synchronization
import Testbed
import Testing

@Suite("The embedded broker as an EventBroker")
struct DatabaseBrokerTests {
  @Test("conforms on SQLite", arguments: ConformanceCase.all)
  func sqlite(_ conformance: ConformanceCase) async throws {
    try await conformance.run(on: .sqlite)
  }

  @Test("conforms on PostgreSQL", .enabled(if: Engine.server != nil), arguments: ConformanceCase.all)
  func postgresql(_ conformance: ConformanceCase) async throws {
    try await conformance.run(on: .postgresql)
  }
}

extension EngineUnderTest {
  /// Two instances in one process.
  static let sqlite = EngineUnderTest {
    let folder = FileManager.default.temporaryDirectory.appending(path: "broker-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let database = try SQLiteDatabase(path: folder.appending(path: "broker.sqlite").path)
    _ = try await Migrator(database: database, logger: .silent).run(DatabaseBroker.migrations)
    return Place(open: { broker(over: database) }) {
      await database.close()
      try? FileManager.default.removeItem(at: folder)
    }
  }

  /// Two instances in two processes, as far as the server can tell.
  static let postgresql = EngineUnderTest {
    let url = try #require(Engine.server)
    let name = "broker_test_\(UUID().uuidString.lowercased().prefix(13))"
    try await PostgresServer.createDatabase(named: name, url: url)
    let opened = Opened()
    let open: @Sendable () throws -> PostgresDatabase = {
      var configuration = PostgresDatabase.Configuration()
      configuration.database = name
      configuration.maximumConnections = 4
      let database = try PostgresDatabase(url: url, configuration: configuration)
      opened.all.withLock { $0.append(database) }
      return database
    }
    _ = try await Migrator(database: try open(), logger: .silent).run(DatabaseBroker.migrations)
    return Place(open: { broker(over: try open()) }) {
      for database in opened.all.withLock({ $0 }) { await database.close() }
      try? await PostgresServer.dropDatabase(named: name, url: url)
    }
  }

  private static func broker(over database: any Database) -> DatabaseBroker {
    DatabaseBroker(database: database, lease: .seconds(2), logger: .silent)
  }
}

private final class Opened: Sendable {
  let all = Mutex<[PostgresDatabase]>([])
}
