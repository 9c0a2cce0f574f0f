import Foundation
import GravityTasks
import Testing

@Suite struct CronTests {
  @Test(
    "the next time is the one that cron would take",
    arguments: [
      ("*/5 * * * *", "2026-03-01T10:02:30", "2026-03-01T10:05:00"),
      ("*/5 * * * *", "2026-03-01T10:05:00", "2026-03-01T10:10:00"),
      ("*/5 * * * *", "2026-12-31T23:57:00", "2027-01-01T00:00:00"),
      ("0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
      ("0 0 29 2 *", "2096-03-01T00:00:00", "2104-02-29T00:00:00"),
      ("0 0 31 * *", "2026-04-01T00:00:00", "2026-05-31T00:00:00"),
      ("30 9 * * mon-fri", "2026-03-06T09:30:00", "2026-03-09T09:30:00"),
      ("30 9 * * fri-sun", "2026-03-08T09:30:00", "2026-03-13T09:30:00"),
      ("0 12 * * 7", "2026-03-02T00:00:00", "2026-03-08T12:00:00"),
      ("0 12 * * 0", "2026-03-02T00:00:00", "2026-03-08T12:00:00"),
      ("0 12 * * */2", "2026-03-02T00:00:00", "2026-03-03T12:00:00"),
      ("0 0 13 * 5", "2026-03-01T00:00:00", "2026-03-06T00:00:00"),
      ("0 0 13 * 5", "2026-03-07T00:00:00", "2026-03-13T00:00:00"),
      ("0 0 */10 * 5", "2026-03-01T00:00:00", "2026-05-01T00:00:00"),
      ("0 0 1 jan,JUL *", "2026-01-01T00:00:00", "2026-07-01T00:00:00"),
      ("5-20/5,59 3 * * *", "2026-03-01T03:20:00", "2026-03-01T03:59:00"),
      ("  0\t4  1 * *  ", "2026-03-01T04:00:00", "2026-04-01T04:00:00"),
      ("@hourly", "2026-03-01T03:20:00", "2026-03-01T04:00:00"),
      ("@daily", "2026-03-01T03:20:00", "2026-03-02T00:00:00"),
      ("@midnight", "2026-03-01T03:20:00", "2026-03-02T00:00:00"),
      ("@weekly", "2026-03-01T03:20:00", "2026-03-08T00:00:00"),
      ("@monthly", "2026-03-01T03:20:00", "2026-04-01T00:00:00"),
      ("@Yearly", "2026-03-01T03:20:00", "2027-01-01T00:00:00"),
      ("@annually", "2026-03-01T03:20:00", "2027-01-01T00:00:00"),
      ("59 23 31 12 *", "1969-12-31T23:58:59", "1969-12-31T23:59:00"),
    ])
  func table(_ cron: String, _ after: String, _ next: String) throws {
    let found = try CronExpression(cron).next(after: try #require(utc(after)), in: .gmt)
    #expect(found == utc(next), "\(cron) after \(after)")
  }

  @Test(
    "nonsense is refused, and the words say what is wrong",
    arguments: [
      ("", "0 fields"), ("* * * *", "4 fields"), ("0 * * * * *", "neither seconds"), ("@reboot", "none of"),
      ("@daily 5", "none of"), ("60 * * * *", "\"60\" for its minute; 0 to 59"), ("* 24 * * *", "hour; 0 to 23"),
      ("* * 0 * *", "day of the month; 1 to 31"), ("* * * 13 *", "month; 1 to 12"), ("* * * * 8", "week; 0 to 7"),
      ("-1 * * * *", "\"\" for its minute"), ("+1 * * * *", "\"+1\""), ("1.5 * * * *", "\"1.5\""),
      ("5/15 * * * *", "write 5-59/15"), ("*/0 * * * *", "step \"0\""), ("*/ * * * *", "step \"\""),
      ("*/99999999999999999999 * * * *", "step"), ("50-10 * * * *", "backwards"), ("1,,2 * * * *", "\"\""),
      ("* * * * mon-", "\"\""), ("* * * foo *", "\"foo\""), ("* * * mon *", "\"mon\""), ("* * L * *", "\"l\""),
      ("* * ? * *", "\"?\""), ("0 0 30 2 *", "never comes"), ("0 0 31 4,6,9,11 *", "never comes"),
      ("1-2-3 * * * *", "\"2-3\""), ("*-5 * * * *", "\"*\""), ("٣ * * * *", "\"٣\""),
      (String(repeating: "1,", count: 200) + "1 * * * *", "200 bytes"),
    ])
  func nonsense(_ cron: String, _ word: String) {
    do {
      _ = try CronExpression(cron)
      Issue.record("\(cron) was taken")
    } catch {
      #expect(error.description.contains(word), "\(error)")
    }
  }

  @Test("in spring, a time that is left out comes when the clocks go on; an interval goes on as time does")
  func spring() throws {
    let berlin = try #require(TimeZone(identifier: "Europe/Berlin"))
    // 2026-03-29, 02:00 becomes 03:00 at 01:00 UTC.
    let before = try #require(utc("2026-03-28T12:00:00"))
    #expect(try times("30 2 * * *", before, berlin, 2) == ["2026-03-29T01:00:00", "2026-03-30T00:30:00"])
    #expect(try times("0,15,45 2 * * 0", before, berlin, 2) == ["2026-03-29T01:00:00", "2026-04-05T00:00:00"])
    #expect(try times("0 3 * * *", before, berlin, 2) == ["2026-03-29T01:00:00", "2026-03-30T01:00:00"])
    let night = try #require(utc("2026-03-29T00:20:00"))
    #expect(
      try times("*/30 * * * *", night, berlin, 3) == [
        "2026-03-29T00:30:00", "2026-03-29T01:00:00", "2026-03-29T01:30:00",
      ])
    #expect(try times("0 */2 * * *", night, berlin, 2) == ["2026-03-29T02:00:00", "2026-03-29T04:00:00"])
    #expect(try times("*/30 2 * * *", night, berlin, 1) == ["2026-03-30T00:00:00"])
  }

  @Test("in autumn, a time of day comes once, the first time; an interval comes in both hours")
  func autumn() throws {
    let berlin = try #require(TimeZone(identifier: "Europe/Berlin"))
    // 2026-10-25, 03:00 becomes 02:00 at 01:00 UTC.
    let before = try #require(utc("2026-10-24T12:00:00"))
    #expect(try times("30 2 * * *", before, berlin, 2) == ["2026-10-25T00:30:00", "2026-10-26T01:30:00"])
    let night = try #require(utc("2026-10-25T00:20:00"))
    #expect(
      try times("*/30 * * * *", night, berlin, 4) == [
        "2026-10-25T00:30:00", "2026-10-25T01:00:00", "2026-10-25T01:30:00", "2026-10-25T02:00:00",
      ])
    #expect(try times("0 * * * *", night, berlin, 2) == ["2026-10-25T01:00:00", "2026-10-25T02:00:00"])
  }

  @Test("clocks that change at midnight, by half an hour or by a day are no trouble")
  func oddZones() throws {
    // Havana: 00:00 becomes 01:00 on 2026-03-08, at 05:00 UTC.
    let havana = try #require(TimeZone(identifier: "America/Havana"))
    let march = try #require(utc("2026-03-07T12:00:00"))
    #expect(try times("0 0 * * *", march, havana, 2) == ["2026-03-08T05:00:00", "2026-03-09T04:00:00"])
    // Havana: 01:00 becomes 00:00 on 2026-11-01, at 05:00 UTC.
    let november = try #require(utc("2026-10-31T12:00:00"))
    #expect(try times("30 0 * * *", november, havana, 2) == ["2026-11-01T04:30:00", "2026-11-02T05:30:00"])
    // Lord Howe: 02:00 becomes 01:30 on 2026-04-05, at 15:00 UTC of the 4th.
    let howe = try #require(TimeZone(identifier: "Australia/Lord_Howe"))
    let april = try #require(utc("2026-04-04T14:40:00"))
    #expect(
      try times("*/15 * * * *", april, howe, 3) == [
        "2026-04-04T14:45:00", "2026-04-04T15:00:00", "2026-04-04T15:15:00",
      ])
    // Apia went from 29 to 31 December 2011.
    let apia = try #require(TimeZone(identifier: "Pacific/Apia"))
    let december = try #require(utc("2011-12-29T20:00:00"))
    #expect(try times("0 12 * * *", december, apia, 2) == ["2011-12-29T22:00:00", "2011-12-30T10:00:00"])
  }

  @Test("each next time is a match of the expression, and none between is left out")
  func againstEachMinute() throws {
    let zone = try #require(TimeZone(identifier: "America/St_Johns"))
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = zone
    let start = try #require(utc("2026-10-31T00:00:00"))
    for cron in ["*/7 */3 * * *", "*/20 1-4 * * 0,6", "* 1 1 11 *"] {
      let expression = try CronExpression(cron)
      var expected: [Date] = []
      for minute in 1...(3 * 1_440) {
        let date = start.addingTimeInterval(Double(minute) * 60)
        let parts = calendar.dateComponents([.minute, .hour, .day, .month, .weekday], from: date)
        if Self.matches(cron, parts) { expected.append(date) }
      }
      var (found, place): ([Date], Date) = ([], start)
      while let next = expression.next(after: place, in: zone), next <= start.addingTimeInterval(3 * 86_400) {
        found.append(next)
        place = next
      }
      #expect(found == expected, "\(cron)")
      #expect(!found.isEmpty)
    }
  }

  @Test("no text makes the parser or the search trap")
  func fuzz() {
    var random = SplitMix(seed: 0x5EED)
    let pieces = [
      "*", "/", "-", ",", " ", "0", "1", "7", "23", "31", "59", "60", "jan", "SUN", "@", "@daily", "?", "L", "#", "\t",
      "٣", "é", "\u{0}", "99999999999999999999", "-1", "+", "🕰", "*/5", "1-5/2", "feb", "29", "30", "x",
    ]
    var taken = 0
    for round in 0..<20_000 {
      var text = ""
      if round % 2 == 0 {
        for _ in 0..<Int.random(in: 0...20, using: &random) { text += pieces.randomElement(using: &random) ?? "" }
      } else {
        // Nearly right, so that many get through.
        let fields = (0..<5).map { _ in pieces[Int.random(in: 0..<pieces.count, using: &random)] }
        text = fields.map { Bool.random(using: &random) ? "*" : $0 }.joined(separator: " ")
      }
      guard let cron = try? CronExpression(text) else { continue }
      taken += 1
      let date = Date(timeIntervalSince1970: Double.random(in: -1e12...1e12, using: &random))
      let next = cron.next(after: date, in: .gmt)
      if let next { #expect(next > date) }
    }
    #expect(taken > 500)
    for date in [
      Date.distantPast, .distantFuture, Date(timeIntervalSince1970: .infinity), Date(timeIntervalSince1970: .nan),
    ] {
      _ = try? CronExpression("* * * * *").next(after: date, in: .gmt)
    }
  }

  /// Only what the three expressions above need.
  private static func matches(_ cron: String, _ parts: DateComponents) -> Bool {
    let (minute, hour) = (parts.minute ?? 0, parts.hour ?? 0)
    switch cron {
    case "*/7 */3 * * *": return minute % 7 == 0 && hour % 3 == 0
    case "*/20 1-4 * * 0,6": return minute % 20 == 0 && (1...4).contains(hour) && [1, 7].contains(parts.weekday)
    default: return hour == 1 && parts.day == 1 && parts.month == 11
    }
  }

  private func utc(_ text: String) -> Date? { ISO8601DateFormatter().date(from: text + "Z") }

  private func times(_ cron: String, _ after: Date, _ zone: TimeZone, _ count: Int) throws -> [String] {
    let expression = try CronExpression(cron)
    var (found, place): ([String], Date) = ([], after)
    while found.count < count, let next = expression.next(after: place, in: zone) {
      found.append(String(ISO8601DateFormatter().string(from: next).dropLast()))
      place = next
    }
    return found
  }
}

/// The same numbers on every run.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
