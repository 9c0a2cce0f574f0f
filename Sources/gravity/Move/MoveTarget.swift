import Foundation
import GravityData
import GravityService
import GravityTelemetry
import Logging
import SQLiteEngine

/// What a database is to a move that would fill it.
enum MoveTargetState: Sendable {
  /// It is not there, or has no tables.
  case fresh
  /// It has this version's tables, with nothing in them but what migrations put there.
  case empty
  /// A move has begun to fill it.
  case begun(MoveRecord)

  var record: MoveRecord? { if case .begun(let record) = self { record } else { nil } }

  var shown: String {
    switch self {
    case .fresh: "to be made"
    case .empty: "empty"
    case .begun(let record): record.finishedAt == nil ? "half moved" : "moved already"
    }
  }
}

/// One database of the platform: whose it is, its name and its schema.
struct MovedDatabase: Sendable {
  var owner: String
  var name: String
  var migrations: [Migration]

  static var all: [MovedDatabase] {
    Migrate.schemas.map { MovedDatabase(owner: $0.owner, name: $0.database, migrations: $0.migrations) }
  }
}

extension MovedDatabase {
  /// - Parameter shapes: of the tables, where the target cannot tell their types itself.
  /// - Throws: ``StartFailure`` when it holds something: which table, how many rows, and what to do.
  func state(of database: (any Database)?, in place: MovePlace, shapes: [TableShape]?) async throws -> MoveTargetState {
    guard let database else { return .fresh }
    try await place.refuseOthers(in: database, called: name)
    try await place.awaitEndOfFormer(in: database, called: name)
    if let record = try await MoveRecord.read(database) { return .begun(record) }
    let tables = try await Self.tableNames(in: database)
    if tables.isEmpty { return .fresh }
    guard tables.contains("gravity_migrations") else {
      throw StartFailure(
        .cannotCreate,
        "\(place.databases.place(name)) has tables that are no platform's, such as \(tables.sorted()[0].printable): move to "
          + "another place (GRAVITY_POSTGRES_PREFIX), or drop it")
    }
    try await checkSchema(of: database, in: place)
    let known: [TableShape] = if let shapes { shapes } else { try await TableShape.all(of: database) }
    try await refuseRows(in: database, place, known)
    return .empty
  }

  /// Refuses another schema than this version's, to the checksum of each migration.
  func checkSchema(of database: any Database, in place: MovePlace) async throws {
    let migrator = Migrator(database: database)
    let pending: [Migration]
    do {
      pending = try await migrator.pending(migrations)
    } catch let error as MigrationError {
      throw StartFailure(
        .software, "\(place.databases.place(name)): \(error.description); move it with the version that made it")
    }
    if let first = pending.first {
      throw StartFailure(
        .unavailable,
        "\(place.databases.place(name)) is of an older version (it lacks \(first.number) \(first.name)): run "
          + "`gravity migrate` on it first")
    }
    let records = try await migrator.status()
    guard records.count == migrations.count else {
      throw StartFailure(
        .unavailable, "\(place.databases.place(name)) is newer than this program: move it with the version that made it"
      )
    }
  }

  /// Lets pass only what a database has that was just made.
  func refuseRows(in database: any Database, _ place: MovePlace, _ shapes: [TableShape]) async throws {
    let present = try await Self.tableNames(in: database)
    try await withFresh { fresh in
      for table in shapes where present.contains(table.name) {
        let found = try await TableReader(database, table, in: name, PageBounds())
        if found.rows == 0 { continue }
        let seeds = try await TableReader(fresh, table, in: name, PageBounds()).page(after: nil).map(Self.timeless)
        let rows = found.rows > seeds.count ? [] : try await found.page(after: nil).map(Self.timeless)
        if !rows.isEmpty, rows.allSatisfy(seeds.contains) { continue }
        throw StartFailure(
          .cannotCreate,
          "\(place.databases.place(name)) is not empty: \(table.name) has \(found.rows) row\(found.rows == 1 ? "" : "s"). "
            + "Move to a new folder or another GRAVITY_POSTGRES_PREFIX, or drop the database if nobody needs it")
      }
    }
  }

  /// The tables of the schema, those of migrations included.
  static func tableNames(in database: any Database) async throws -> Set<String> {
    let rows = try await database.rows(
      .only(.sqlite, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        + .only(
          .postgresql,
          "SELECT CAST(tablename AS text) AS name FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
        ))
    return Set(try rows.map { try $0.get("name") })
  }

  /// A row without its times, which say only when it was made.
  private static func timeless(_ row: [MovedValue]) -> [MovedValue] {
    row.map { if case .time = $0 { .null } else { $0 } }
  }

  /// Calls `body` with a database that migrations have just made.
  private func withFresh(_ body: (any Database) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "gravity-move-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(at: folder) }
    let telemetry = ServiceTelemetry(service: "move", level: .warning, output: LogOutput(format: .text))
    let database = try SQLiteDatabase(
      path: folder.appending(path: "\(name).sqlite").path, logger: telemetry.logger("database"),
      metrics: telemetry.metrics)
    do {
      try await Migrator(database: database, logger: telemetry.logger("database")).run(migrations)
      try await body(database)
    } catch {
      await database.close()
      throw error
    }
    await database.close()
  }
}
