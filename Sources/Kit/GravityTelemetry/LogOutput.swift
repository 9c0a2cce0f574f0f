import Foundation
import Synchronization

/// Where log lines go: a file descriptor, each line in one write.
public final class LogOutput: Sendable {
  public enum Format: String, Sendable, CaseIterable {
    /// One ECS object a line, for machines.
    case json
    /// For a person at a terminal.
    case text
  }
  public let format: Format
  private let descriptor: Int32
  private let isCollecting: Bool
  private let collected = Mutex<[String]>([])
  private let turn = Mutex(())

  /// - Parameter descriptor: standard error unless it is given.
  public init(descriptor: Int32 = 2, format: Format) {
    self.descriptor = descriptor
    self.format = format
    isCollecting = false
  }

  /// Keeps the lines, for tests.
  public init(collecting format: Format) {
    descriptor = -1
    self.format = format
    isCollecting = true
  }

  /// The lines that were written, when they are kept.
  public var lines: [String] { collected.withLock { $0 } }

  func write(_ line: String) {
    if isCollecting { return collected.withLock { $0.append(line) } }
    var line = line
    line.withUTF8 { write(UnsafeRawBufferPointer($0)) }
  }

  /// Writes whole lines that somebody else formatted.
  public func write(_ lines: UnsafeRawBufferPointer) {
    // One lock around the loop: what is longer than a pipe's buffer is written in pieces.
    turn.withLock { _ in
      var rest = lines
      while !rest.isEmpty {
        #if canImport(Glibc)
          let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
        #else
          let written = Darwin.write(descriptor, rest.baseAddress, rest.count)
        #endif
        if written < 0 {
          if errno == EINTR { continue }
          return  // Nobody can be told: the log itself is gone.
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      }
    }
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
