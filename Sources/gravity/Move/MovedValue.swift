import Foundation
import GravityData

/// A value of a row, the same whichever engine it came from.
enum MovedValue: Sendable, Hashable {
  case null
  case text(String)
  case integer(Int64)
  case double(Double)
  case boolean(Bool)
  case uuid(UUID)
  /// Microseconds since 1970. No `Date`: that would round what is more than some centuries away.
  case time(Int64)
  /// JSON text as the engine gave it.
  case json(String)
  case bytes([UInt8])
}

/// A value that the column's type does not allow.
struct ForeignValue: Error, CustomStringConvertible {
  var description: String
}

extension MovedValue {
  /// - Parameter type: of the column. SQLite itself tells only integers, floats, texts and blobs apart.
  init(_ cell: SQLCell, _ type: SQLType) throws(ForeignValue) {
    switch (type, cell) {
    case (_, .null): self = .null
    case (.text, .text(let text)): self = .text(text)
    case (.jsonb, .text(let text)): self = .json(text)
    case (.bigint, .integer(let integer)): self = .integer(integer)
    case (.timestamptz, .integer(let microseconds)): self = .time(microseconds)
    case (.double, .double(let double)): self = .double(double)
    case (.double, .integer(let integer)): self = .double(Double(integer))
    case (.boolean, .boolean(let boolean)): self = .boolean(boolean)
    case (.boolean, .integer(0)): self = .boolean(false)
    case (.boolean, .integer(1)): self = .boolean(true)
    case (.uuid, .uuid(let uuid)): self = .uuid(uuid)
    case (.uuid, .text(let text)):
      guard let uuid = UUID(uuidString: text) else { throw ForeignValue(description: "a text that is no UUID") }
      self = .uuid(uuid)
    case (.bytea, .bytes(let bytes)): self = .bytes(bytes)
    default: throw ForeignValue(description: "a value that is no \(type)")
    }
  }

  /// As it is bound to a statement for a column of that type.
  func bound(_ type: SQLType, for dialect: SQLDialect) -> SQLValue {
    switch self {
    // A time goes to PostgreSQL as text, so a missing one does, too: then a statement reads the same for all rows.
    case .null: .null(type == .timestamptz && dialect == .postgresql ? .text : type)
    case .text(let text): .text(text)
    case .integer(let integer): .bigint(integer)
    case .double(let double): .double(double)
    case .boolean(let boolean): .boolean(boolean)
    case .uuid(let uuid): .uuid(uuid)
    case .time(let microseconds):
      dialect == .sqlite ? .bigint(microseconds) : .text(TimestampText.string(microseconds))
    case .json(let text): .jsonb(text)
    case .bytes(let bytes): .bytea(bytes)
    }
  }

  /// For a message: an id, never a whole document.
  var shown: String {
    switch self {
    case .null: "NULL"
    case .text(let text), .json(let text): text.count > 64 ? text.prefix(64) + "…" : text
    case .integer(let integer), .time(let integer): "\(integer)"
    case .double(let double): "\(double)"
    case .boolean(let boolean): "\(boolean)"
    case .uuid(let uuid): uuid.uuidString.lowercased()
    case .bytes(let bytes):
      bytes.prefix(16).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        + (bytes.count > 16 ? "…" : "")
    }
  }
}

/// A time as PostgreSQL reads it, to the microsecond however far away it is.
enum TimestampText {
  /// - Parameter microseconds: since 1970, in the proleptic Gregorian calendar.
  static func string(_ microseconds: Int64) -> String {
    let day: Int64 = 86_400_000_000
    let days = floor(microseconds, day)
    let rest = microseconds - days * day
    let (year, month, date) = civil(days)
    let seconds = rest / 1_000_000
    let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { padded($0, 2) }.joined(separator: ":")
    // There is no year 0: what astronomers call so is 1 BC.
    let shownYear = year > 0 ? year : 1 - year
    return "\(padded(shownYear, 4))-\(padded(month, 2))-\(padded(date, 2)) \(clock).\(padded(rest % 1_000_000, 6))+00"
      + (year > 0 ? "" : " BC")
  }

  /// The date of a day, counted from 1970-01-01. Years are taken to begin in March, so that a leap day ends one.
  private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = floor(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }

  private static func floor(_ value: Int64, _ divisor: Int64) -> Int64 {
    value >= 0 ? value / divisor : -((-(value + 1)) / divisor) - 1
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
