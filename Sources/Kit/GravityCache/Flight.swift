import Synchronization

/// Somebody who waits for one result, or for being cancelled, whichever comes first.
final class Waiter<Value: Sendable>: Sendable {
  private enum State {
    case idle
    case waiting(CheckedContinuation<Value, any Error>)
    case done(Result<Value, any Error>)
    case answered
  }
  private let state = Mutex(State.idle)

  func wait(_ continuation: CheckedContinuation<Value, any Error>) {
    let early: Result<Value, any Error>? = state.withLock { state in
      if case .done(let result) = state {
        state = .answered
        return result
      }
      state = .waiting(continuation)
      return nil
    }
    if let early { continuation.resume(with: early) }
  }

  /// - Returns: false when there was a result before.
  @discardableResult func finish(_ result: Result<Value, any Error>) -> Bool {
    let (isFirst, continuation): (Bool, CheckedContinuation<Value, any Error>?) = state.withLock { state in
      switch state {
      case .idle:
        state = .done(result)
        return (true, nil)
      case .waiting(let continuation):
        state = .answered
        return (true, continuation)
      case .done, .answered: return (false, nil)
      }
    }
    continuation?.resume(with: result)
    return isFirst
  }
}

/// One load of a key and those who wait for it. Its end is not theirs: a caller that is cancelled just leaves.
@usableFromInline final class Flight<Value: Sendable>: Sendable {
  /// The shard's count when it began.
  let began: UInt64
  /// When it began: fences do not stand for ever, so what took longer than they do is not stored.
  let startedAt: Int64
  /// What the loader is told, when the key was invalidated lately.
  let leastVersion: Int64?
  /// Whether a value is served meanwhile, so that nobody needs to wait.
  let isRefresh: Bool
  private let waiters = Mutex<[Waiter<Value?>]>([])

  init(began: UInt64, startedAt: Int64, leastVersion: Int64?, isRefresh: Bool) {
    self.began = began
    self.startedAt = startedAt
    self.leastVersion = leastVersion
    self.isRefresh = isRefresh
  }

  var waiterCount: Int { waiters.withLock { $0.count } }

  func add(_ waiter: Waiter<Value?>) { waiters.withLock { $0.append(waiter) } }

  /// Answers those who wait now. May be called again for those who came later.
  func answer(_ result: Result<Value?, any Error>) {
    let leaving = waiters.withLock { waiters in
      defer { waiters = [] }
      return waiters
    }
    for waiter in leaving { waiter.finish(result) }
  }
}
