public import Foundation

/// The column types that every engine shares. How each is stored is in ``SQLType/rendered(in:)``.
public enum SQLType: Sendable, Hashable, CaseIterable {
  case text, bigint, double, boolean, uuid, timestamptz, jsonb, bytea

  /// SQLite gives `uuid`, `timestamptz`, `jsonb` and `bytea` NUMERIC affinity, which would turn text of digits into a
  /// float; so there it is TEXT, INTEGER (microseconds) and BLOB. PostgreSQL's text is `COLLATE "C"`, so that cursors
  /// order alike on both.
  public func rendered(in dialect: SQLDialect) -> String {
    switch (dialect, self) {
    case (.sqlite, .text), (.sqlite, .uuid), (.sqlite, .jsonb): "TEXT"
    case (.sqlite, .bigint), (.sqlite, .boolean), (.sqlite, .timestamptz): "INTEGER"
    case (.sqlite, .double): "REAL"
    case (.sqlite, .bytea): "BLOB"
    case (.postgresql, .text): "text COLLATE \"C\""
    case (.postgresql, .bigint): "bigint"
    case (.postgresql, .double): "double precision"
    case (.postgresql, .boolean): "boolean"
    case (.postgresql, .uuid): "uuid"
    case (.postgresql, .timestamptz): "timestamptz"
    case (.postgresql, .jsonb): "jsonb"
    case (.postgresql, .bytea): "bytea"
    }
  }
}

/// A value bound to a statement.
public enum SQLValue: Sendable, Hashable {
  /// A missing value keeps its type: PostgreSQL wants to know what is missing.
  case null(SQLType)
  case text(String)
  case bigint(Int64)
  case double(Double)
  case boolean(Bool)
  case uuid(UUID)
  /// Microseconds since 1970.
  case timestamptz(Date)
  /// JSON text.
  case jsonb(String)
  case bytea([UInt8])
}

/// A Swift type that can be bound to a statement.
public protocol SQLBindable: Sendable {
  static var sqlType: SQLType { get }
  var sqlValue: SQLValue { get }
}

extension String: SQLBindable {
  public static var sqlType: SQLType { .text }
  public var sqlValue: SQLValue { .text(self) }
}
extension Int64: SQLBindable {
  public static var sqlType: SQLType { .bigint }
  public var sqlValue: SQLValue { .bigint(self) }
}
extension Int: SQLBindable {
  public static var sqlType: SQLType { .bigint }
  public var sqlValue: SQLValue { .bigint(Int64(self)) }
}
extension Double: SQLBindable {
  public static var sqlType: SQLType { .double }
  public var sqlValue: SQLValue { .double(self) }
}
extension Bool: SQLBindable {
  public static var sqlType: SQLType { .boolean }
  public var sqlValue: SQLValue { .boolean(self) }
}
extension UUID: SQLBindable {
  public static var sqlType: SQLType { .uuid }
  public var sqlValue: SQLValue { .uuid(self) }
}
extension Date: SQLBindable {
  public static var sqlType: SQLType { .timestamptz }
  public var sqlValue: SQLValue { .timestamptz(self) }
}
extension [UInt8]: SQLBindable {
  public static var sqlType: SQLType { .bytea }
  public var sqlValue: SQLValue { .bytea(self) }
}
extension SQLBindable where Self: RawRepresentable, RawValue: SQLBindable {
  public static var sqlType: SQLType { RawValue.sqlType }
  public var sqlValue: SQLValue { rawValue.sqlValue }
}

/// A Codable value kept as JSON in a `jsonb` column.
public struct SQLJSON<Value: Codable & Sendable>: SQLBindable, SQLDecodable {
  public var value: Value
  /// The JSON text, made when the value was given, so that binding cannot fail.
  private let text: String

  /// - Throws: `EncodingError` when the value cannot be written as JSON.
  public init(_ value: Value) throws {
    self.value = value
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .secondsSince1970
    text = String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  public static var sqlType: SQLType { .jsonb }
  public var sqlValue: SQLValue { .jsonb(text) }

  public init(sqlCell cell: SQLCell) throws(SQLMismatch) {
    guard case .text(let text) = cell else { throw SQLMismatch(cell, wanted: "JSON") }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .secondsSince1970
    do {
      value = try decoder.decode(Value.self, from: Data(text.utf8))
    } catch {
      throw SQLMismatch(cell, wanted: "JSON of \(Value.self): \(error)")
    }
    self.text = text
  }
}
