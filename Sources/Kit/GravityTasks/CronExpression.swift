import Foundation

/// Five fields, `minute hour day-of-month month day-of-week`, as cron has them: `*`, lists, ranges, steps, names of
/// months and days (`jan`, `mon`), 7 for Sunday; and `@hourly`, `@daily` (`@midnight`), `@weekly`, `@monthly`,
/// `@yearly` (`@annually`).
///
/// When both days are given, either is enough; a field that begins with `*` is not given. What is no cron expression
/// anywhere, or never comes (30 February), is refused.
public struct CronExpression: Sendable, Hashable, CustomStringConvertible {
  /// As it was written.
  public let description: String
  let minutes: UInt64
  let hours: UInt64
  let daysOfMonth: UInt64
  let months: UInt64
  let daysOfWeek: UInt64
  let isEveryDayOfMonth: Bool
  let isEveryDayOfWeek: Bool
  /// Follows the time that passes, not the clock on the wall; see ``next(after:in:)``.
  let isInterval: Bool

  /// - Throws: ``CronError``.
  public init(_ text: String) throws(CronError) {
    guard text.utf8.count <= 200 else { throw CronError(String(text.prefix(40)), "is longer than 200 bytes") }
    description = text
    var words = text.split(whereSeparator: { $0 == " " || $0 == "\t" }).map { $0.lowercased() }
    if let first = words.first, first.hasPrefix("@") {
      guard words.count == 1, let fields = Self.nicknames[first] else {
        throw CronError(text, "\(first) is none of \(Self.nicknames.keys.sorted().joined(separator: ", "))")
      }
      words = fields.split(separator: " ").map(String.init)
    }
    guard words.count == 5 else {
      let hint = words.count == 6 || words.count == 7 ? " (neither seconds nor years)" : ""
      throw CronError(text, "has \(words.count) fields; five are wanted: minute hour day month weekday\(hint)")
    }
    minutes = try CronField.minute.parse(words[0], in: text)
    hours = try CronField.hour.parse(words[1], in: text)
    daysOfMonth = try CronField.dayOfMonth.parse(words[2], in: text)
    months = try CronField.month.parse(words[3], in: text)
    let week = try CronField.dayOfWeek.parse(words[4], in: text)
    daysOfWeek = (week | week >> 7) & 0x7F
    isEveryDayOfMonth = words[2].hasPrefix("*")
    isEveryDayOfWeek = words[4].hasPrefix("*")
    isInterval = words[0].hasPrefix("*") || words[1].hasPrefix("*")
    // A weekday comes in every month; a day of the month does not.
    if isEveryDayOfWeek {
      let comes = (1...12).contains { month in
        months.has(month) && (1...CivilDay.longest(month)).contains { daysOfMonth.has($0) }
      }
      guard comes else { throw CronError(text, "never comes: no such month has that day") }
    }
  }

  func matches(_ day: CivilDay) -> Bool {
    guard months.has(day.month) else { return false }
    let (inMonth, inWeek) = (daysOfMonth.has(day.day), daysOfWeek.has(day.weekday))
    return isEveryDayOfMonth || isEveryDayOfWeek ? inMonth && inWeek : inMonth || inWeek
  }

  private static let nicknames = [
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
  ]
}

/// Why a text is no cron expression, in words for whoever wrote it.
public struct CronError: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String
  init(_ text: String, _ reason: String) { description = "cron \"\(text)\" \(reason)" }
}

/// One of the five fields.
private struct CronField {
  let name: String
  let range: ClosedRange<Int>
  /// The first is that of the range's first number.
  var names: [String] = []

  static let minute = CronField(name: "minute", range: 0...59)
  static let hour = CronField(name: "hour", range: 0...23)
  static let dayOfMonth = CronField(name: "day of the month", range: 1...31)
  static let month = CronField(
    name: "month", range: 1...12,
    names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
  static let dayOfWeek = CronField(
    name: "day of the week", range: 0...7, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"])

  func parse(_ word: String, in text: String) throws(CronError) -> UInt64 {
    var set: UInt64 = 0
    for item in word.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      let (span, isRange) = try span(parts[0], in: text)
      var step = 1
      if parts.count == 2 {
        guard isRange else {
          throw CronError(text, "has a step without a range: write \(parts[0])-\(range.upperBound)/\(parts[1])")
        }
        guard let number = Self.number(parts[1]), (1...range.upperBound).contains(number) else {
          throw CronError(text, "has the step \"\(parts[1])\" in its \(name); 1 to \(range.upperBound) are wanted")
        }
        step = number
      }
      for value in stride(from: span.lowerBound, through: span.upperBound, by: step) { set |= 1 << UInt64(value) }
    }
    return set
  }

  private func span(_ text: Substring, in whole: String) throws(CronError) -> (ClosedRange<Int>, isRange: Bool) {
    // Sunday is 0 there, and not once more 7, or a step would count it twice.
    if text == "*" { return (range.lowerBound...(range == 0...7 ? 6 : range.upperBound), true) }
    let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    let first = try value(ends[0], in: whole)
    guard ends.count == 2 else { return (first...first, false) }
    var last = try value(ends[1], in: whole)
    // `fri-sun`
    if range == 0...7, last == 0, first > 0 { last = 7 }
    guard first <= last else { throw CronError(whole, "has the range \(text) in its \(name), which runs backwards") }
    return (first...last, true)
  }

  private func value(_ text: Substring, in whole: String) throws(CronError) -> Int {
    if let index = names.firstIndex(where: { $0 == text }) { return range.lowerBound + index }
    guard let number = Self.number(text), range.contains(number) else {
      throw CronError(
        whole, "has \"\(text)\" for its \(name); \(range.lowerBound) to \(range.upperBound) are wanted")
    }
    return number
  }

  /// Plain digits: no sign, no more than three.
  private static func number(_ text: Substring) -> Int? {
    guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(text)
  }
}

extension UInt64 {
  func has(_ bit: Int) -> Bool { self & (1 << UInt64(bit)) != 0 }
}
