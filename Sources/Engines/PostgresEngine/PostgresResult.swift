import CPQ
import GravityData
import Foundation

/// What the server answered to one request, in binary form.
final class PostgresResult {
  private let raw: OpaquePointer

  init(_ raw: OpaquePointer) { self.raw = raw }
  deinit { PQclear(raw) }

  /// `COMMIT`, `ROLLBACK`, `INSERT 0 1`, …
  var commandTag: String { String(cString: PQcmdStatus(raw)) }

  /// How many rows were inserted, updated or deleted; 0 for anything else, also for SELECT.
  var changedRows: Int {
    let tag = commandTag
    guard !tag.hasPrefix("SELECT"), !tag.hasPrefix("FETCH") else { return 0 }
    return Int(String(cString: PQcmdTuples(raw))) ?? 0
  }

  /// - Throws: `statement` for a column of a type that the port does not know.
  func rows() throws(DatabaseError) -> [SQLRow] {
    let width = PQnfields(raw)
    let count = PQntuples(raw)
    guard width > 0, count > 0 else { return [] }
    let columns = SQLRow.Columns((0..<width).map { String(cString: PQfname(raw, $0)) })
    let types = (0..<width).map { PQftype(raw, $0) }
    var rows: [SQLRow] = []
    rows.reserveCapacity(Int(count))
    for row in 0..<count {
      var cells: [SQLCell] = []
      cells.reserveCapacity(Int(width))
      for column in 0..<width { cells.append(try cell(row, column, types[Int(column)])) }
      rows.append(SQLRow(columns: columns, cells: cells))
    }
    return rows
  }

  private func cell(_ row: Int32, _ column: Int32, _ type: UInt32) throws(DatabaseError) -> SQLCell {
    if PQgetisnull(raw, row, column) == 1 { return .null }
    let bytes = UnsafeRawBufferPointer(
      start: PQgetvalue(raw, row, column), count: Int(PQgetlength(raw, row, column)))
    switch type {
    case PostgresType.int8: return .integer(bytes.integer())
    case PostgresType.bool: return .boolean(bytes[0] != 0)
    case PostgresType.float8: return .double(Double(bitPattern: bytes.integer()))
    case PostgresType.uuid: return .uuid(UUID(uuid: bytes.loadUnaligned(as: uuid_t.self)))
    case PostgresType.timestamptz, 1114: return .timestamp(Self.time(bytes.integer()))
    case PostgresType.bytea: return .bytes(Array(bytes))
    case PostgresType.jsonb: return .text(String(decoding: bytes.dropFirst(), as: UTF8.self))
    // text, varchar, char(n), name, "char", json, and a literal that nothing gave a type
    case 25, 1043, 1042, 19, 18, 114, 705: return .text(String(decoding: bytes, as: UTF8.self))
    case 23: return .integer(Int64(bytes.integer(as: Int32.self)))
    case 21: return .integer(Int64(bytes.integer(as: Int16.self)))
    case 26: return .integer(Int64(bytes.integer(as: UInt32.self)))
    case 700: return .double(Double(Float(bitPattern: bytes.integer())))
    case 1082: return .timestamp(Self.time(Int64(bytes.integer(as: Int32.self)) * 86_400_000_000))
    case 1700: return try PostgresNumeric(bytes).cell()
    case 2278: return .null
    default:
      let name = String(cString: PQfname(raw, column))
      throw DatabaseError(.statement, "column \(name) has a type that the port does not know (\(type)): CAST it")
    }
  }

  private static func time(_ microseconds: Int64) -> Date {
    let (since1970, overflow) = microseconds.addingReportingOverflow(PostgresType.epoch)
    // What the server calls infinity.
    return overflow ? .distantFuture : Date(sqlMicroseconds: since1970)
  }
}

/// The binary form of `numeric`: digits to the base of 10 000. `sum(bigint)` and `avg` give it.
struct PostgresNumeric {
  private let digits: [Int]
  private let weight: Int
  private let sign: UInt16

  init(_ bytes: UnsafeRawBufferPointer) {
    let count = Int(bytes.integer(as: Int16.self))
    weight = Int(UnsafeRawBufferPointer(rebasing: bytes[2...]).integer(as: Int16.self))
    sign = UnsafeRawBufferPointer(rebasing: bytes[4...]).integer(as: UInt16.self)
    digits = (0..<count).map { Int(UnsafeRawBufferPointer(rebasing: bytes[(8 + 2 * $0)...]).integer(as: Int16.self)) }
  }

  /// An integer when it is one and fits, else a double.
  /// - Throws: `value` for what is no finite number.
  func cell() throws(DatabaseError) -> SQLCell {
    guard sign == 0 || sign == 0x4000 else { throw DatabaseError(.value, "a numeric that is no finite number") }
    if digits.count <= weight + 1, let integer = integer() { return .integer(integer) }
    var value = 0.0
    for digit in digits { value = value * 10_000 + Double(digit) }
    // Through text, which rounds once.
    var text = digits.isEmpty ? "0" : ""
    for digit in digits {
      let group = String(digit)
      text += String(repeating: "0", count: 4 - group.count) + group
    }
    let exponent = (weight + 1 - digits.count) * 4
    return .double(Double("\(sign == 0 ? "" : "-")\(text)e\(exponent)") ?? value)
  }

  private func integer() -> Int64? {
    var value: Int64 = 0
    for index in 0...max(0, weight) where weight >= 0 {
      let digit = Int64(index < digits.count ? digits[index] : 0)
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 10_000)
      let (next, carried) = shifted.addingReportingOverflow(sign == 0 ? digit : -digit)
      if overflow || carried { return nil }
      value = next
    }
    return value
  }
}

extension UnsafeRawBufferPointer {
  /// In the network's order of bytes.
  fileprivate func integer<Integer: FixedWidthInteger>(as type: Integer.Type = Integer.self) -> Integer {
    Integer(bigEndian: loadUnaligned(as: Integer.self))
  }
}
