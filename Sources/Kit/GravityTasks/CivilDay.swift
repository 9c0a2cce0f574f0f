import Foundation

/// A day of the Gregorian calendar, wherever it is.
struct CivilDay {
  /// Days since 1970-01-01.
  let number: Int
  let month: Int
  let day: Int
  /// 0 is Sunday.
  let weekday: Int

  /// By arithmetic (days in eras of 400 years): a calendar object costs microseconds for each question, and a search
  /// asks thousands.
  init(_ number: Int) {
    self.number = number
    let shifted = number + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    weekday = ((number + 4) % 7 + 7) % 7
  }

  /// The most days that the month can have.
  static func longest(_ month: Int) -> Int { month == 2 ? 29 : [4, 6, 9, 11].contains(month) ? 30 : 31 }
}

extension TimeZone {
  /// The moments at which the clocks show that time, given in seconds as if it were UTC; mostly one. Two when the hour
  /// is repeated, none when it is left out: then the moment at which the clocks went on.
  func moments(showing wall: Int) -> (moments: [Int], gapEnd: Int?) {
    // A day and a half away to both sides lies beyond any change of this day, also one of the date line.
    let before = offset(wall - 129_600)
    let after = offset(wall + 129_600)
    var moments: [Int] = []
    for offset in before == after ? [before] : [max(before, after), min(before, after)]
    where self.offset(wall - offset) == offset { moments.append(wall - offset) }
    if !moments.isEmpty || before == after { return (moments.isEmpty ? [wall - before] : moments, nil) }
    // Left out: it lies between the two readings of that time.
    var (low, high) = (wall - max(before, after), wall - min(before, after))
    let old = offset(low)
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if offset(middle) == old { low = middle } else { high = middle }
    }
    return ([], high)
  }

  func offset(_ moment: Int) -> Int { secondsFromGMT(for: Date(timeIntervalSince1970: Double(moment))) }
}
