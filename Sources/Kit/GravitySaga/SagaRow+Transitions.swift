import Foundation
import GravityContracts

/// How an attempt ended, as its runner saw it.
enum AttemptResult: Sendable {
  case outcome(AnySagaOutcome)
  /// It may have had its effect.
  case failed(String, SagaStepState)
  /// It was not begun: this build cannot read the state.
  case unreadable(String)
  /// A shutdown ended it.
  case interrupted
  /// Nothing is left to be undone.
  case undone
}

/// What a saga does next, given how its attempt ended. Pure: who calls it writes the result.
struct SagaDecision {
  let saga: AnySaga
  let now: Date
  /// 0 to 1, for jitter.
  let chance: Double
  /// Whether the owner goes on with the next step; else the saga is given back.
  let goesOn: Bool
}

extension SagaRow {
  /// Something that happened to the present step.
  func entry(_ outcome: SagaStepState, error: String? = nil, at now: Date) -> TimelineEntry {
    TimelineEntry(
      step: step ?? "ended", kind: kind, attempt: attempt, startedAt: beganAt ?? now, endedAt: now, outcome: outcome,
      error: error)
  }

  // MARK: - Actions

  /// The step is done; what comes next.
  /// - Returns: how the saga ends, if it does.
  mutating func advance(_ decision: SagaDecision) -> SagaEnding? {
    guard let present = step else { return nil }
    done.append(present)
    if let cancellation, !isPastPivot { return undo(cancellation, decision) }
    guard let index = decision.saga.index(of: present) else { return nil }
    guard index + 1 < decision.saga.steps.count else { return .completed }
    begin(decision.saga.steps[index + 1], .action, decision)
    return nil
  }

  mutating func wait(for event: String, until end: Date, _ decision: SagaDecision) -> SagaEnding? {
    isInDoubt = true
    if let cancellation, !isPastPivot { return undo(cancellation, includingPresent: true, decision) }
    (awaiting, waitUntil) = (event, end)
    (failures, patientSince, error) = (0, nil, nil)
    state = .waiting
    rest(until: end)
    return nil
  }

  /// The event that it was to wait for is there already.
  mutating func goOnWithSignal(as owner: String?, _ decision: SagaDecision) {
    state = .running
    guard decision.goesOn else { return rest(until: decision.now) }
    self.owner = owner
    attempt += 1
    (beganAt, patientSince) = (decision.now, decision.now)
  }

  mutating func refuse(_ refusal: SagaRefusal, _ decision: SagaDecision) -> SagaEnding? {
    let isPivot = step.flatMap(decision.saga.index).map { decision.saga.steps[$0].isPivot } ?? false
    guard !isPastPivot || isPivot else {
      park("refused after the pivot: \(refusal.code)\(refusal.detail.map { ": \($0)" } ?? "")")
      return nil
    }
    // A request that is still on its way may take effect after the one that was refused.
    return undo(cancellation ?? refusal, includingPresent: isInDoubt, decision)
  }

  /// An action failed, and may have had its effect.
  mutating func fail(_ error: String, _ decision: SagaDecision) -> SagaEnding? {
    self.error = error
    failures += 1
    isInDoubt = true
    guard let present = step, let index = decision.saga.index(of: present) else {
      park(error)
      return nil
    }
    let retry = decision.saga.steps[index].retry
    let isOver = decision.now.timeIntervalSince(patientSince ?? decision.now) >= retry.patience.inSeconds
    if isPastPivot {
      if isOver { state = .parked }
      let wait = isOver ? retry.wait(after: 1_000, chance: decision.chance) : pause(retry, decision)
      rest(until: decision.now.addingTimeInterval(wait.inSeconds))
      return nil
    }
    if let cancellation { return undo(cancellation, includingPresent: true, decision) }
    if isOver {
      return undo(
        SagaRefusal(code: SagaRefusal.stepUnavailable, detail: present), includingPresent: true, decision)
    }
    rest(until: decision.now.addingTimeInterval(pause(retry, decision).inSeconds))
    return nil
  }

  // MARK: - Compensations

  /// From now on what was done is undone.
  mutating func undo(
    _ refusal: SagaRefusal, includingPresent: Bool = false, _ decision: SagaDecision
  ) -> SagaEnding? {
    if includingPresent, let step { done.append(step) }
    self.refusal = refusal
    isPastPivot = false
    return undoNext(decision)
  }

  /// The present compensation is done; what comes next.
  mutating func undone(_ decision: SagaDecision) -> SagaEnding? {
    if step != nil, !done.isEmpty { done.removeLast() }
    return undoNext(decision)
  }

  private mutating func undoNext(_ decision: SagaDecision) -> SagaEnding? {
    (kind, state) = (.compensation, .compensating)
    while let name = done.last {
      guard let index = decision.saga.index(of: name) else {
        step = name
        park("this build's \(decision.saga.name) has no step \(name), which has to be undone")
        return nil
      }
      if decision.saga.steps[index].compensation != nil {
        begin(decision.saga.steps[index], .compensation, decision)
        return nil
      }
      done.removeLast()
    }
    if step != nil {
      step = nil
      (attempt, beganAt, failures, patientSince, error) = (1, decision.now, 0, decision.now, nil)
      (awaiting, waitUntil, isInDoubt) = (nil, nil, false)
    }
    return .compensated(refusal ?? SagaRefusal(code: SagaRefusal.stepUnavailable))
  }

  /// A compensation, or the end as compensated, failed.
  mutating func failUndoing(_ error: String, _ decision: SagaDecision) {
    self.error = error
    failures += 1
    let retry = step.flatMap(decision.saga.index).map { decision.saga.steps[$0].retry } ?? SagaRetry()
    if decision.now.timeIntervalSince(patientSince ?? decision.now) >= retry.patience.inSeconds { return park(error) }
    rest(until: decision.now.addingTimeInterval(pause(retry, decision).inSeconds))
  }

  // MARK: - Beginning and resting

  private mutating func begin(_ step: AnySagaStep, _ kind: SagaStepKind, _ decision: SagaDecision) {
    self.step = step.name
    self.kind = kind
    state = kind == .action ? .running : .compensating
    (failures, error, isInDoubt, awaiting, waitUntil) = (0, nil, false, nil, nil)
    guard decision.goesOn else {
      (attempt, patientSince) = (0, nil)
      return rest(until: decision.now)
    }
    (attempt, beganAt, patientSince) = (1, decision.now, decision.now)
    if kind == .action, step.isPivot { isPastPivot = true }
  }

  /// Nobody's until then.
  mutating func rest(until date: Date?) {
    (owner, beganAt, runAt) = (nil, nil, date)
  }

  /// Nobody's until somebody looks.
  mutating func park(_ error: String) {
    state = .parked
    self.error = error.bounded(to: 500)
    rest(until: nil)
  }

  mutating func end(_ state: SagaState, at now: Date) {
    self.state = state
    (step, owner, beganAt, runAt, awaiting, waitUntil) = (nil, nil, nil, nil, nil, nil)
    (error, patientSince, isInDoubt) = (nil, nil, false)
    endedAt = now
  }

  private func pause(_ retry: SagaRetry, _ decision: SagaDecision) -> Duration {
    retry.wait(after: failures, chance: decision.chance)
  }
}
