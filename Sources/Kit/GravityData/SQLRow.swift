public import Foundation

/// What an engine hands over for a column; the reader decides the type, since SQLite does not know it.
public enum SQLCell: Sendable, Hashable {
  case null
  case integer(Int64)
  case double(Double)
  case text(String)
  case bytes([UInt8])
  /// From an engine that has the types; SQLite hands over `integer` and `text` instead.
  case boolean(Bool)
  case uuid(UUID)
  case timestamp(Date)
}

/// A row of a result.
public struct SQLRow: Sendable {
  /// The names, shared by the rows of one result.
  public final class Columns: Sendable {
    public let names: [String]
    let index: [String: Int]
    public init(_ names: [String]) {
      self.names = names
      index = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }
  }
  public let columns: Columns
  public let cells: [SQLCell]

  public init(columns: Columns, cells: [SQLCell]) {
    self.columns = columns
    self.cells = cells
  }

  /// - Throws: ``SQLMismatch`` when there is no such column or it holds something else.
  public func get<Value: SQLDecodable>(_ column: String, as type: Value.Type = Value.self) throws(SQLMismatch) -> Value
  {
    guard let index = columns.index[column] else { throw SQLMismatch(noColumn: column) }
    do { return try Value(sqlCell: cells[index]) } catch { throw error.named(column) }
  }
  public func get<Value: SQLDecodable>(_ index: Int, as type: Value.Type = Value.self) throws(SQLMismatch) -> Value {
    guard cells.indices.contains(index) else { throw SQLMismatch(noColumn: "#\(index)") }
    return try Value(sqlCell: cells[index])
  }
}

/// A struct that reads itself from a row.
public protocol SQLRecord: Sendable {
  init(_ row: SQLRow) throws
}

/// A type that can be read from a cell.
public protocol SQLDecodable {
  init(sqlCell: SQLCell) throws(SQLMismatch)
}

/// A cell that does not hold what the reader wanted: a mistake in the program, never in a request.
public struct SQLMismatch: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ cell: SQLCell, wanted: String) { description = "\(cell) is no \(wanted)" }
  init(noColumn name: String) { description = "the result has no column \(name)" }
  func named(_ column: String) -> SQLMismatch {
    var named = self
    named.description = "\(column): \(description)"
    return named
  }
}

extension Optional: SQLDecodable where Wrapped: SQLDecodable {
  public init(sqlCell cell: SQLCell) throws(SQLMismatch) {
    self = cell == .null ? nil : try Wrapped(sqlCell: cell)
  }
}
extension String: SQLDecodable {
  public init(sqlCell cell: SQLCell) throws(SQLMismatch) {
    guard case .text(let text) = cell else { throw SQLMismatch(cell, wanted: "text") }
    self = text
  }
}
extension Int64: SQLDecodable {
  public init(sqlCell cell: SQLCell) throws(SQLMismatch) {
    guard case .integer(let integer) = cell else { throw SQLMismatch(cell, wanted: "integer") }
    self = integer
  }
}
extension Int: SQLDecodable {
  public init(sqlCell cell: SQLCell) throws(SQLMismatch) { self = Int(try Int64(sqlCell: cell)) }
}
extension Double: SQLDecodable {
  public init(sqlCell cell: SQLCell) throws(SQLMismatch) {
    switch cell {
    case .double(let double): self = double
    case .integer(let integer): self = Double(integer)
    default: throw SQLMismatch(cell, wanted: "number")
    }
  }
}
extension Bool: SQLDecodable {
  public init(sqlCell cell: SQLCell) throws(SQLMismatch) {
    switch cell {
    case .boolean(let value): self = value
    case .integer(0): self = false
    case .integer(1): self = true
    default: throw SQLMismatch(cell, wanted: "boolean")
    }
  }
}
extension UUID: SQLDecodable {
  public init(sqlCell cell: SQLCell) throws(SQLMismatch) {
    switch cell {
    case .uuid(let value): self = value
    case .text(let text):
      guard let value = UUID(uuidString: text) else { throw SQLMismatch(cell, wanted: "UUID") }
      self = value
    default: throw SQLMismatch(cell, wanted: "UUID")
    }
  }
}
extension Date: SQLDecodable {
  public init(sqlCell cell: SQLCell) throws(SQLMismatch) {
    switch cell {
    case .timestamp(let value): self = value
    case .integer(let microseconds): self = Date(timeIntervalSince1970: Double(microseconds) / 1_000_000)
    default: throw SQLMismatch(cell, wanted: "time")
    }
  }
}
extension [UInt8]: SQLDecodable {
  public init(sqlCell cell: SQLCell) throws(SQLMismatch) {
    guard case .bytes(let bytes) = cell else { throw SQLMismatch(cell, wanted: "bytes") }
    self = bytes
  }
}
extension SQLDecodable where Self: RawRepresentable, RawValue: SQLDecodable {
  public init(sqlCell cell: SQLCell) throws(SQLMismatch) {
    guard let value = Self(rawValue: try RawValue(sqlCell: cell)) else {
      throw SQLMismatch(cell, wanted: "\(Self.self)")
    }
    self = value
  }
}
