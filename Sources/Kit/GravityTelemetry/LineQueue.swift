import Dispatch
import Foundation
import Synchronization

/// What is written to a file descriptor, line by line, by a queue of its own: whoever has something to say only leaves it
/// in memory, and a pipe that nobody reads holds up no event loop.
///
/// All that write to one descriptor have the same, so that no line comes into the middle of another. When more than
/// 4 MiB wait, lines are dropped, and how many is told when writing goes on. What waits when the process ends is written
/// then, for at most two seconds; a process that is killed loses it.
final class LineQueue: Sendable {
  /// Of standard error.
  static let standardError: LineQueue = {
    let queue = LineQueue(descriptor: 2)
    atexit { LineQueue.standardError.finish(within: .seconds(2)) }
    return queue
  }()

  private static let maximumWaitingBytes = 4 << 20

  private struct State {
    var waiting: [UInt8] = []
    var dropped = 0
    /// Whether the queue is about to take what waits.
    var isAwaited = false
  }
  private let state = Mutex(State())
  private let descriptor: Int32
  private let queue = DispatchQueue(label: "gravity.log")

  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Returns before it is written.
  ///
  /// - Parameters:
  ///   - line: With its line break.
  ///   - onDropped: Makes the line that says how many were dropped before.
  func add(_ line: String, onDropped: @escaping @Sendable (Int) -> String) {
    let isFirst = state.withLock { state in
      guard state.waiting.count + line.utf8.count <= Self.maximumWaitingBytes else {
        state.dropped += 1
        return false
      }
      state.waiting.append(contentsOf: line.utf8)
      defer { state.isAwaited = true }
      return !state.isAwaited
    }
    if isFirst { queue.async { self.writeWaiting(onDropped) } }
  }

  /// Returns when it is written: for whoever has a thread to wait on, and lines in blocks.
  func write(_ lines: UnsafeRawBufferPointer) {
    queue.sync { writeAll(lines) }
  }

  /// Returns when all is written that was added before, or the time is up.
  func finish(within bound: DispatchTimeInterval) {
    let isDone = DispatchSemaphore(value: 0)
    queue.async { isDone.signal() }
    _ = isDone.wait(timeout: .now() + bound)
  }

  private func writeWaiting(_ onDropped: (Int) -> String) {
    let (waiting, dropped) = state.withLock { state in
      defer { (state.waiting, state.dropped, state.isAwaited) = ([], 0, false) }
      return (state.waiting, state.dropped)
    }
    waiting.withUnsafeBytes { writeAll($0) }
    guard dropped > 0 else { return }
    Array(onDropped(dropped).utf8).withUnsafeBytes { writeAll($0) }
  }

  private func writeAll(_ lines: UnsafeRawBufferPointer) {
    // What is longer than a pipe's buffer is written in pieces.
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
