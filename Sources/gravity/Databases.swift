import Foundation
import GravityData
import GravityService
import Logging
import PostgresEngine
import SQLiteEngine

/// Opens each service's own database on the engine that the configuration names.
struct Databases: Sendable {
  enum Engine: Sendable {
    case sqlite(DataDirectory)
    case postgres(url: String, connections: Int, prefix: String)
  }
  let engine: Engine
  /// How long one statement may run; the engine's own bound when nil.
  let statementTimeout: Duration?

  init(_ engine: Engine, statementTimeout: Duration? = nil) {
    self.engine = engine
    self.statementTimeout = statementTimeout
  }

  init(_ configuration: PlatformConfiguration, _ directory: DataDirectory) {
    if let url = configuration.postgresURL {
      self.init(
        .postgres(url: url, connections: configuration.postgresConnections, prefix: configuration.postgresPrefix))
    } else {
      self.init(.sqlite(directory))
    }
  }

  /// Where the service's data is, without a secret.
  func place(_ name: String) -> String {
    switch engine {
    case .sqlite(let directory): directory.database(name)
    case .postgres(_, _, let prefix): "PostgreSQL \(prefix)\(name)"
    }
  }

  /// Whether the file is there; what PostgreSQL has is found out by opening it.
  func exists(_ name: String) -> Bool {
    guard case .sqlite(let directory) = engine else { return true }
    return FileManager.default.fileExists(atPath: directory.database(name))
  }

  /// Whether the file, or the server's database, is there.
  /// - Throws: `DatabaseError` when the server cannot be asked.
  func isThere(_ name: String) async throws -> Bool {
    guard case .postgres(let url, _, let prefix) = engine else { return exists(name) }
    return try await PostgresServer.hasDatabase(named: prefix + name, url: url)
  }

  func open(_ name: String, _ telemetry: ServiceTelemetry) throws -> any Database {
    let logger = telemetry.logger("database")
    switch engine {
    case .sqlite(let directory):
      var configuration = SQLiteDatabase.Configuration()
      if let statementTimeout { configuration.statementTimeout = statementTimeout }
      return try SQLiteDatabase(
        path: directory.database(name), configuration: configuration, logger: logger, metrics: telemetry.metrics)
    case .postgres(let url, let connections, let prefix):
      var configuration = PostgresDatabase.Configuration()
      configuration.maximumConnections = connections
      configuration.database = prefix + name
      if let statementTimeout { configuration.statementTimeout = statementTimeout }
      return try PostgresDatabase(
        url: url, configuration: configuration, logger: logger, metrics: telemetry.metrics)
    }
  }

  /// Makes the database where the engine keeps databases apart from files, if it is missing and the role may.
  func create(_ name: String) async throws {
    guard case .postgres(let url, _, let prefix) = engine else { return }
    try await PostgresServer.createDatabase(named: prefix + name, url: url)
  }

  /// Deletes the database with all that is in it; nothing when there is none. Nobody may use it.
  func delete(_ name: String) async throws {
    switch engine {
    case .postgres(let url, _, let prefix): try await PostgresServer.dropDatabase(named: prefix + name, url: url)
    case .sqlite(let directory):
      for end in ["", "-wal", "-shm"] {
        let path = directory.database(name) + end
        if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
      }
    }
  }

  /// Opens a database, making it where it is missing and the role may, and brings it to this version.
  /// - Throws: ``StartFailure`` also for one that a move has begun to fill and has not finished.
  func prepare(_ name: String, _ migrations: [Migration], _ telemetry: ServiceTelemetry) async throws -> any Database {
    let logger = telemetry.logger("database")
    do {
      try await create(name)
    } catch let error as DatabaseError where !error.isTransient {
      // A role that may not create databases is no mistake: somebody else made it, or opening it will say.
      logger.info("cannot create \(name)", metadata: ["error.message": "\(error)"])
    }
    let database = try open(name, telemetry)
    do {
      try await MoveRecord.refuseUnfinished(database, called: place(name))
      _ = try await Migrator(database: database, logger: logger).run(migrations)
    } catch {
      await database.close()
      if let error = error as? MigrationError { throw StartFailure(.software, "\(name): \(error.description)") }
      throw error
    }
    return database
  }
}
