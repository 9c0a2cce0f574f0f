import Dispatch
import Foundation
import GravityData
import GravityTelemetry
import Logging
import ServiceContextModule
import Synchronization

extension TaskWorker {
  /// Begins an attempt and returns at once.
  ///
  /// It is a task of its own, in no group: a handler that does not heed its cancellation has to be left behind, and a
  /// group would wait for it. Nothing is forgotten for that: ``State/running`` holds every attempt until its outcome
  /// is written, and a shutdown waits for them.
  func begin(_ task: ClaimedTask, _ handler: TaskHandler) {
    let attempt = AttemptState(task, grace: configuration.cancellationGrace)
    state.withLock { state in
      state.running[task.key] = attempt
      state.runningOf[task.type, default: 0] += 1
    }
    handler.metrics.began(after: task.latency)
    Task { await run(task, handler, attempt) }
  }

  private func run(_ task: ClaimedTask, _ handler: TaskHandler, _ attempt: AttemptState) async {
    let tracer = ServiceContext.current?.tracer ?? .disabled
    let span = tracer.span(
      "task \(task.type)", kind: .consumer, parent: task.traceparent.flatMap { TraceContext(traceparent: $0) })
    var context = ServiceContext.topLevel
    context.tracer = tracer
    context.span = span
    context.requestID = task.requestID
    var logger = self.logger
    logger[metadataKey: "task.id"] = "\(task.id.uuidString.lowercased())"
    logger[metadataKey: "task.type"] = "\(task.type)"
    logger[metadataKey: "task.attempt"] = "\(task.attempt)"
    await ServiceContext.withValue(context) {
      let start = DispatchTime.now().uptimeNanoseconds
      let result = await perform(task, handler, attempt, logger)
      let label = await conclude(task, handler, attempt, result, logger)
      handler.metrics.ended(label, nanoseconds: DispatchTime.now().uptimeNanoseconds &- start)
      span.end(task, label)
    }
    release(task, attempt, handler, logger)
  }

  /// Runs the handler and waits for its end, but no longer than it is given.
  private func perform(
    _ task: ClaimedTask, _ handler: TaskHandler, _ attempt: AttemptState, _ logger: Logger
  ) async -> AttemptState.Result {
    let taskContext = TaskContext(task, state: attempt, logger: logger)
    let body = Task {
      do {
        try await handler.run(task.payload, taskContext)
        attempt.ended(.success)
      } catch {
        attempt.ended(.failure(error))
      }
    }
    attempt.begin(body)
    let alarm = Task {
      try await Task.sleep(for: handler.timeout)
      attempt.cancel(.timeout)
    }
    defer { alarm.cancel() }
    return await attempt.end()
  }

  /// Decides what became of the task, and writes it.
  /// - Returns: the outcome's name for metrics.
  private func conclude(
    _ task: ClaimedTask, _ handler: TaskHandler, _ attempt: AttemptState, _ result: AttemptState.Result,
    _ logger: Logger
  ) async -> String {
    if case .abandoned = result {
      logger.error(
        "a handler does not heed its cancellation and is left behind", metadata: ["reason": "\(attempt.reason as Any)"])
      // The process ends: then so does the handler. Else its lease runs out, and the next attempt begins after that.
      guard attempt.reason == .shutdown else { return "abandoned" }
    }
    if attempt.isCompleting, let ended = await write(.doneByItself, task, handler, attempt, logger) {
      if case .failure(let error) = result {
        logger.warning("a handler failed after its task was done", metadata: ["error": "\(error)"])
      }
      return ended.label
    }
    guard let outcome = outcome(of: result, task, handler, attempt),
      let ended = await write(outcome, task, handler, attempt, logger)
    else {
      logger.warning("the task went to another attempt before this one's end")
      return "lost"
    }
    switch ended {
    case .failed(let error, let delay, _):
      logger.warning("a task failed", metadata: ["error": "\(error)", "retry.after": "\(delay)"])
    case .dead(let error): logger.error("a task is dead", metadata: ["error": "\(error)"])
    case .canceled, .givenBack: logger.info("a task ended early", metadata: ["outcome": "\(ended.label)"])
    case .done, .doneByItself: break
    }
    return ended.label
  }

  /// - Returns: nil when the attempt has lost its task, and there is nothing to write.
  private func outcome(
    of result: AttemptState.Result, _ task: ClaimedTask, _ handler: TaskHandler, _ attempt: AttemptState
  ) -> TaskOutcome? {
    let chance = configuration.chance()
    switch (result, attempt.reason) {
    case (_, .lost): return nil
    case (_, .requested): return .canceled
    case (.abandoned, _), (.failure, .shutdown): return .givenBack
    case (.success, _):
      // It said that it completes the task in a transaction, and that was not committed.
      guard !attempt.isCompleting else {
        return handler.failed(
          "the transaction that completes the task was not committed", failures: task.failures, chance: chance)
      }
      return .done
    case (.failure, .timeout):
      return handler.failed("took longer than \(handler.timeout)", failures: task.failures, chance: chance)
    case (.failure(let error), nil):
      if error is TaskLost { return nil }
      return handler.outcome(of: error, failures: task.failures, chance: chance)
    }
  }

  /// Writes the outcome, again and again while the lease lasts; after that it is another attempt's to do the task.
  private func write(
    _ outcome: TaskOutcome, _ task: ClaimedTask, _ handler: TaskHandler, _ attempt: AttemptState, _ logger: Logger
  ) async -> TaskOutcome? {
    var (outcome, errors) = (outcome, 0)
    while true {
      do {
        if let ended = try await outcomes.write(task.key, outcome, retention: task.retention) { return ended }
        // A commit of which nothing was known may have been ours.
        guard errors > 0, outcome == .done else { return nil }
        outcome = .doneByItself
        errors = 0
      } catch {
        errors += 1
        let isOver = attempt.nanosecondsSinceRenewal > UInt64(configuration.lease.inSeconds * 1e9)
        let canSucceed = (error as? DatabaseError).map { $0.isTransient || $0.code == .commitUnknown } ?? false
        logger.warning("an outcome cannot be written", metadata: ["error": "\(error)", "outcome": "\(outcome.label)"])
        guard canSucceed, !isOver else { return nil }
        // Nobody signals this one; it only keeps the pause.
        await Signal().wait(atMost: retryPause(errors))
      }
    }
  }

  private func release(
    _ task: ClaimedTask, _ attempt: AttemptState, _ handler: TaskHandler, _ logger: Logger
  ) {
    let isStray = attempt.isAbandoned
    let strays = state.withLock { state in
      state.running[task.key] = nil
      state.runningOf[task.type, default: 1] -= 1
      if isStray { state.strays[task.type, default: 0] += 1 }
      return state.strays[task.type, default: 0]
    }
    if isStray {
      handler.metrics.strays(strays)
      attempt.whenStrayEnds { [self] in
        let strays = state.withLock { state in
          state.strays[task.type, default: 1] -= 1
          return state.strays[task.type, default: 0]
        }
        handler.metrics.strays(strays)
        logger.notice("a handler that was left behind has ended")
        work.raise()
      }
    }
    work.raise()
    idle.raise()
  }
}

extension Span {
  /// - Parameter outcome: As in metrics.
  fileprivate func end(_ task: ClaimedTask, _ outcome: String) {
    set("messaging.system", "gravity")
    set("messaging.operation.type", "process")
    set("messaging.operation.name", "attempt")
    set("messaging.destination.name", .string(task.type))
    set("messaging.message.id", .string(task.id.uuidString.lowercased()))
    set("gravity.task.attempt", .int(task.attempt))
    set("gravity.task.outcome", .string(outcome))
    // What was canceled, given back or is done elsewhere has not failed.
    if ["failed", "dead", "abandoned"].contains(outcome) { fail(outcome) }
    end()
  }
}
