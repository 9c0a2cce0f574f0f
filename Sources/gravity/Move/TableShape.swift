import GravityData
import GravityService

/// A table as a move has to know it. PostgreSQL tells: SQLite's declared types have lost which text is a UUID.
struct TableShape: Sendable, Hashable {
  struct Column: Sendable, Hashable {
    var name: String
    var type: SQLType
    /// Whether the database itself makes its values.
    var isGenerated: Bool
    /// What gives PostgreSQL the next number of an identity or serial column.
    var sequence: String?
  }
  var name: String
  var columns: [Column]
  /// The primary key, as indices of `columns`.
  var key: [Int]
  /// The tables that its foreign keys name.
  var references: Set<String>
  /// Whether PostgreSQL has to be told that numbers are given for a column that is `GENERATED ALWAYS AS IDENTITY`.
  var overridesIdentity: Bool

  /// Those that are written; the others follow from them.
  var stored: [Int] { columns.indices.filter { !columns[$0].isGenerated } }
  var keyColumns: [Column] { key.map { columns[$0] } }

  func key(of row: [MovedValue]) -> [MovedValue] { key.map { row[$0] } }

  /// `id=… number=…`, for a message.
  func shownKey(of row: [MovedValue]) -> String {
    key.map { "\(columns[$0].name)=\(row[$0].shown)" }.joined(separator: " ").printable
  }
}

/// The tables that are no service's content.
enum ReservedTables {
  static func contains(_ name: String) -> Bool { name == "gravity_migrations" || MoveRecord.tables.contains(name) }
}

extension String {
  /// As a name in SQL.
  var quotedName: String { "\"" + replacing("\"", with: "\"\"") + "\"" }
}

// MARK: - What PostgreSQL knows

extension TableShape {
  /// The tables of the schema, each after those that it refers to.
  ///
  /// - Throws: ``StartFailure`` for a table that cannot be moved: no primary key, a type that the kit does not have.
  static func all(of database: any Database) async throws -> [TableShape] {
    var shapes: [TableShape] = []
    for row in try await database.rows(columnQuery) {
      let name: String = try row.get("table_name")
      if ReservedTables.contains(name) { continue }
      if shapes.last?.name != name {
        shapes.append(TableShape(name: name, columns: [], key: [], references: [], overridesIdentity: false))
      }
      let column: String = try row.get("column_name")
      let typeName: String = try row.get("type_name")
      guard let type = SQLType.allCases.first(where: { $0.postgresName == typeName }) else {
        throw StartFailure(.software, "\(name).\(column) is of type \(typeName), which a move does not know")
      }
      let last = shapes.count - 1
      shapes[last].columns.append(
        Column(
          name: column, type: type, isGenerated: try row.get("is_generated"), sequence: try row.get("sequence_name")))
      if try row.get("is_identity_always", as: Bool.self) { shapes[last].overridesIdentity = true }
    }
    for row in try await database.rows(keyQuery) {
      let (table, column): (String, String) = (try row.get("table_name"), try row.get("column_name"))
      guard let shape = shapes.firstIndex(where: { $0.name == table }),
        let index = shapes[shape].columns.firstIndex(where: { $0.name == column })
      else { continue }
      shapes[shape].key.append(index)
    }
    for row in try await database.rows(referenceQuery) {
      let (table, other): (String, String) = (try row.get("table_name"), try row.get("other_name"))
      guard table != other, let shape = shapes.firstIndex(where: { $0.name == table }) else { continue }
      shapes[shape].references.insert(other)
    }
    if let keyless = shapes.first(where: \.key.isEmpty) {
      throw StartFailure(.software, "\(keyless.name) has no primary key, so a move could not go on where it was")
    }
    return try ordered(shapes)
  }

  private static func ordered(_ shapes: [TableShape]) throws -> [TableShape] {
    var (ordered, rest): ([TableShape], [TableShape]) = ([], shapes)
    var done: Set<String> = []
    while !rest.isEmpty {
      guard let next = rest.firstIndex(where: { $0.references.isSubset(of: done) }) else {
        let names = rest.map(\.name).joined(separator: ", ")
        throw StartFailure(.software, "foreign keys go in a circle: \(names)")
      }
      done.insert(rest[next].name)
      ordered.append(rest.remove(at: next))
    }
    return ordered
  }

  private static let columnQuery: SQL = """
    SELECT CAST(c.relname AS text) AS table_name, CAST(a.attname AS text) AS column_name,
      format_type(a.atttypid, a.atttypmod) AS type_name, a.attgenerated <> '' AS is_generated,
      a.attidentity = 'a' AS is_identity_always,
      pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.attname) AS sequence_name
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
    ORDER BY c.relname, a.attnum
    """

  private static let keyQuery: SQL = """
    SELECT CAST(c.relname AS text) AS table_name, CAST(a.attname AS text) AS column_name
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
      CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE i.indisprimary AND n.nspname = current_schema() ORDER BY c.relname, k.place
    """

  private static let referenceQuery: SQL = """
    SELECT CAST(c.relname AS text) AS table_name, CAST(o.relname AS text) AS other_name
    FROM pg_constraint AS f JOIN pg_class AS c ON c.oid = f.conrelid JOIN pg_class AS o ON o.oid = f.confrelid
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE f.contype = 'f' AND n.nspname = current_schema()
    """
}

extension SQLType {
  /// As PostgreSQL's `format_type` words it.
  fileprivate var postgresName: String {
    switch self {
    case .text: "text"
    case .bigint: "bigint"
    case .double: "double precision"
    case .boolean: "boolean"
    case .uuid: "uuid"
    case .timestamptz: "timestamp with time zone"
    case .jsonb: "jsonb"
    case .bytea: "bytea"
    }
  }
}

// MARK: - What SQLite knows

extension TableShape {
  /// Makes sure that the file has these tables and columns and no others: nothing is left behind unseen.
  /// - Throws: ``StartFailure`` that names the first that is missing or too many.
  static func check(_ shapes: [TableShape], against file: any Database, called place: String) async throws {
    var columns: [String: Set<String>] = [:]
    for row in try await file.rows(
      """
      SELECT m.name AS table_name, c.name AS column_name FROM sqlite_master AS m, pragma_table_xinfo(m.name) AS c
      WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
      """)
    {
      let name: String = try row.get("table_name")
      if !ReservedTables.contains(name) { columns[name, default: []].insert(try row.get("column_name")) }
    }
    let expected = Dictionary(uniqueKeysWithValues: shapes.map { ($0.name, Set($0.columns.map(\.name))) })
    for name in Set(columns.keys).union(expected.keys).sorted() where columns[name] != expected[name] {
      let difference = (columns[name] ?? []).symmetricDifference(expected[name] ?? []).sorted()
      throw StartFailure(
        .software,
        "the two sides differ in the table \(name) (\(difference.joined(separator: ", "))), which no migration of this "
          + "version explains; look at it in \(place), and move or drop what was made by hand")
    }
  }
}
