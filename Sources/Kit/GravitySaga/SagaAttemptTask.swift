import Foundation
import Synchronization

/// Why an attempt was cancelled.
enum SagaAttemptEnd: Sendable, Hashable {
  case timeLimit
  /// The saga is another owner's.
  case lost
  case shutdown
}

/// An attempt that is under way: its task, why that was cancelled, and who waits for it.
final class SagaAttemptTask: Sendable {
  enum Result: Sendable {
    case success(AnySagaOutcome)
    case failure(any Error)
    /// It did not heed its cancellation in time and is left behind.
    case abandoned
  }
  private struct State {
    var body: Task<Void, Never>?
    var reason: SagaAttemptEnd?
    var result: Result?
    var waiter: CheckedContinuation<Result, Never>?
  }
  private let state = Mutex(State())
  private let grace: Duration

  init(grace: Duration) { self.grace = grace }

  var reason: SagaAttemptEnd? { state.withLock { $0.reason } }

  /// Runs `body` and waits for its end, but no longer than it is given.
  ///
  /// The body is a task of its own, in no group: one that does not heed its cancellation has to be left behind, and a
  /// group would wait for it.
  func run(_ limit: Duration, _ body: @escaping @Sendable () async throws -> AnySagaOutcome) async -> Result {
    let task = Task {
      do { end(.success(try await body())) } catch { end(.failure(error)) }
    }
    let isCancelled = state.withLock { state in
      state.body = task
      return state.reason != nil
    }
    if isCancelled { task.cancel() }
    let alarm = Task {
      try await Task.sleep(for: limit)
      cancel(.timeLimit)
    }
    defer { alarm.cancel() }
    return await withCheckedContinuation { continuation in
      let result = state.withLock { state in
        if state.result == nil { state.waiter = continuation }
        return state.result
      }
      if let result { continuation.resume(returning: result) }
    }
  }

  /// The first reason counts; the body has the grace from then on.
  func cancel(_ reason: SagaAttemptEnd) {
    let body: Task<Void, Never>?? = state.withLock { state in
      guard state.reason == nil, state.result == nil else { return nil }
      state.reason = reason
      return .some(state.body)
    }
    guard let body else { return }
    body?.cancel()
    Task { [grace, weak self] in
      try await Task.sleep(for: grace)
      self?.end(.abandoned)
    }
  }

  private func end(_ result: Result) {
    let waiter = state.withLock { state in
      state.body = nil
      guard state.result == nil else { return nil as CheckedContinuation<Result, Never>? }
      state.result = result
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: result)
  }
}
