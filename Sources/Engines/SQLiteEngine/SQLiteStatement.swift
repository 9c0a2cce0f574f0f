import GRDBSQLite
import GravityData
import struct Foundation.UUID

/// A prepared statement of one connection.
final class SQLiteStatement {
  private let handle: OpaquePointer
  /// Its connection keeps it, and is kept itself by the database.
  private unowned let connection: SQLiteConnection
  private var columns: SQLRow.Columns?

  /// - Throws: `statement` for what SQLite cannot parse, and for more than one statement.
  init(_ text: String, on connection: SQLiteConnection) throws(DatabaseError) {
    var handle: OpaquePointer?
    var text = text
    let (code, rest): (Int32, Bool) = text.withUTF8 { utf8 in
      utf8.withMemoryRebound(to: CChar.self) { characters in
        var tail: UnsafePointer<CChar>?
        let code = sqlite3_prepare_v3(
          connection.handle, characters.baseAddress, Int32(characters.count), UInt32(SQLITE_PREPARE_PERSISTENT),
          &handle, &tail)
        let parsed = characters.baseAddress.flatMap { base in tail.map { $0 - base } } ?? characters.count
        return (code, utf8[parsed...].contains { $0 > 0x20 && $0 != UInt8(ascii: ";") })
      }
    }
    guard code == SQLITE_OK else { throw DatabaseError(on: connection) }
    guard let handle else { throw DatabaseError(.statement, "no statement") }
    guard !rest else {
      sqlite3_finalize(handle)
      throw DatabaseError(.statement, "more than one statement")
    }
    self.handle = handle
    self.connection = connection
  }

  deinit { sqlite3_finalize(handle) }

  func rows(_ values: [SQLValue]) throws(DatabaseError) -> [SQLRow] {
    try bind(values)
    defer { reset() }
    var rows: [SQLRow] = []
    while try step() {
      let columns = columns ?? readColumns()
      rows.append(SQLRow(columns: columns, cells: (0..<Int32(columns.names.count)).map(cell)))
    }
    return rows
  }

  func run(_ values: [SQLValue]) throws(DatabaseError) {
    try bind(values)
    defer { reset() }
    while try step() {}
  }

  private func step() throws(DatabaseError) -> Bool {
    let code = sqlite3_step(handle)
    // SQLite prepares again by itself when the schema has changed.
    if sqlite3_stmt_status(handle, SQLITE_STMTSTATUS_REPREPARE, 1) != 0 { columns = nil }
    switch code {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default: throw DatabaseError(on: connection)
    }
  }

  private func reset() {
    sqlite3_reset(handle)
    // Else a large value would be kept until the next use.
    sqlite3_clear_bindings(handle)
  }

  private func readColumns() -> SQLRow.Columns {
    let columns = SQLRow.Columns(
      (0..<sqlite3_column_count(handle)).map { String(cString: sqlite3_column_name(handle, $0)) })
    self.columns = columns
    return columns
  }

  private func bind(_ values: [SQLValue]) throws(DatabaseError) {
    guard values.count == Int(sqlite3_bind_parameter_count(handle)) else {
      throw DatabaseError(.statement, "a value was pasted into quotes or a comment")
    }
    for (index, value) in values.enumerated() {
      try value.checked()
      // `$1` is a name to SQLite, numbered by its first appearance: the same order that they are rendered in.
      let code = bind(value, Int32(index + 1))
      guard code == SQLITE_OK else { throw DatabaseError(on: connection) }
    }
  }

  /// One encoding for each type. Times are integers of microseconds, UUIDs lower-case text.
  private func bind(_ value: SQLValue, _ index: Int32) -> Int32 {
    switch value {
    case .null: sqlite3_bind_null(handle, index)
    case .text(let text), .jsonb(let text): bind(text, index)
    case .bigint(let integer): sqlite3_bind_int64(handle, index, integer)
    case .double(let double): sqlite3_bind_double(handle, index, double)
    case .boolean(let boolean): sqlite3_bind_int64(handle, index, boolean ? 1 : 0)
    case .uuid(let uuid): bind(uuid.uuidString.lowercased(), index)
    case .timestamptz(let time): sqlite3_bind_int64(handle, index, time.sqlMicroseconds)
    case .bytea(let bytes):
      bytes.isEmpty
        ? sqlite3_bind_zeroblob(handle, index, 0)
        : bytes.withUnsafeBytes {
          sqlite3_bind_blob64(handle, index, $0.baseAddress, UInt64($0.count), transientMemory)
        }
    }
  }

  private func bind(_ text: String, _ index: Int32) -> Int32 {
    var text = text
    return text.withUTF8 { utf8 in
      utf8.withMemoryRebound(to: CChar.self) {
        // A nil pointer would bind NULL.
        sqlite3_bind_text64(
          handle, index, $0.baseAddress ?? emptyText, UInt64($0.count), transientMemory, UInt8(SQLITE_UTF8))
      }
    }
  }

  private func cell(_ index: Int32) -> SQLCell {
    switch sqlite3_column_type(handle, index) {
    case SQLITE_INTEGER: return .integer(sqlite3_column_int64(handle, index))
    case SQLITE_FLOAT: return .double(sqlite3_column_double(handle, index))
    case SQLITE_TEXT:
      let start = sqlite3_column_text(handle, index)
      let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, index)))
      return .text(String(decoding: bytes, as: UTF8.self))
    case SQLITE_BLOB:
      let start = sqlite3_column_blob(handle, index)
      return .bytes(Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, index)))))
    default: return .null
    }
  }
}

/// SQLITE_TRANSIENT, a cast in C that Swift does not import: SQLite copies the value at once.
private let transientMemory = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
/// Where an empty text begins; never written to and never freed.
private nonisolated(unsafe) let emptyText: UnsafePointer<CChar> = {
  let memory = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
  memory.initialize(to: 0)
  return UnsafePointer(memory)
}()
