import Foundation
import Synchronization

/// Tells how far it is on standard error: one line that changes on a terminal, else a line now and then.
final class MoveProgress: Sendable {
  private struct State {
    var stage = ""
    var done = 0
    var total = 0
    /// Of `done`, what was there before this run began.
    var before = 0
    var began = ContinuousClock.now
    var told = ContinuousClock.now
    /// How many characters of the terminal's line are written on.
    var width = 0
  }
  private let state = Mutex(State())
  private let isTerminal: Bool
  private let interval: Duration
  private let write: @Sendable (String) -> Void

  init(
    isTerminal: Bool = isatty(STDERR_FILENO) == 1,
    write: @escaping @Sendable (String) -> Void = { FileHandle.standardError.write(Data($0.utf8)) }
  ) {
    self.isTerminal = isTerminal
    self.write = write
    interval = isTerminal ? .milliseconds(200) : .seconds(5)
  }

  /// - Parameter before: how many of the rows need not be done any more.
  func begin(_ stage: String, total: Int, before: Int = 0) {
    state.withLock { state in
      state = State()
      state.stage = stage
      state.total = total
      state.done = before
      state.before = before
    }
  }

  func add(_ rows: Int, of table: String) {
    let line: String? = state.withLock { state in
      state.done += rows
      guard state.told.duration(to: .now) >= interval else { return nil }
      state.told = .now
      return render(&state, table)
    }
    if let line { write(line) }
  }

  /// The stage's last line.
  func end() {
    let line = state.withLock { state in render(&state, nil) }
    write(isTerminal ? line + "\n" : line)
  }

  private func render(_ state: inout State, _ table: String?) -> String {
    let seconds = max(0.001, state.began.duration(to: .now) / .seconds(1))
    let rate = Double(state.done - state.before) / seconds
    var line = "\(state.stage): \(Self.grouped(state.done)) of \(Self.grouped(state.total)) rows"
    line += ", \(Self.grouped(Int(rate))) rows/s"
    if let table {
      let left = max(0, state.total - state.done)
      if rate >= 1 { line += ", \(Self.time(Double(left) / rate)) left" }
      line += ", \(table)"
    } else {
      line += ", took \(Self.time(seconds))"
    }
    guard isTerminal else { return line + "\n" }
    defer { state.width = line.count }
    return "\r" + line + String(repeating: " ", count: max(0, state.width - line.count))
  }

  static func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    let groups = stride(from: digits.count, to: 0, by: -3).map { String(digits[max(0, $0 - 3)..<$0]) }
    return groups.reversed().joined(separator: " ")
  }

  private static func time(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded(.up))
    return whole < 60
      ? "\(whole) s" : whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
  }
}
