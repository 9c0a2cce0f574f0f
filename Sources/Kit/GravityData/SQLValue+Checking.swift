package import Foundation

extension SQLValue {
  /// Refuses what one of the engines could not hold, so that both refuse the same.
  ///
  /// - Throws: ``DatabaseError/Code/value`` for NUL in a text or as `\u0000` in JSON, a float that is no finite number,
  ///   and a time outside of the years −4712 to 294275.
  package func checked() throws(DatabaseError) {
    switch self {
    case .null, .bigint, .boolean, .uuid, .bytea: return
    case .text(let text):
      if text.utf8.contains(0) { throw DatabaseError(.value, "a text holds NUL") }
    case .jsonb(let text):
      if text.utf8.contains(0) || text.escapesNUL { throw DatabaseError(.value, "a JSON text holds NUL") }
    case .double(let number):
      if !number.isFinite { throw DatabaseError(.value, "\(number) is no number in SQL") }
    case .timestamptz(let time):
      guard SQLValue.timestampRange.contains(time.timeIntervalSince1970) else {
        throw DatabaseError(.value, "\(time.timeIntervalSince1970) s is no time in SQL")
      }
    }
  }

  /// What PostgreSQL's `timestamptz` can hold, in seconds since 1970.
  private static let timestampRange = -210_863_520_000.0..<9_224_286_307_200.0

  package var type: SQLType {
    switch self {
    case .null(let type): type
    case .text: .text
    case .bigint: .bigint
    case .double: .double
    case .boolean: .boolean
    case .uuid: .uuid
    case .timestamptz: .timestamptz
    case .jsonb: .jsonb
    case .bytea: .bytea
    }
  }
}

extension String {
  /// Whether the JSON text holds the escape of NUL: `\u0000` after an even number of backslashes.
  fileprivate var escapesNUL: Bool {
    guard contains("\\u0000") else { return false }
    var escaped = false
    var rest = utf8[...]
    while let byte = rest.popFirst() {
      if escaped {
        if byte == UInt8(ascii: "u"), rest.starts(with: "0000".utf8) { return true }
        escaped = false
      } else {
        escaped = byte == UInt8(ascii: "\\")
      }
    }
    return false
  }
}

extension Date {
  /// Microseconds since 1970, rounded: what every engine keeps of a time.
  package var sqlMicroseconds: Int64 {
    Int64((timeIntervalSinceReferenceDate * 1_000_000).rounded()) + Int64(Date.timeIntervalBetween1970AndReferenceDate)
      * 1_000_000
  }

  package init(sqlMicroseconds microseconds: Int64) {
    self.init(timeIntervalSince1970: Double(microseconds) / 1_000_000)
  }
}
