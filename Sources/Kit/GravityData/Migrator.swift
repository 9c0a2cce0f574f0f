public import Foundation
public import Logging

/// Brings a database's schema to what the program needs.
///
/// Each migration is a transaction of its own together with its record, under a lock that all instances share: however
/// many start at once, each migration runs exactly once, and all go on when the last is done.
public struct Migrator: Sendable {
  private let database: any Database
  private let logger: Logger

  public init(database: any Database, logger: Logger = Logger(label: "gravity.migrations")) {
    self.database = database
    self.logger = logger
  }

  /// Applies what is missing, in order.
  ///
  /// A database that is newer than the program is only warned of: while a deployment rolls, old and new instances run
  /// side by side, and a schema expands before it contracts.
  ///
  /// - Returns: what this call applied; another instance may have applied the rest.
  /// - Throws: ``MigrationError``, ``DatabaseError``. What was applied before the error stays.
  @discardableResult
  public func run(_ migrations: [Migration]) async throws -> [Migration] {
    try Self.checkNumbers(migrations)
    let records = try await database.write { transaction in
      try transaction.lock(Self.lockName)
      try transaction.execute(Self.table)
      return try Self.records(transaction)
    }
    try check(records, against: migrations)
    var applied: [Migration] = []
    for migration in migrations where !records.contains(where: { $0.number == migration.number }) {
      if try await apply(migration) { applied.append(migration) }
    }
    return applied
  }

  /// Those of `migrations` that the database lacks.
  /// - Throws: ``MigrationError``, ``DatabaseError``.
  public func pending(_ migrations: [Migration]) async throws -> [Migration] {
    try Self.checkNumbers(migrations)
    let records = try await status()
    try check(records, against: migrations)
    return migrations.filter { migration in !records.contains { $0.number == migration.number } }
  }

  /// What was applied, in order.
  public func status() async throws -> [MigrationRecord] {
    try await database.write { transaction in
      try transaction.lock(Self.lockName)
      try transaction.execute(Self.table)
      return try Self.records(transaction)
    }
  }

  private func apply(_ migration: Migration) async throws -> Bool {
    let isApplied = try await database.write { transaction in
      // First, so that PostgreSQL takes its snapshot after the wait and sees what the one before did.
      try transaction.lock(Self.lockName)
      let found = try transaction.rows("SELECT 1 FROM gravity_migrations WHERE number = \(migration.number)")
      guard found.isEmpty else { return false }
      for statement in migration.statements { try transaction.execute(statement) }
      try transaction.execute(
        """
        INSERT INTO gravity_migrations (number, name, checksum, applied_at)
        VALUES (\(migration.number), \(migration.name), \(migration.checksum), \(try transaction.now))
        """)
      return true
    }
    if isApplied {
      logger.info("migration applied", metadata: ["number": "\(migration.number)", "name": "\(migration.name)"])
    }
    return isApplied
  }

  private func check(_ records: [MigrationRecord], against migrations: [Migration]) throws(MigrationError) {
    for (index, record) in records.enumerated() {
      guard record.number == index + 1 else { throw .gap(index + 1) }
      guard record.number <= migrations.count else { continue }
      let migration = migrations[index]
      guard record.checksum == migration.checksum else { throw .changed(migration.number, migration.name) }
    }
    if records.count > migrations.count {
      logger.warning(
        "the database is newer than the program",
        metadata: ["database": "\(records.count)", "program": "\(migrations.count)"])
    }
  }

  private static func checkNumbers(_ migrations: [Migration]) throws(MigrationError) {
    for (index, migration) in migrations.enumerated() where migration.number != index + 1 { throw .gap(index + 1) }
  }

  private static func records(_ transaction: any Transaction) throws -> [MigrationRecord] {
    try transaction.all("SELECT number, name, checksum, applied_at FROM gravity_migrations ORDER BY number")
  }

  private static let lockName = "gravity_migrations"
  private static let table: SQL = """
    CREATE TABLE IF NOT EXISTS gravity_migrations (
      number \(type: .bigint) PRIMARY KEY, name \(type: .text) NOT NULL, checksum \(type: .text) NOT NULL,
      applied_at \(type: .timestamptz) NOT NULL)
    """ + SQL.only(.sqlite, " STRICT")
}

/// A migration that a database has.
public struct MigrationRecord: SQLRecord, Hashable {
  public let number: Int
  public let name: String
  public let checksum: String
  /// By the database's clock.
  public let appliedAt: Date

  public init(_ row: SQLRow) throws {
    number = try row.get("number")
    name = try row.get("name")
    checksum = try row.get("checksum")
    appliedAt = try row.get("applied_at")
  }
}

/// Why a database cannot be brought to what the program needs.
public enum MigrationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A migration that was applied reads differently now: its number and name.
  case changed(Int, String)
  /// That number is missing, in the program or in the database.
  case gap(Int)

  public var description: String {
    switch self {
    case .changed(let number, let name): "migration \(number) (\(name)) was changed after it had been applied"
    case .gap(let number): "migration \(number) is missing"
    }
  }
}
