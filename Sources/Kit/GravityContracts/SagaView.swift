public import Foundation

/// How far a saga is.
public enum SagaState: String, Codable, Sendable, Hashable, CaseIterable {
  /// A step is under way, or due again after a failure.
  case running
  /// A step waits for an event.
  case waiting
  /// What was done is being undone.
  case compensating
  /// Somebody has to look: see ``SagaView/error``.
  case parked
  /// Every step is done.
  case completed
  /// Everything that was done has been undone.
  case compensated

  /// Whether nothing will happen any more.
  public var isTerminal: Bool { self == .completed || self == .compensated }
}

/// What an attempt does.
public enum SagaStepKind: String, Codable, Sendable, Hashable, CaseIterable {
  case action, compensation
}

/// How an attempt ended.
public enum SagaStepState: String, Codable, Sendable, Hashable, CaseIterable {
  /// It has not ended.
  case running
  case done
  /// It waits for an event.
  case waiting
  /// It was refused for good.
  case refused
  /// It failed, and may have had its effect.
  case failed
  /// It took too long, and may have had its effect.
  case timedOut = "timed_out"
  /// Its process ended or stood still, and it may have had its effect.
  case interrupted
}

/// A saga as APIs and pages show it: without its data, which may be personal.
public struct SagaView: Codable, Sendable, Hashable {
  public var id: UUID
  /// The kind: `order.placement`.
  public var name: String
  /// What it is about, mostly an id.
  public var subject: String
  public var state: Open<SagaState>
  /// The step that is under way or due; nil when there is none left.
  public var step: String?
  /// Whether that step is being done or undone.
  public var kind: Open<SagaStepKind>?
  /// How often that step was tried.
  public var attempt: Int
  /// Why it failed last, or is parked; at most 500 bytes.
  public var error: String?
  /// Why it is or was undone.
  public var reasonCode: String?
  public var reasonDetail: String?
  public var isCancelRequested: Bool
  /// Whether it can only go forward.
  public var isPastPivot: Bool
  /// The event that it waits for.
  public var awaiting: String?
  /// When it goes on by itself; nil while it runs, when it is parked for good, and at its end.
  public var nextAttemptAt: Date?
  /// Which instance runs it.
  public var owner: String?
  public var traceID: String?
  public var startedAt: Date
  public var updatedAt: Date
  public var endedAt: Date?
  /// From its start to its end, or until now; milliseconds.
  public var durationMilliseconds: Double
  /// Every attempt, the oldest first; nil in lists.
  public var steps: [SagaStepView]?

  public init(
    id: UUID, name: String, subject: String, state: Open<SagaState>, step: String?, kind: Open<SagaStepKind>?,
    attempt: Int, error: String?, reasonCode: String?, reasonDetail: String?, isCancelRequested: Bool,
    isPastPivot: Bool, awaiting: String?, nextAttemptAt: Date?, owner: String?, traceID: String?, startedAt: Date,
    updatedAt: Date, endedAt: Date?, durationMilliseconds: Double, steps: [SagaStepView]?
  ) {
    self.id = id
    self.name = name
    self.subject = subject
    self.state = state
    self.step = step
    self.kind = kind
    self.attempt = attempt
    self.error = error
    self.reasonCode = reasonCode
    self.reasonDetail = reasonDetail
    self.isCancelRequested = isCancelRequested
    self.isPastPivot = isPastPivot
    self.awaiting = awaiting
    self.nextAttemptAt = nextAttemptAt
    self.owner = owner
    self.traceID = traceID
    self.startedAt = startedAt
    self.updatedAt = updatedAt
    self.endedAt = endedAt
    self.durationMilliseconds = durationMilliseconds
    self.steps = steps
  }

  enum CodingKeys: String, CodingKey {
    case id
    case name
    case subject
    case state
    case step
    case kind
    case attempt
    case error
    case reasonCode = "reason_code"
    case reasonDetail = "reason_detail"
    case isCancelRequested = "cancel_requested"
    case isPastPivot = "past_pivot"
    case awaiting
    case nextAttemptAt = "next_attempt_at"
    case owner
    case traceID = "trace_id"
    case startedAt = "started_at"
    case updatedAt = "updated_at"
    case endedAt = "ended_at"
    case durationMilliseconds = "duration_ms"
    case steps
  }
}

/// One attempt of a step.
public struct SagaStepView: Codable, Sendable, Hashable {
  public var name: String
  public var kind: Open<SagaStepKind>
  /// 1 is the first of this step and kind.
  public var attempt: Int
  public var state: Open<SagaStepState>
  public var startedAt: Date
  public var endedAt: Date?
  /// Until its end, or until now; milliseconds.
  public var durationMilliseconds: Double
  /// At most 500 bytes.
  public var error: String?

  public init(
    name: String, kind: Open<SagaStepKind>, attempt: Int, state: Open<SagaStepState>, startedAt: Date, endedAt: Date?,
    durationMilliseconds: Double, error: String?
  ) {
    self.name = name
    self.kind = kind
    self.attempt = attempt
    self.state = state
    self.startedAt = startedAt
    self.endedAt = endedAt
    self.durationMilliseconds = durationMilliseconds
    self.error = error
  }

  enum CodingKeys: String, CodingKey {
    case name
    case kind
    case attempt
    case state
    case startedAt = "started_at"
    case endedAt = "ended_at"
    case durationMilliseconds = "duration_ms"
    case error
  }
}

/// How many sagas of a kind are in a state.
public struct SagaCount: Codable, Sendable, Hashable {
  public var name: String
  public var state: Open<SagaState>
  public var count: Int

  public init(name: String, state: Open<SagaState>, count: Int) {
    self.name = name
    self.state = state
    self.count = count
  }
}
