import Foundation

/// A registered handler with its payload's type forgotten.
struct TaskHandler: Sendable {
  let type: String
  let maximumAttempts: Int
  let timeout: Duration
  let backoff: TaskBackoff
  /// How many run at once in one worker.
  let concurrency: Int
  let metrics: TaskTypeMetrics
  let run: @Sendable (_ payload: String, _ context: TaskContext) async throws -> Void

  init<Payload>(
    _ type: TaskType<Payload>, concurrency: Int, metrics: TaskTypeMetrics,
    _ body: @escaping @Sendable (Payload, TaskContext) async throws -> Void
  ) {
    self.type = type.name
    maximumAttempts = type.maximumAttempts
    timeout = type.timeout
    backoff = type.backoff
    self.concurrency = concurrency
    self.metrics = metrics
    run = { payload, context in
      try await body(try JSONDecoder().decode(Payload.self, from: Data(payload.utf8)), context)
    }
  }

  /// What becomes of a task whose handler threw.
  func outcome(of error: any Error, failures: Int, chance: Double) -> TaskOutcome {
    switch error {
    case TaskFailure.permanent(let reason): .dead(reason.bounded(to: 500))
    case TaskFailure.retry(let delay, let reason):
      .failed(
        reason.bounded(to: 500), delay: min(max(delay, .zero), .seconds(366 * 86_400)),
        maximumAttempts: maximumAttempts)
    default: failed("\(error)", failures: failures, chance: chance)
    }
  }

  func failed(_ text: String, failures: Int, chance: Double) -> TaskOutcome {
    .failed(
      text.bounded(to: 500), delay: backoff.delay(after: failures + 1, chance: chance),
      maximumAttempts: maximumAttempts)
  }
}
