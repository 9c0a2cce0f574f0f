public import Foundation
public import GravityContracts
public import GravityData

/// Changes the saga's state, and whatever else, in the transaction that writes how an attempt ended.
///
/// It runs again when the database asks for a retry. When it throws, nothing is written, and the attempt has failed.
public typealias SagaRecording<State> = @Sendable (_ state: inout State, _ transaction: any Transaction) throws -> Void

/// A step of a saga.
public struct SagaStep<State: Codable & Sendable>: Sendable {
  public typealias Action = @Sendable (_ attempt: SagaAttempt<State>) async throws -> SagaOutcome<State>
  public typealias Compensation = @Sendable (_ attempt: SagaAttempt<State>) async throws -> SagaUndoing<State>

  public let name: String
  /// How long one attempt may take.
  public let timeLimit: Duration
  public let retry: SagaRetry
  /// Whether the saga can only go forward once this was attempted.
  public let isPivot: Bool
  let action: Action
  let compensation: Compensation?

  /// - Parameters:
  ///   - name: unique in the saga: lower-case letters, digits, `-`, `_` and dots, at most 100 bytes.
  ///   - timeLimit: of one attempt of the action or the compensation, 1 ms to 1 hour. It is then cancelled, and is in
  ///     doubt.
  ///   - isPivot: from its first attempt on the saga is not undone any more, unless the pivot itself is refused.
  ///   - action: at least once; what it throws is a failure that may pass. What is for good it returns.
  ///   - compensation: undoes the action, also one of which it is not known whether it took effect or will; nothing is
  ///     to be undone when nil.
  public init(
    _ name: String, timeLimit: Duration = .seconds(10), retry: SagaRetry = SagaRetry(), isPivot: Bool = false,
    action: @escaping Action, compensation: Compensation? = nil
  ) {
    self.name = name
    self.timeLimit = min(max(timeLimit, .milliseconds(1)), .seconds(3600))
    self.retry = retry
    self.isPivot = isPivot
    self.action = action
    self.compensation = compensation
  }
}

/// How often a step is tried.
public struct SagaRetry: Sendable, Hashable {
  /// The wait after the first failure; 1 ms to 1 day.
  public var first: Duration
  /// By how much the wait grows from failure to failure; 1 to 10.
  public var factor: Double
  /// The longest wait; at least the first.
  public var greatest: Duration
  /// Which part of the wait is random, up or down; 0 to 1.
  public var jitter: Double
  /// How long a step is tried in all before it is given up; after the pivot, before that is shown as parked.
  public var patience: Duration

  public init(
    first: Duration = .milliseconds(100), factor: Double = 2, greatest: Duration = .seconds(10), jitter: Double = 0.2,
    patience: Duration = .seconds(60)
  ) {
    self.first = min(max(first, .milliseconds(1)), .seconds(86_400))
    self.factor = factor.isFinite ? min(max(factor, 1), 10) : 2
    self.greatest = min(max(greatest, self.first), .seconds(86_400))
    self.jitter = jitter.isFinite ? min(max(jitter, 0), 1) : 0
    self.patience = max(patience, .zero)
  }

  /// - Parameters:
  ///   - failures: in a row; 1 is the first.
  ///   - chance: 0 to 1.
  func wait(after failures: Int, chance: Double) -> Duration {
    let growth = pow(factor, Double(min(max(failures - 1, 0), 64)))
    let wait = min(first.inSeconds * growth, greatest.inSeconds)
    return .seconds(wait * (1 + jitter * (2 * chance - 1)))
  }
}

/// What an action or a compensation is given.
public struct SagaAttempt<State: Codable & Sendable>: Sendable {
  public let saga: SagaReference
  /// As it was written last.
  public let state: State
  /// 1 is the first attempt of this step; grows with each, also after waiting.
  public let number: Int
  /// What arrived for the event that the action waited for; nil before it waited, when the wait was over before anything
  /// came, and for a compensation.
  public let signal: SagaSignal?
  /// Whether the wait was over before anything came.
  public let timedOut: Bool
  /// Why the saga is being undone; nil for an action.
  public let refusal: SagaRefusal?

  public var sagaID: UUID { saga.id }
  public var subject: String { saga.subject }
}

/// What arrived for a saga.
public struct SagaSignal: Sendable, Hashable {
  public let event: String
  public let payload: JSONValue
  public let receivedAt: Date
}

/// What became of an action.
public enum SagaOutcome<State: Codable & Sendable>: Sendable {
  /// `record` runs in the one transaction that marks this step done and intends the next.
  case done(record: SagaRecording<State>? = nil)
  /// Waits for ``SagaStore/signal(_:event:payload:in:)``, or until the time is over; then the action runs again.
  ///
  /// A signal that came before the wait ends it at once. `atMost` is 0 to 366 days.
  case waiting(for: String, atMost: Duration, record: SagaRecording<State>? = nil)
  /// Refused for good: before the pivot, or by the pivot itself, everything that was done is undone in reverse; after
  /// the pivot the saga is parked.
  case refused(SagaRefusal, record: SagaRecording<State>? = nil)

  public static func refused(
    code: String, detail: String? = nil, record: SagaRecording<State>? = nil
  ) -> Self { .refused(SagaRefusal(code: code, detail: detail), record: record) }
}

/// What became of a compensation: it is done, or it throws.
public struct SagaUndoing<State: Codable & Sendable>: Sendable {
  let record: SagaRecording<State>?

  /// `record` runs in the one transaction that marks this compensation done and intends the next.
  public static func done(record: SagaRecording<State>? = nil) -> Self { Self(record: record) }
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

extension String {
  /// At most `limit` bytes of it, without what SQL cannot hold.
  func bounded(to limit: Int) -> String {
    var text = utf8.count > limit ? String(decoding: utf8.prefix(limit), as: UTF8.self) : self
    // A character that was cut decodes as U+FFFD, which may be longer than what it stands for.
    while text.utf8.count > limit { text.removeLast() }
    return text.utf8.contains(0) ? text.replacing("\0", with: "") : text
  }
}
