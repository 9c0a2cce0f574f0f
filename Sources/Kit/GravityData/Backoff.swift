/// Pauses that double from failure to failure, with jitter so that those that failed together do not come back together.
package struct Backoff: Sendable {
  private let first: Duration
  private let greatest: Duration
  /// Since the last success.
  package private(set) var failures = 0

  package init(first: Duration, greatest: Duration) {
    self.first = first
    self.greatest = greatest
  }

  package mutating func failed() { failures += 1 }
  package mutating func succeeded() { failures = 0 }

  /// How long to wait now: between half and all of what the failures come to.
  package var pause: Duration {
    let doubled = min(first * (1 << min(max(failures - 1, 0), 20)), greatest)
    return doubled * Double.random(in: 0.5...1)
  }

  /// Counts a failure and says how long to wait.
  package mutating func next() -> Duration {
    failed()
    return pause
  }
}
