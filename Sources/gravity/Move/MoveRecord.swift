import Foundation
import GravityData
import GravityService

/// What a move writes into each database that it fills. While it is unfinished nothing serves that database.
struct MoveRecord: SQLRecord, Hashable {
  /// One for all databases of a move.
  let id: UUID
  /// Where the rows come from, without a secret.
  let source: String
  /// By the database's clock.
  let startedAt: Date
  let finishedAt: Date?

  init(_ row: SQLRow) throws {
    id = try row.get("id")
    source = try row.get("source")
    startedAt = try row.get("started_at")
    finishedAt = try row.get("finished_at")
  }

  /// `gravity_move` stays, as a record; `gravity_move_tables` is there as long as the move goes on.
  static let tables: Set = ["gravity_move", "gravity_move_tables"]

  /// - Returns: nil where no move ever began.
  /// - Throws: ``DatabaseError``.
  static func read(_ database: any Database) async throws -> MoveRecord? {
    let found = try await database.rows(
      "SELECT 1 AS found FROM "
        + .only(.sqlite, "sqlite_master WHERE type = 'table' AND name = 'gravity_move'")
        + .only(
          .postgresql,
          "pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = CAST('gravity_move' AS name)"))
    if found.isEmpty { return nil }
    return try await database.first("SELECT id, source, started_at, finished_at FROM gravity_move")
  }

  /// For whatever uses a database as a service would.
  /// - Throws: ``StartFailure`` when a move has begun to fill it and has not finished.
  static func refuseUnfinished(_ database: any Database, called place: String) async throws {
    guard let record = try await read(database), record.finishedAt == nil else { return }
    throw StartFailure(
      .unavailable,
      "\(place) is half of what a move brings from \(record.source): run the same `gravity move` again, it goes on "
        + "where it was")
  }

  // MARK: Written in the transactions that it tells of

  /// Marks the database, and deletes the rows that migrations made: the source has its own of them.
  static func begin(
    _ id: UUID, from source: String, tables: [TableShape], seeds: [String], in transaction: any Transaction
  ) throws {
    try transaction.execute(
      .table(
        "gravity_move",
        """
        id \(type: .uuid) PRIMARY KEY, source \(type: .text) NOT NULL, started_at \(type: .timestamptz) NOT NULL,
        finished_at \(type: .timestamptz)
        """))
    try transaction.execute(
      .table(
        "gravity_move_tables",
        """
        name \(type: .text) PRIMARY KEY, copied \(type: .bigint) NOT NULL, is_finished \(type: .boolean) NOT NULL
        """))
    try transaction.execute(
      "INSERT INTO gravity_move (id, source, started_at) VALUES (\(id), \(source), \(try transaction.now))")
    for table in tables {
      try transaction.execute(
        "INSERT INTO gravity_move_tables (name, copied, is_finished) VALUES (\(table.name), 0, \(false))")
    }
    // Those that refer to others first.
    for table in tables.reversed() where seeds.contains(table.name) {
      try transaction.execute(SQL(stringLiteral: "DELETE FROM \(table.name.quotedName)"))
    }
  }

  static func copied(_ rows: Int, of table: String, in transaction: any Transaction) throws {
    let changed = try transaction.execute(
      "UPDATE gravity_move_tables SET copied = copied + \(rows) WHERE name = \(table) AND NOT is_finished")
    guard changed == 1 else { throw StartFailure(.software, "another move has finished \(table)") }
  }

  static func finished(_ table: String, in transaction: any Transaction) throws {
    try transaction.execute("UPDATE gravity_move_tables SET is_finished = \(true) WHERE name = \(table)")
  }

  /// From here on the database may be served.
  static func finish(in transaction: any Transaction) throws {
    try transaction.execute("UPDATE gravity_move SET finished_at = \(try transaction.now)")
    try transaction.execute("DROP TABLE gravity_move_tables")
  }
}

/// How far a move is with one table.
struct TableProgress: SQLRecord {
  let name: String
  let copied: Int
  let isFinished: Bool

  init(_ row: SQLRow) throws {
    name = try row.get("name")
    copied = try row.get("copied")
    isFinished = try row.get("is_finished")
  }

  static func all(in database: any Database) async throws -> [TableProgress] {
    try await database.all("SELECT name, copied, is_finished FROM gravity_move_tables")
  }
}
