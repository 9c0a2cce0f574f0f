import Dispatch
import Synchronization

/// Holds a body on its connection's thread until the test lets it go, and tells the test that it has come.
final class Gate: Sendable {
  private let opened = DispatchSemaphore(value: 0)
  private let arrival = AsyncStream.makeStream(of: Void.self)

  /// Called by the body.
  func pass() {
    arrival.continuation.yield()
    // A test that fails must not hang the suite.
    _ = opened.wait(timeout: .now() + 20)
  }

  /// Called when no body will come any more.
  func leave() { arrival.continuation.finish() }

  /// Ends when a body stands at the gate.
  func arrived() async {
    for await _ in arrival.stream { return }
  }

  func open() { opened.signal() }
}

/// Counts from several threads.
final class Count: Sendable {
  private let count = Mutex(0)
  var value: Int { count.withLock { $0 } }
  @discardableResult func increment() -> Int {
    count.withLock { count in
      count += 1
      return count
    }
  }
}
