import Foundation
import Logging
import Synchronization

/// Where log lines go: a file descriptor, or memory for tests.
///
/// To log never waits, on an event loop or elsewhere: lines are written by a queue. Where it does not keep up they are
/// dropped beyond 4 MiB, and a line says how many. There may be several for one descriptor; no line of one comes into
/// the middle of another's.
public final class LogOutput: Sendable {
  /// How a line looks.
  public enum Format: String, Sendable, CaseIterable {
    /// One ECS object a line, for machines.
    case json
    /// For a person at a terminal.
    case text
  }
  public let format: Format
  /// nil where lines are kept.
  private let queue: LineQueue?
  private let collected = Mutex<[String]>([])

  /// - Parameter descriptor: standard error unless it is given.
  public init(descriptor: Int32 = 2, format: Format) {
    self.format = format
    queue = descriptor == 2 ? .standardError : LineQueue(descriptor: descriptor)
  }

  /// Keeps the lines, for tests.
  public init(collecting format: Format) {
    self.format = format
    queue = nil
  }

  /// The lines that were written, when they are kept.
  public var lines: [String] { collected.withLock { $0 } }

  func write(_ line: String) {
    guard let queue else { return collected.withLock { $0.append(line) } }
    queue.add(line) { [format] in Self.dropped($0, format) }
  }

  /// Writes whole lines that somebody else formatted, and returns when they are written: not for an event loop.
  public func write(_ lines: UnsafeRawBufferPointer) {
    guard let queue else { return collected.withLock { $0.append(String(decoding: lines, as: UTF8.self)) } }
    queue.write(lines)
  }

  private static func dropped(_ count: Int, _ format: Format) -> String {
    let handler = ECSLogHandler(
      label: "log", service: "gravity", level: .warning, output: LogOutput(collecting: format))
    return handler.line(
      .warning, "lines of the log were dropped, since nobody took them", ["gravity.dropped": .stringConvertible(count)])
  }
}

/// The time of a log line, its second formatted once.
enum LogTime {
  private static let last = Mutex<(second: Int, text: String)>((-1, ""))

  /// `2026-01-31T09:30:00.123456Z`.
  static func now() -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let second = time.tv_sec
    let prefix = last.withLock { last in
      if last.second != second {
        var (moment, parts) = (second, tm())
        gmtime_r(&moment, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        last = (
          second,
          "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))."
        )
      }
      return last.text
    }
    let microseconds = String(time.tv_nsec / 1000)
    return prefix + String(repeating: "0", count: 6 - microseconds.utf8.count) + microseconds + "Z"
  }
}
