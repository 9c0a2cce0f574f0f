import Dispatch
import Synchronization

/// Why a handler was cancelled.
enum AttemptEnd: Sendable, Hashable {
  case timeout
  case requested
  case lost
  case shutdown
}

/// A running attempt: its handler's task, why that was cancelled, and who waits for it.
final class AttemptState: Sendable {
  enum Result: Sendable {
    case success
    case failure(any Error)
    /// The handler did not heed its cancellation in time and is left behind.
    case abandoned
  }
  private struct State {
    var body: Task<Void, Never>?
    var reason: AttemptEnd?
    var result: Result?
    var waiter: CheckedContinuation<Result, Never>?
    var hasEnded = false
    var isCompleting = false
    var progress: TaskProgress?
    var renewedAt = DispatchTime.now().uptimeNanoseconds
    var onStrayEnd: (@Sendable () -> Void)?
  }
  private let state = Mutex(State())
  let key: AttemptKey
  let type: String
  /// Seconds.
  let retention: Int
  private let grace: Duration

  /// - Parameter grace: how long a handler may take to end after it was cancelled.
  init(_ task: ClaimedTask, grace: Duration) {
    key = task.key
    type = task.type
    retention = task.retention
    self.grace = grace
  }

  var isCancelled: Bool { state.withLock { $0.reason != nil } }
  var reason: AttemptEnd? { state.withLock { $0.reason } }
  var isAbandoned: Bool { state.withLock { if case .abandoned = $0.result { true } else { false } } }
  var isCompleting: Bool { state.withLock { $0.isCompleting } }

  func completes() { state.withLock { $0.isCompleting = true } }
  func report(_ progress: TaskProgress) { state.withLock { $0.progress = progress } }

  func takeProgress() -> TaskProgress? {
    state.withLock { state in
      defer { state.progress = nil }
      return state.progress
    }
  }

  /// Gives back what could not be written, unless there is something newer.
  func restore(_ progress: TaskProgress) {
    state.withLock { if $0.progress == nil { $0.progress = progress } }
  }

  func renewed(at time: UInt64) { state.withLock { $0.renewedAt = max($0.renewedAt, time) } }

  /// By this machine's clock, from before the renewal was asked for.
  var nanosecondsSinceRenewal: UInt64 {
    state.withLock { DispatchTime.now().uptimeNanoseconds &- $0.renewedAt }
  }

  func begin(_ body: Task<Void, Never>) {
    let isCancelled = state.withLock { state in
      state.body = body
      return state.reason != nil
    }
    if isCancelled { body.cancel() }
  }

  /// The first reason counts; the handler has the grace from then on.
  func cancel(_ reason: AttemptEnd) {
    let body: Task<Void, Never>?? = state.withLock { state in
      guard state.reason == nil, state.result == nil else { return nil }
      state.reason = reason
      return .some(state.body)
    }
    guard let body else { return }
    body?.cancel()
    Task { [grace, weak self] in
      try await Task.sleep(for: grace)
      self?.abandon()
    }
  }

  func ended(_ result: Result) {
    let (waiter, onStrayEnd) = state.withLock { state in
      state.hasEnded = true
      state.body = nil
      if state.result == nil { state.result = result }
      defer { (state.waiter, state.onStrayEnd) = (nil, nil) }
      return (state.waiter, state.onStrayEnd)
    }
    waiter?.resume(returning: result)
    onStrayEnd?()
  }

  /// Waits for the handler's end, or until it is given up.
  func end() async -> Result {
    await withCheckedContinuation { continuation in
      let result = state.withLock { state in
        if state.result == nil { state.waiter = continuation }
        return state.result
      }
      if let result { continuation.resume(returning: result) }
    }
  }

  /// Calls `body` when an abandoned handler ends after all; at once if it has.
  func whenStrayEnds(_ body: @escaping @Sendable () -> Void) {
    let hasEnded = state.withLock { state in
      if !state.hasEnded { state.onStrayEnd = body }
      return state.hasEnded
    }
    if hasEnded { body() }
  }

  private func abandon() {
    let waiter = state.withLock { state in
      guard state.result == nil else { return nil as CheckedContinuation<Result, Never>? }
      state.result = .abandoned
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: .abandoned)
  }
}
