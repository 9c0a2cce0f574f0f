import NIOCore
import Synchronization

/// A reply, and the run of the server that it came from.
package struct RedisReply: Sendable {
  package var value: RESPValue
  /// `run_id` of `INFO server`: another one after each start, and on each node. nil where the user may not ask.
  package var runID: String?
}

/// Waits for one result, which may be there before; what comes after the first is dropped.
final class Waiter<Value: Sendable>: Sendable {
  private enum State {
    case empty
    case waiting(CheckedContinuation<Value, any Error>)
    case finished(Result<Value, any Error>)
    case over
  }
  private let state = Mutex(State.empty)

  func wait(_ continuation: CheckedContinuation<Value, any Error>) {
    let result: Result<Value, any Error>? = state.withLock { state in
      if case .finished(let result) = state {
        state = .over
        return result
      }
      state = .waiting(continuation)
      return nil
    }
    if let result { continuation.resume(with: result) }
  }

  func finish(_ result: Result<Value, any Error>) {
    let continuation: CheckedContinuation<Value, any Error>? = state.withLock { state in
      switch state {
      case .empty: state = .finished(result)
      case .waiting(let continuation):
        state = .over
        return continuation
      case .finished, .over: break
      }
      return nil
    }
    continuation?.resume(with: result)
  }

  /// Suspends until there is a result, or the task is cancelled.
  func value(begin: () -> Void) async throws -> Value {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        wait(continuation)
        begin()
      }
    } onCancel: {
      finish(.failure(CancellationError()))
    }
  }
}

/// Several commands that were sent together, and are answered together.
final class Pipeline: Sendable {
  private struct State {
    var replies: [Result<RedisReply, RedisError>?]
    var missing: Int
  }
  let waiter = Waiter<[Result<RedisReply, RedisError>]>()
  private let state: Mutex<State>

  init(count: Int) { state = Mutex(State(replies: Array(repeating: nil, count: count), missing: count)) }

  func finish(_ index: Int, _ result: Result<RedisReply, RedisError>) {
    let all: [Result<RedisReply, RedisError>]? = state.withLock { state in
      guard state.replies[index] == nil else { return nil }
      state.replies[index] = result
      state.missing -= 1
      return state.missing == 0 ? state.replies.compactMap { $0 } : nil
    }
    if let all { waiter.finish(.success(all)) }
  }
}

enum ReplyReceiver: Sendable {
  case one(Waiter<RedisReply>)
  case part(Pipeline, Int)

  func finish(_ result: Result<RedisReply, RedisError>) {
    switch self {
    case .one(let waiter): waiter.finish(result.mapError { $0 })
    case .part(let pipeline, let index): pipeline.finish(index, result)
    }
  }
}
