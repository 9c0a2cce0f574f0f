import GravityContracts
import NIOCore
import Synchronization

/// Ends work that takes longer than whoever asked will wait.
struct EventLoopDeadline: Sendable {
  let eventLoop: any EventLoop

  /// Runs `work` in a child that is cancelled after `limit`; the timer costs no task.
  /// - Throws: 504 when the time was up and the work gave way to it.
  func run<Value: Sendable>(
    within limit: Duration, _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let expired = Flag()
    let task = Task { try await work() }
    let timer = eventLoop.scheduleTask(in: TimeAmount(limit)) {
      expired.value.store(true, ordering: .relaxed)
      task.cancel()
    }
    defer { timer.cancel() }
    do {
      return try await withTaskCancellationHandler {
        try await task.value
      } onCancel: {
        task.cancel()
      }
    } catch  where expired.value.load(ordering: .relaxed) && !(error is Problem) {
      throw Problem(
        504, "deadline_exceeded", "This took longer than the caller will wait",
        detail: "It was given up; look before you try again.")
    }
  }

  private final class Flag: Sendable { let value = Atomic(false) }
}
