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

  init(_ configuration: PlatformConfiguration, _ directory: DataDirectory) {
    if let url = configuration.postgresURL {
      engine = .postgres(url: url, connections: configuration.postgresConnections, prefix: configuration.postgresPrefix)
    } else {
      engine = .sqlite(directory)
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

  func open(_ name: String, _ telemetry: ServiceTelemetry) throws -> any Database {
    let logger = telemetry.logger("database")
    switch engine {
    case .sqlite(let directory):
      return try SQLiteDatabase(path: directory.database(name), logger: logger, metrics: telemetry.metrics)
    case .postgres(let url, let connections, let prefix):
      var configuration = PostgresDatabase.Configuration()
      configuration.maximumConnections = connections
      configuration.database = prefix + name
      return try PostgresDatabase(
        url: url, configuration: configuration, logger: logger, metrics: telemetry.metrics)
    }
  }

  /// Makes the database where the engine keeps databases apart from files, if it is missing and the role may.
  func create(_ name: String) async throws {
    guard case .postgres(let url, _, let prefix) = engine else { return }
    try await PostgresServer.createDatabase(named: prefix + name, url: url)
  }

  /// Opens a database, making it where it is missing and the role may, and brings it to this version.
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
      _ = try await Migrator(database: database, logger: logger).run(migrations)
    } catch {
      await database.close()
      if let error = error as? MigrationError { throw StartFailure(.software, "\(name): \(error.description)") }
      throw error
    }
    return database
  }
}
