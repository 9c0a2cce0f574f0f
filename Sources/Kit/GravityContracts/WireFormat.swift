public import Foundation

/// The one JSON of every interface: RFC 3339 UTC times with six fraction digits; field names are what the types'
/// coding keys spell out.
public enum WireFormat {
  public static func makeEncoder() -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      try container.encode(WireTime.string(date))
    }
    encoder.outputFormatting = [.withoutEscapingSlashes]
    return encoder
  }

  public static func makeDecoder() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .custom { decoder in
      let container = try decoder.singleValueContainer()
      guard let date = WireTime.date(try container.decode(String.self)) else {
        throw DecodingError.dataCorruptedError(
          in: container, debugDescription: "is not an RFC 3339 time such as 2026-01-31T09:30:00Z")
      }
      return date
    }
    return decoder
  }
}

/// RFC 3339 in microseconds, which is what both databases keep.
public enum WireTime {
  /// `2026-01-31T09:30:00.000000Z`.
  public static func string(_ date: Date) -> String {
    let (seconds, fraction) = date.microsecondsSince1970.quotientAndRemainder(dividingBy: 1_000_000)
    var (whole, microseconds) = (seconds, fraction)
    if microseconds < 0 { (whole, microseconds) = (whole - 1, microseconds + 1_000_000) }
    let (days, second) = (floorDivide(whole, 86400), whole - floorDivide(whole, 86400) * 86400)
    let (year, month, day) = civil(days)
    var text = ""
    text.reserveCapacity(27)
    func append(_ value: Int64, digits: Int, _ end: String) {
      let plain = String(value)
      text += String(repeating: "0", count: max(0, digits - plain.utf8.count)) + plain + end
    }
    append(year, digits: 4, "-")
    append(month, digits: 2, "-")
    append(day, digits: 2, "T")
    append(second / 3600, digits: 2, ":")
    append(second / 60 % 60, digits: 2, ":")
    append(second % 60, digits: 2, ".")
    append(microseconds, digits: 6, "Z")
    return text
  }

  /// Any RFC 3339 time of the years 0001 to 9999, with an offset or Z; finer than microseconds is rounded.
  public static func date(_ text: String) -> Date? {
    let bytes = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int64? {
      guard range.upperBound <= bytes.count else { return nil }
      return bytes[range].reduce(Int64?(0)) { total, byte in
        guard let total, (48...57).contains(byte) else { return nil }
        return total * 10 + Int64(byte - 48)
      }
    }
    func has(_ character: Character, at index: Int) -> Bool {
      index < bytes.count && bytes[index] == character.asciiValue
    }
    guard let year = number(0..<4), has("-", at: 4), let month = number(5..<7), has("-", at: 7),
      let day = number(8..<10), has("T", at: 10) || has("t", at: 10) || has(" ", at: 10), let hour = number(11..<13),
      has(":", at: 13), let minute = number(14..<16), has(":", at: 16), let second = number(17..<19),
      year > 0, (1...12).contains(month), day >= 1, day <= daysIn(month, year), hour < 24, minute < 60, second <= 60
    else { return nil }
    var (index, microseconds) = (19, Int64(0))
    if has(".", at: index) {
      let start = index + 1
      index = start
      while index < bytes.count, (48...57).contains(bytes[index]) { index += 1 }
      guard index > start, index - start <= 18, let digits = number(start..<index) else { return nil }
      var scaled = Double(digits)
      for _ in 0..<(index - start) { scaled /= 10 }
      microseconds = Int64((scaled * 1_000_000).rounded())
    }
    var offset = Int64(0)
    if has("Z", at: index) || has("z", at: index) {
      index += 1
    } else {
      guard has("+", at: index) || has("-", at: index), let hours = number(index + 1..<index + 3),
        has(":", at: index + 3), let minutes = number(index + 4..<index + 6), hours < 24, minutes < 60
      else { return nil }
      offset = (hours * 3600 + minutes * 60) * (has("-", at: index) ? -1 : 1)
      index += 6
    }
    guard index == bytes.count else { return nil }
    let seconds = daysFrom(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
    return Date(microsecondsSince1970: seconds * 1_000_000 + microseconds)
  }

  private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 { a >= 0 ? a / b : -((-a + b - 1) / b) }

  private static func daysIn(_ month: Int64, _ year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days since 1970-01-01 in the proleptic Gregorian calendar, counting years from March so that the leap day is last.
  private static func daysFrom(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let y = month <= 2 ? year - 1 : year
    let era = floorDivide(y, 400)
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
  }

  private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
    let shifted = days + 719468
    let era = floorDivide(shifted, 146097)
    let dayOfEra = shifted - era * 146097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let m = (5 * dayOfYear + 2) / 153
    let month = m < 10 ? m + 3 : m - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * m + 2) / 5 + 1)
  }
}

extension Date {
  /// PostgreSQL keeps microseconds, so everything does.
  public init(microsecondsSince1970 value: Int64) { self.init(timeIntervalSince1970: Double(value) / 1_000_000) }
  public var microsecondsSince1970: Int64 { Int64((timeIntervalSince1970 * 1_000_000).rounded()) }
  /// The same moment as a database will give it back.
  public var roundedToMicroseconds: Date { Date(microsecondsSince1970: microsecondsSince1970) }
}
