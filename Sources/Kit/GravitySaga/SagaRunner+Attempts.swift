import Dispatch
import Foundation
import GravityContracts
import GravityData
import GravityTelemetry
import Logging
import ServiceContextModule
import Synchronization

extension SagaRunner {
  /// Runs a saga from here on, as far as it goes, and returns at once.
  ///
  /// It is a task of its own: ``State/running`` holds it until it has ended, and a shutdown waits for that.
  func begin(_ saga: ClaimedSaga) {
    guard let kind = sagas[saga.row.name] else { return forget(saga.row.id) }
    let begins = state.withLock { state in
      state.known.insert(saga.row.id)
      guard state.running[saga.row.id] == nil else {
        state.held[saga.row.id] = saga
        return false
      }
      state.running[saga.row.id] = .some(nil)
      return true
    }
    guard begins else { return }
    if saga.row.entries == 0, saga.row.attempt == 1 { metrics[kind.name]?.began() }
    Task { await drive(saga, kind) }
  }

  private func drive(_ saga: ClaimedSaga, _ kind: AnySaga) async {
    let row = saga.row
    var context = ServiceContext.topLevel
    let tracer = ServiceContext.current?.tracer ?? .disabled
    context.tracer = tracer
    // A saga that nothing began has a trace of its own.
    let parent =
      row.traceparent.flatMap { TraceContext(traceparent: $0) } ?? tracer.span("", kind: .internal).context
    context.requestID = row.requestID
    var logger = self.logger
    logger[metadataKey: "saga.id"] = "\(row.id.lowercased)"
    logger[metadataKey: "saga.name"] = "\(row.name)"
    var saga = saga
    while true {
      let span = tracer.span("saga \(row.name) \(saga.row.step ?? "ended")", kind: .internal, parent: parent)
      span.set("gravity.saga.id", .string(row.id.lowercased))
      span.set("gravity.saga.attempt", .int(saga.row.attempt))
      context.span = span
      let next = await ServiceContext.withValue(context) { await step(saga, kind, logger) }
      span.end()
      guard let next, next.row.owner != nil, next.row.owner == saga.row.owner else {
        if let next { ended(next.row) }
        break
      }
      saga = next
    }
    forget(row.id)
  }

  /// One attempt and what became of it.
  /// - Returns: nil when the saga is another's, or the outcome could not be written.
  private func step(_ saga: ClaimedSaga, _ kind: AnySaga, _ logger: Logger) async -> ClaimedSaga? {
    // Its lease was lost between two steps: the next is another's to begin.
    guard saga.row.owner == owner else { return nil }
    let start = DispatchTime.now().uptimeNanoseconds
    let result = await attempt(saga, kind, logger)
    let nanoseconds = DispatchTime.now().uptimeNanoseconds &- start
    switch result {
    case .failed, .unreadable: ServiceContext.current?.span?.fail("failed")
    default: break
    }
    guard let concluded = await conclude(saga, kind, result, logger) else {
      logger.warning("the saga is another instance's by now, or its step's end could not be written")
      return nil
    }
    faultPoint("\(saga.row.faultPrefix).recorded:\(saga.row.placeName)")
    if let entry = concluded.entry { metrics[kind.name]?.ended(entry, nanoseconds: nanoseconds) }
    report(concluded, logger)
    return concluded.saga
  }

  private func attempt(_ saga: ClaimedSaga, _ kind: AnySaga, _ logger: Logger) async -> AttemptResult {
    let row = saga.row
    guard let name = row.step else { return .undone }
    guard let index = kind.index(of: name) else { return .unreadable("this build's \(kind.name) has no step \(name)") }
    let step = kind.steps[index]
    faultPoint("\(row.faultPrefix).before:\(row.placeName)")
    guard let run = row.kind == .action ? step.action : step.compensation else {
      return .unreadable("this build's \(kind.name) cannot undo the step \(name)")
    }
    let input = SagaInput(
      reference: row.reference, data: row.data, number: row.attempt, signal: saga.signal?.signal,
      timedOut: row.awaiting != nil && saga.signal == nil && row.kind == .action,
      refusal: row.kind == .action ? nil : row.refusal)
    let task = SagaAttemptTask(grace: configuration.cancellationGrace)
    let (isHurried, isLost) = state.withLock { state in
      state.running[row.id] = task
      return (state.isHurried, state.owner != row.owner)
    }
    if isLost { task.cancel(.lost) }
    if isHurried { task.cancel(.shutdown) }
    let result = await task.run(step.timeLimit) { try await run(input) }
    faultPoint("\(row.faultPrefix).after-action:\(row.placeName)")
    switch (result, task.reason) {
    case (.success(let outcome), _): return .outcome(outcome)
    case (.failure(let error as SagaUndecodable), _): return .unreadable(error.description)
    case (_, .lost), (_, .shutdown): return .interrupted
    case (.abandoned, _):
      logger.error("a step does not heed its cancellation and is left behind", metadata: ["saga.step": "\(name)"])
      return .failed("took longer than \(step.timeLimit), and did not heed its cancellation", .timedOut)
    case (.failure, .timeLimit): return .failed("took longer than \(step.timeLimit)", .timedOut)
    case (.failure(let error), nil): return .failed(SagaErrorText.text(of: error), .failed)
    }
  }

  private func report(_ concluded: Concluded, _ logger: Logger) {
    let row = concluded.saga.row
    if row.state == .parked {
      logger.error("a saga is parked", metadata: ["saga.step": "\(row.step ?? "-")", "error": "\(row.error ?? "")"])
    } else if let entry = concluded.entry, let error = entry.error {
      logger.warning(
        "a saga's step failed",
        metadata: ["saga.step": "\(entry.step)", "saga.attempt": "\(entry.attempt)", "error": "\(error)"])
    } else if row.endedAt != nil {
      logger.debug("a saga has ended", metadata: ["saga.state": "\(row.state.rawValue)"])
    }
  }

  /// The saga is nobody's any more.
  private func ended(_ row: SagaRow) {
    if let endedAt = row.endedAt {
      metrics[row.name]?.ended(row.state, afterSeconds: endedAt.timeIntervalSince(row.startedAt))
      faultPoint("saga.ended:\(row.name)")
      store.hub.ended(row.id)
    } else if let runAt = row.runAt, runAt.timeIntervalSince(row.updatedAt) < configuration.pollInterval.inSeconds {
      work.raise()
    }
  }

  private func forget(_ id: UUID) {
    let (held, hasQueue, hasBacklog) = state.withLock { state in
      state.running[id] = nil
      let held = state.held.removeValue(forKey: id)
      if held == nil { state.known.remove(id) }
      return (held, !state.queue.isEmpty, state.hasBacklog)
    }
    if let held { begin(held) }
    if hasQueue { arrived.raise() }
    if hasBacklog { work.raise() }
    idle.raise()
  }
}

extension SagaRow {
  fileprivate var faultPrefix: String { kind == .action ? "saga.step" : "saga.compensation" }
  fileprivate var placeName: String { "\(name).\(step ?? "ended")" }
}
