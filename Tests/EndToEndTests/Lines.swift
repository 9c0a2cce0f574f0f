import Foundation
import Patience
import Synchronization
import TestServers

/// Lines that a process printed, awaited as they come.
final class Lines: Sendable {
  private struct State {
    var lines: [String] = []
    var rest: [Program.Source: [UInt8]] = [:]
  }
  private let state = Mutex(State())

  struct Missing: Error, CustomStringConvertible {
    var description: String
  }

  var all: [String] { state.withLock { $0.lines } }
  var count: Int { state.withLock { $0.lines.count } }

  func add(_ bytes: ArraySlice<UInt8>, _ source: Program.Source) {
    state.withLock { state in
      var rest = state.rest[source, default: []] + bytes
      while let end = rest.firstIndex(of: 0x0A) {
        state.lines.append(String(decoding: rest[..<end], as: UTF8.self))
        rest.removeFirst(end + 1)
      }
      state.rest[source] = rest
    }
  }

  /// Waits for a line beyond the first `mark`, for two minutes at most.
  ///
  /// - Parameter isRunning: Whether there may be more.
  func wait(for text: String, after mark: Int, while isRunning: () -> Bool = { true }) async throws {
    try await eventually("\(text); it runs:\n\(last)", within: .seconds(120)) {
      // In this order: what it printed last is there once it has ended.
      let mayCome = isRunning()
      if state.withLock({ $0.lines.dropFirst(mark).contains { $0.contains(text) } }) { return true }
      guard mayCome else { throw Missing(description: "never: \(text); it has ended:\n\(last)") }
      return false
    }
  }

  private var last: String { all.suffix(20).joined(separator: "\n") }
}
