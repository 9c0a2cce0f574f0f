import Foundation
import GravityData
import GravityService

/// How much of a table is in memory at once.
struct PageBounds: Sendable, Hashable {
  /// Rows of a page, which are one transaction of the target.
  var rows = 1_000
  /// Of their values, in bytes; a row that is larger by itself comes alone.
  var bytes = 8 << 20
}

/// Reads a table in the order of its primary key, a page at a time.
struct TableReader: Sendable {
  let database: any Database
  let table: TableShape
  /// For messages: `order_db.orders`.
  let name: String
  let bounds: PageBounds
  /// Whether a page of as many rows as are allowed could be larger than allowed.
  let isWide: Bool
  let rows: Int

  /// Counts the rows and looks for the largest.
  init(_ database: any Database, _ table: TableShape, in databaseName: String, _ bounds: PageBounds) async throws {
    self.database = database
    self.table = table
    self.bounds = bounds
    name = "\(databaseName).\(table.name)"
    let query = "SELECT count(*) AS n, coalesce(max(\(Self.size(of: table, database.dialect))), 0) AS widest FROM "
    guard let row = try await database.rows(SQL(stringLiteral: query + table.name.quotedName)).first else {
      throw DatabaseError(.other, "no count was returned")
    }
    rows = try row.get("n")
    isWide = try row.get("widest", as: Int.self) > bounds.bytes / bounds.rows
  }

  /// The rows after that key, or the first; empty at the end.
  /// - Throws: ``StartFailure`` for a value that its column's type does not allow; ``DatabaseError``.
  func page(after key: [MovedValue]?) async throws -> [[MovedValue]] {
    let limit = isWide ? try await rowsThatFit(after: key) : bounds.rows
    if limit == 0 { return [] }
    let columns = table.columns.map { Self.read($0, database.dialect) }.joined(separator: ", ")
    let rows = try await database.rows(select(columns, after: key) + "\(order(descending: false)) LIMIT \(limit)")
    return try rows.map(values)
  }

  /// The key of the last row; nil when there is none.
  func lastKey() async throws -> [MovedValue]? {
    let columns = table.keyColumns.map { Self.read($0, database.dialect) }.joined(separator: ", ")
    let row = try await database.rows(select(columns, after: nil) + "\(order(descending: true)) LIMIT 1").first
    guard let row else { return nil }
    return try zip(row.cells, table.keyColumns).map { cell, column in try MovedValue(cell, column.type) }
  }

  /// How many rows come before the page is too large: at least one, if there is one.
  private func rowsThatFit(after key: [MovedValue]?) async throws -> Int {
    let size = "\(Self.size(of: table, database.dialect)) AS size"
    let rows = try await database.rows(select(size, after: key) + "\(order(descending: false)) LIMIT \(bounds.rows)")
    var (count, bytes) = (0, 0)
    for row in rows {
      bytes += try row.get("size", as: Int.self)
      if count > 0, bytes > bounds.bytes { break }
      count += 1
    }
    return count
  }

  private func values(_ row: SQLRow) throws -> [MovedValue] {
    var values: [MovedValue] = []
    values.reserveCapacity(row.cells.count)
    for (cell, column) in zip(row.cells, table.columns) {
      do { values.append(try MovedValue(cell, column.type)) } catch {
        let key = (try? table.keyColumns.map { "\($0.name)=\(try row.get($0.name, as: AnyCell.self).text)" }) ?? []
        throw StartFailure(
          .software, "\(name), the row \(key.joined(separator: " ").printable): \(column.name) holds \(error)")
      }
    }
    return values
  }

  private func select(_ columns: String, after key: [MovedValue]?) -> SQL {
    let from = SQL(stringLiteral: "SELECT \(columns) FROM \(table.name.quotedName) AS moved")
    guard let key else { return from + " " }
    let names = table.keyColumns.map { "moved.\($0.name.quotedName)" }.joined(separator: ", ")
    var condition = SQL(stringLiteral: " WHERE (\(names)) > (")
    for (index, value) in zip(key, table.keyColumns).enumerated() {
      condition =
        condition + (index == 0 ? "" : ", ") + "\(BoundValue(value.0.bound(value.1.type, for: database.dialect)))"
    }
    return from + condition + ") "
  }

  private func order(descending: Bool) -> SQL {
    let names = table.keyColumns.map { "moved.\($0.name.quotedName)\(descending ? " DESC" : "")" }
    return SQL(stringLiteral: "ORDER BY \(names.joined(separator: ", "))")
  }

  /// A column as it is read. A time as its microseconds, to the last of them.
  private static func read(_ column: TableShape.Column, _ dialect: SQLDialect) -> String {
    let name = column.name.quotedName
    guard dialect == .postgresql, column.type == .timestamptz else { return "moved.\(name)" }
    return "CAST(EXTRACT(EPOCH FROM moved.\(name)) * 1000000 AS bigint) AS \(name)"
  }

  /// The bytes of a row's values of any length, near enough.
  private static func size(of table: TableShape, _ dialect: SQLDialect) -> String {
    let terms = table.columns.compactMap { column -> String? in
      let name = column.name.quotedName
      return switch (column.type, dialect) {
      case (.text, .sqlite), (.jsonb, .sqlite), (.bytea, .sqlite): "coalesce(length(CAST(\(name) AS BLOB)), 0)"
      case (.text, .postgresql), (.bytea, .postgresql): "coalesce(octet_length(\(name)), 0)"
      case (.jsonb, .postgresql): "coalesce(octet_length(CAST(\(name) AS text)), 0)"
      default: nil
      }
    }
    return "(" + (["\(table.columns.count * 16)"] + terms).joined(separator: " + ") + ")"
  }
}

/// A value whose type is known only when the program runs.
struct BoundValue: SQLBindable {
  static let sqlType = SQLType.text
  let sqlValue: SQLValue
  init(_ value: SQLValue) { sqlValue = value }
}

/// Any cell, for a message.
private struct AnyCell: SQLDecodable {
  let text: String
  init(sqlCell: SQLCell) {
    text =
      switch sqlCell {
      case .null: "NULL"
      case .integer(let integer): "\(integer)"
      case .double(let double): "\(double)"
      case .text(let text): String(text.prefix(64))
      case .bytes(let bytes): "\(bytes.count) bytes"
      case .boolean(let boolean): "\(boolean)"
      case .uuid(let uuid): uuid.uuidString.lowercased()
      case .timestamp(let time): "\(time.timeIntervalSince1970)"
      }
  }
}
