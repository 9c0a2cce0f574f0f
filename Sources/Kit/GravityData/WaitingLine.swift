import Dispatch
import ServiceContextModule
import Synchronization

/// Calls that wait for their turn on an engine, first come, first served.
///
/// The line is bounded in length and in time, so that a slow database answers ``DatabaseError/Code/busy`` instead of
/// piling up callers. A caller that is cancelled leaves the line and its body is never run.
package final class WaitingLine<Context>: Sendable {
  /// What tells the caller how its call ended, given why it could not be committed.
  package typealias Answer = @Sendable (_ failure: (any Error)?) -> Void

  package struct Call: Sendable {
    /// May run more than once; only the last run is answered.
    package let run: @Sendable (Context) -> Answer
    package let refuse: @Sendable (any Error) -> Void
    fileprivate let cancellation: Cancellation
    fileprivate let deadline: UInt64
    fileprivate var runs = 0
  }

  private struct State {
    var calls: [Call] = []
    var closed: DatabaseError?
    var isTimerSet = false
  }

  private let state = Mutex(State())
  private let limit: Int
  private let timeout: UInt64
  private let refusal: @Sendable () -> DatabaseError

  /// - Parameters:
  ///   - limit: how many calls may wait; at least 1.
  ///   - timeout: how long one may wait.
  ///   - refusal: what a caller is told that waited too long or found the line full.
  package init(
    limit: Int, timeout: Duration,
    refusal: @escaping @Sendable () -> DatabaseError = { DatabaseError(.busy, "too many calls wait, or too long") }
  ) {
    self.limit = max(1, limit)
    self.timeout = timeout.nanoseconds
    self.refusal = refusal
  }

  package var count: Int { state.withLock { $0.calls.count } }

  /// Waits until `body` has run and was answered.
  ///
  /// - Parameter wake: called when the call stands in the line, to see to it that somebody takes it.
  package func submit<T: Sendable>(
    _ cancellation: Cancellation, wake: @escaping @Sendable () -> Void,
    _ body: @escaping @Sendable (Context) throws -> T
  ) async throws -> T {
    // The body runs on a thread of the engine, where nobody knows the task; what it writes may belong to a trace.
    let serviceContext = ServiceContext.current
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let call = Call(
          run: { context in
            let outcome = Result {
              guard let serviceContext else { return try body(context) }
              return try ServiceContext.withValue(serviceContext) { try body(context) }
            }
            return { failure in
              if let failure, case .success = outcome {
                continuation.resume(throwing: failure)
              } else {
                continuation.resume(with: outcome)
              }
            }
          },
          refuse: { continuation.resume(throwing: $0) },
          cancellation: cancellation,
          deadline: DispatchTime.now().uptimeNanoseconds &+ timeout)
        if let error = append(call) { call.refuse(error) } else { wake() }
      }
    } onCancel: {
      cancellation.cancel()
      remove(cancellation)?.refuse(CancellationError())
    }
  }

  /// The next calls; from now on they cannot be cancelled nor time out by waiting.
  package func take(atMost count: Int) -> [Call] {
    state.withLock { state in
      let taken = Array(state.calls.prefix(count))
      state.calls.removeFirst(taken.count)
      return taken
    }
  }

  /// Gives a call its place at the head again after a run that had no effect. It may be cancelled again.
  /// - Parameter times: How often one call can come back.
  /// - Returns: false when it must be answered now.
  package func putBack(_ call: Call, atMost times: Int = 1) -> Bool {
    guard call.runs < times, call.deadline > DispatchTime.now().uptimeNanoseconds else { return false }
    var call = call
    call.runs += 1
    let (isBack, setsTimer) = state.withLock { state in
      if state.closed != nil || call.cancellation.isCancelled { return (false, false) }
      state.calls.insert(call, at: 0)
      defer { state.isTimerSet = true }
      return (true, !state.isTimerSet)
    }
    if setsTimer { setTimer(call.deadline) }
    return isBack
  }

  /// Refuses those that wait and all that come later.
  package func close(_ error: DatabaseError) {
    let calls = state.withLock { state in
      state.closed = error
      defer { state.calls = [] }
      return state.calls
    }
    for call in calls { call.refuse(error) }
  }

  private func append(_ call: Call) -> (any Error)? {
    let (error, setsTimer): ((any Error)?, Bool) = state.withLock { state in
      if let closed = state.closed { return (closed, false) }
      // Under the lock: a cancellation that comes after this check finds the call in the line.
      if call.cancellation.isCancelled { return (CancellationError(), false) }
      if state.calls.count >= limit { return (refusal(), false) }
      state.calls.append(call)
      defer { state.isTimerSet = true }
      return (nil, !state.isTimerSet)
    }
    if setsTimer { setTimer(call.deadline) }
    return error
  }

  private func remove(_ cancellation: Cancellation) -> Call? {
    state.withLock { state in
      guard let index = state.calls.firstIndex(where: { $0.cancellation === cancellation }) else { return nil }
      return state.calls.remove(at: index)
    }
  }

  /// One timer for the whole line: all wait equally long, so the first is the first to give up.
  private func setTimer(_ deadline: UInt64) {
    DispatchQueue.global().asyncAfter(deadline: DispatchTime(uptimeNanoseconds: deadline)) { [weak self] in
      self?.refuseLate()
    }
  }

  private func refuseLate() {
    let now = DispatchTime.now().uptimeNanoseconds
    let (late, next): (ArraySlice<Call>, UInt64?) = state.withLock { state in
      let late = state.calls.prefix { $0.deadline <= now }
      state.calls.removeFirst(late.count)
      state.isTimerSet = !state.calls.isEmpty
      return (late, state.calls.first?.deadline)
    }
    if let next { setTimer(next) }
    guard !late.isEmpty else { return }
    let error = refusal()
    for call in late { call.refuse(error) }
  }
}

extension Duration {
  /// 0 for what is negative; what is longer than a century is as good as that.
  package var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max / 4 : min(.max / 4, product + UInt64(attoseconds / 1_000_000_000))
  }
}
