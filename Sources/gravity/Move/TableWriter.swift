import GravityData
import GravityService

/// Puts rows into a table of the target, each page in a transaction of its own together with the progress.
struct TableWriter: Sendable {
  let database: any Database
  let table: TableShape
  /// For messages: `order_db.orders`.
  let name: String
  private let triggers: TableTriggers

  init(_ database: any Database, _ table: TableShape, in databaseName: String) async throws {
    self.database = database
    self.table = table
    name = "\(databaseName).\(table.name)"
    triggers = try await TableTriggers(of: table.name, in: database)
  }

  /// - Throws: ``StartFailure`` for rows that the target does not take; ``DatabaseError`` when it cannot be reached.
  func write(_ rows: [[MovedValue]]) async throws {
    let statements = insertions(of: rows)
    do {
      try await database.write { [table, triggers] transaction in
        try triggers.putAside(in: transaction)
        for statement in statements { try transaction.execute(statement) }
        try triggers.putBack(in: transaction)
        try MoveRecord.copied(rows.count, of: table.name, in: transaction)
      }
    } catch let error as DatabaseError where !error.isTransient && error.code != .commitUnknown {
      let range = [rows.first, rows.last].compactMap { $0.map(table.shownKey) }.joined(separator: " to ")
      throw StartFailure(.software, "\(name): the target does not take the rows \(range): \(error)")
    }
  }

  /// What has to be right once all rows are there: the next number of each sequence, and what the planner knows.
  func finish() async throws {
    try await database.write { [table] transaction in
      if transaction.dialect == .postgresql {
        for column in table.columns {
          guard let sequence = column.sequence else { continue }
          let greatest = "(SELECT max(\(column.name.quotedName)) FROM \(table.name.quotedName))"
          // An empty table leaves its sequence as it is; false is `is_called` for a sequence that nobody used.
          _ = try transaction.rows(
            "SELECT setval(CAST(\(sequence) AS regclass), greatest.value) FROM "
              + SQL(stringLiteral: "(SELECT \(greatest) AS value) AS greatest WHERE greatest.value IS NOT NULL"))
        }
        try transaction.execute(SQL(stringLiteral: "ANALYZE \(table.name.quotedName)"))
      }
      try MoveRecord.finished(table.name, in: transaction)
    }
  }

  private func insertions(of rows: [[MovedValue]]) -> [SQL] {
    let stored = table.stored
    let names = stored.map { table.columns[$0].name.quotedName }.joined(separator: ", ")
    let overriding =
      table.overridesIdentity && database.dialect == .postgresql ? " OVERRIDING SYSTEM VALUE" : ""
    let head = "INSERT INTO \(table.name.quotedName) (\(names))\(overriding) VALUES "
    let size = Self.rowsPerStatement(columns: stored.count)
    return stride(from: 0, to: rows.count, by: size).map { start in
      let part = rows[start..<min(start + size, rows.count)]
      var text = SQL.StringInterpolation(
        literalCapacity: head.utf8.count, interpolationCount: part.count * (stored.count + 1))
      text.appendLiteral(head)
      for (index, row) in part.enumerated() {
        text.appendLiteral(index == 0 ? "(" : ", (")
        for (place, column) in stored.enumerated() {
          if place > 0 { text.appendLiteral(", ") }
          text.appendInterpolation(BoundValue(row[column].bound(table.columns[column].type, for: database.dialect)))
        }
        text.appendLiteral(")")
      }
      return SQL(stringInterpolation: text)
    }
  }

  /// SQLite takes 32 766 values in a statement. Longer statements gain nothing.
  private static func rowsPerStatement(columns: Int) -> Int { max(1, min(250, 32_000 / max(1, columns))) }
}

/// The triggers of a table of the target, which are for new rows: what they check was checked when the rows were made,
/// and in another order.
///
/// They are put aside and back in one transaction, so nobody ever finds the table without them. Foreign keys and checks
/// stay in force.
struct TableTriggers: Sendable {
  private let table: String
  /// SQLite's, to be made again.
  private let definitions: [(name: String, text: String)]
  private let hasServerTriggers: Bool

  init(of table: String, in database: any Database) async throws {
    self.table = table
    switch database.dialect {
    case .sqlite:
      hasServerTriggers = false
      definitions = try await database.rows(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = \(table) ORDER BY name"
      ).map { (try $0.get("name"), try $0.get("sql")) }
    case .postgresql:
      definitions = []
      hasServerTriggers = try await !database.rows(
        """
        SELECT 1 AS found FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
          JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE NOT t.tgisinternal AND n.nspname = current_schema() AND c.relname = CAST(CAST(\(table) AS text) AS name)
        LIMIT 1
        """
      ).isEmpty
    }
  }

  func putAside(in transaction: any Transaction) throws {
    if hasServerTriggers {
      try transaction.execute(SQL(stringLiteral: "ALTER TABLE \(table.quotedName) DISABLE TRIGGER USER"))
    }
    for trigger in definitions {
      try transaction.execute(SQL(stringLiteral: "DROP TRIGGER \(trigger.name.quotedName)"))
    }
  }

  func putBack(in transaction: any Transaction) throws {
    if hasServerTriggers {
      try transaction.execute(SQL(stringLiteral: "ALTER TABLE \(table.quotedName) ENABLE TRIGGER USER"))
    }
    for trigger in definitions { try transaction.execute(SQL(stringLiteral: trigger.text)) }
  }
}
