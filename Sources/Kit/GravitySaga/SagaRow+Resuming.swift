import Foundation
import GravityContracts

extension SagaRow {
  /// How often in a row a step may take its process with it before it is given up.
  static let greatestInterruptions = 20

  /// A new owner takes the saga up where it was left.
  ///
  /// - Parameter hasSignal: whether there is a signal of the event that it waits for.
  /// - Returns: what became of the last owner's attempt, if that did not end.
  mutating func resume(as owner: String, hasSignal: Bool, _ decision: SagaDecision) -> TimelineEntry? {
    let now = decision.now
    self.owner = owner
    // The time in which nobody ran it is not counted against the step.
    let idle = max(0, now.timeIntervalSince(beganAt ?? runAt ?? now))
    patientSince = patientSince.map { $0.addingTimeInterval(idle) }
    var interrupted: TimelineEntry?
    if beganAt != nil {
      interrupted = entry(.interrupted, error: "its process ended or stood still", at: now)
      beganAt = nil
      failures += 1
      if kind == .action { isInDoubt = true }
    }
    guard let present = step else {
      attempt += 1
      (beganAt, patientSince) = (now, patientSince ?? now)
      return interrupted
    }
    guard let index = decision.saga.index(of: present) else {
      park("this build's \(name) has no step \(present)")
      return interrupted
    }
    if kind == .action, !isPastPivot {
      if let cancellation {
        _ = undo(cancellation, includingPresent: isInDoubt, decision)
        return interrupted
      }
      if interrupted != nil, failures >= Self.greatestInterruptions {
        let refusal = SagaRefusal(code: SagaRefusal.stepUnavailable, detail: present)
        _ = undo(refusal, includingPresent: true, decision)
        return interrupted
      }
    }
    if state == .waiting, !hasSignal, let waitUntil, waitUntil > now {
      rest(until: waitUntil)
      return interrupted
    }
    // Whatever ends its process is not to do so without a pause.
    if interrupted != nil, failures >= 2 {
      let wait = decision.saga.steps[index].retry.wait(after: failures, chance: decision.chance)
      rest(until: now.addingTimeInterval(wait.inSeconds))
      return interrupted
    }
    if state == .waiting { state = .running }
    attempt += 1
    (beganAt, patientSince) = (now, patientSince ?? now)
    if kind == .action, decision.saga.steps[index].isPivot { isPastPivot = true }
    return interrupted
  }
}
