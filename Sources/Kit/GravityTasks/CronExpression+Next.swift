public import Foundation

extension CronExpression {
  /// The first time after `date`, on a whole minute.
  ///
  /// Where clocks are changed, as Debian's cron has it: an expression whose minute or hour begins with `*` follows the
  /// time that passes, so it also fires in the hour that is repeated, and a wall time that is left out is no loss. Any
  /// other means a time of day: it fires once a day, the first time of two, and when its time is left out, at the
  /// moment when the clocks went on.
  ///
  /// - Returns: nil when there is none within nine years.
  public func next(after date: Date, in zone: TimeZone) -> Date? {
    let seconds = date.timeIntervalSince1970.rounded(.down)
    // The years 1 to 9999.
    guard seconds.isFinite, (-62_135_596_800...253_402_300_799).contains(seconds) else { return nil }
    let start = Int(seconds)
    let today = (start + zone.offset(start)).flooredQuotient(86_400)
    // From yesterday on: where clocks go back over midnight, it may come once more.
    for number in (today - 1)...(today + 366 * 9) {
      let day = CivilDay(number)
      guard matches(day), var found = first(on: day, after: start, in: zone) else { continue }
      let tomorrow = CivilDay(number + 1)
      if !zone.isPlain(day) || !zone.isPlain(tomorrow), matches(tomorrow),
        let other = first(on: tomorrow, after: start, in: zone)
      {
        found = min(found, other)
      }
      return Date(timeIntervalSince1970: Double(found))
    }
    return nil
  }

  /// The last time that is neither before `earliest` nor after `date`.
  func latest(from earliest: Date, to date: Date, in zone: TimeZone) -> Date? {
    var reach = 3_600.0
    while true {
      let start = max(earliest.addingTimeInterval(-1), date.addingTimeInterval(-reach))
      var found: Date?
      var place = start
      while let next = next(after: place, in: zone), next <= date { (found, place) = (next, next) }
      if found != nil || start < earliest || reach > 1e9 { return found.flatMap { $0 < earliest ? nil : $0 } }
      reach *= 2
    }
  }

  private func first(on day: CivilDay, after start: Int, in zone: TimeZone) -> Int? {
    let midnight = day.number * 86_400
    if zone.isPlain(day) {
      let begin = midnight - zone.offset(midnight)
      let from = max(0, (start - begin).flooredQuotient(60) + 1)
      return firstMinute(from: from).map { begin + $0 * 60 }
    }
    var first: Int?
    for minute in 0..<1_440 where hours.has(minute / 60) && minutes.has(minute % 60) {
      let (moments, gapEnd) = zone.moments(showing: midnight + minute * 60)
      let fires = isInterval ? moments : Array(moments.prefix(1)) + (gapEnd.map { [$0] } ?? [])
      for moment in fires where moment > start { first = min(first ?? moment, moment) }
    }
    return first
  }

  private func firstMinute(from: Int) -> Int? {
    guard from < 1_440 else { return nil }
    for hour in (from / 60)...23 where hours.has(hour) {
      let earliest = hour == from / 60 ? from % 60 : 0
      let rest = minutes >> UInt64(earliest)
      if rest != 0 { return hour * 60 + earliest + rest.trailingZeroBitCount }
    }
    return nil
  }
}

extension TimeZone {
  /// Whether no clock is changed on that day or near it.
  func isPlain(_ day: CivilDay) -> Bool {
    let midnight = day.number * 86_400
    return offset(midnight - 129_600) == offset(midnight + 86_400 + 129_600)
  }
}

extension Int {
  func flooredQuotient(_ divisor: Int) -> Int {
    let quotient = self / divisor
    return self % divisor < 0 ? quotient - 1 : quotient
  }
}
