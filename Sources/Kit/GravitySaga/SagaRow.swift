import Foundation
import GravityContracts
import GravityData

/// A saga as its row holds it, and its owner in memory.
struct SagaRow: SQLRecord, Hashable {
  let id: UUID
  let name: String
  let subject: String
  var state: SagaState
  /// Whether the step is done or undone.
  var kind: SagaStepKind
  /// Nil when there is none left: the saga has ended, or has yet to end as compensated.
  var step: String?
  /// The steps that have or may have had an effect, in their order; without the present one of an action.
  var done: [String]
  var data: String
  var owner: String?
  /// The fencing token: it grows with each write of an owner and each change of owner.
  var version: Int
  /// How often the step was begun.
  var attempt: Int
  /// When the attempt that is under way began.
  var beganAt: Date?
  /// In a row.
  var failures: Int
  /// Since when the step is tried.
  var patientSince: Date?
  /// Whether an earlier attempt of the step may have had an effect.
  var isInDoubt: Bool
  var isPastPivot: Bool
  var awaiting: String?
  var waitUntil: Date?
  var signals: Int
  /// When it goes on by itself, unless it has an owner.
  var runAt: Date?
  /// Why it is undone.
  var refusal: SagaRefusal?
  var cancellation: SagaRefusal?
  var error: String?
  /// How long the timeline is.
  var entries: Int
  let traceparent: String?
  let requestID: String?
  let startedAt: Date
  var updatedAt: Date
  var endedAt: Date?

  var reference: SagaReference { SagaReference(id: id, name: name, subject: subject) }

  static let columns: SQL = """
    id, name, subject, state, kind, step, done, data, owner, version, attempt, began_at, failures, patient_since,
    in_doubt, past_pivot, awaiting, wait_until, signals, run_at, reason_code, reason_detail, cancel_code, cancel_detail,
    error, entries, traceparent, request_id, started_at, updated_at, ended_at
    """

  init(_ row: SQLRow) throws {
    func refusal(_ code: String, _ detail: String) throws -> SagaRefusal? {
      guard let code: String = try row.get(code) else { return nil }
      return SagaRefusal(code: code, detail: try row.get(detail))
    }
    id = try row.get("id")
    name = try row.get("name")
    subject = try row.get("subject")
    state = try row.get("state", as: Stored<SagaState>.self).value
    kind = try row.get("kind", as: Stored<SagaStepKind>.self).value
    step = try row.get("step")
    done = try row.get("done", as: String.self).split(separator: ",").map(String.init)
    data = try row.get("data")
    owner = try row.get("owner")
    version = try row.get("version")
    attempt = try row.get("attempt")
    beganAt = try row.get("began_at")
    failures = try row.get("failures")
    patientSince = try row.get("patient_since")
    isInDoubt = try row.get("in_doubt")
    isPastPivot = try row.get("past_pivot")
    awaiting = try row.get("awaiting")
    waitUntil = try row.get("wait_until")
    signals = try row.get("signals")
    runAt = try row.get("run_at")
    self.refusal = try refusal("reason_code", "reason_detail")
    cancellation = try refusal("cancel_code", "cancel_detail")
    error = try row.get("error")
    entries = try row.get("entries")
    traceparent = try row.get("traceparent")
    requestID = try row.get("request_id")
    startedAt = try row.get("started_at")
    updatedAt = try row.get("updated_at")
    endedAt = try row.get("ended_at")
  }
}

/// An attempt that has ended.
struct TimelineEntry: Sendable, Hashable {
  var step: String
  var kind: SagaStepKind
  var attempt: Int
  var startedAt: Date
  var endedAt: Date
  var outcome: SagaStepState
  var error: String?
}
