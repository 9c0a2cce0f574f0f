import Foundation

/// What becomes of the times that passed while no instance ran (or the database was away).
public enum MissedTicks: Sendable, Hashable {
  /// They are left out. A tick that is less than a minute late is not missed: it takes that long to notice that the
  /// instance which would have fired it is gone.
  case skip
  /// However many there were, the last of them fires, late.
  case once
}

/// A schedule that the program declares.
struct TaskSchedule: Sendable {
  let name: String
  let cron: CronExpression
  let timeZone: TimeZone
  let type: String
  let payload: String
  let priority: TaskUrgency
  let retention: Duration
  let missed: MissedTicks
  let uniqueKey: String?

  /// Which of the ticks from `due` to `now` fires: the last, if any does.
  func tick(due: Date, now: Date, tolerance: Duration) -> Date? {
    guard let latest = cron.latest(from: due, to: now, in: timeZone) else { return nil }
    switch missed {
    case .once: return latest
    case .skip: return now.timeIntervalSince(latest) <= tolerance.inSeconds ? latest : nil
    }
  }
}

/// A schedule that cannot be: its name, time zone or number.
public struct ScheduleRefusal: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String
}
