import Foundation
import GravityData

/// A ``Saga`` with its state's type forgotten, so that one runner drives several.
public struct AnySaga: Sendable {
  public let name: String
  let steps: [AnySagaStep]
  let orderedBy: (@Sendable (SagaReference) -> String)?
  /// Gives the saga's data as it is then.
  let ended: @Sendable (SagaEnding, _ data: String, SagaReference, any Transaction) throws -> String

  public init<State>(_ saga: Saga<State>) {
    name = saga.name
    orderedBy = saga.orderedBy
    steps = saga.steps.map(AnySagaStep.init)
    ended = { ending, data, reference, transaction in
      var state: State = try SagaData.decode(data)
      try saga.ended(ending, &state, reference, transaction)
      return try SagaData.encode(state)
    }
  }

  func index(of step: String) -> Int? { steps.firstIndex { $0.name == step } }
}

struct AnySagaStep: Sendable {
  let name: String
  let timeLimit: Duration
  let retry: SagaRetry
  let isPivot: Bool
  let action: @Sendable (SagaInput) async throws -> AnySagaOutcome
  let compensation: (@Sendable (SagaInput) async throws -> AnySagaOutcome)?

  init<State>(_ step: SagaStep<State>) {
    name = step.name
    timeLimit = step.timeLimit
    retry = step.retry
    isPivot = step.isPivot
    action = { input in
      let attempt: SagaAttempt<State> = try input.attempt()
      return AnySagaOutcome(try await step.action(attempt), attempt.state)
    }
    if let compensate = step.compensation {
      compensation = { input in
        let attempt: SagaAttempt<State> = try input.attempt()
        return .done(AnySagaOutcome.erased(try await compensate(attempt).record, attempt.state))
      }
    } else {
      compensation = nil
    }
  }
}

/// What an attempt begins with.
struct SagaInput: Sendable {
  let reference: SagaReference
  let data: String
  let number: Int
  let signal: SagaSignal?
  let timedOut: Bool
  let refusal: SagaRefusal?

  /// - Throws: ``SagaUndecodable``.
  func attempt<State>() throws -> SagaAttempt<State> {
    SagaAttempt(
      saga: reference, state: try SagaData.decode(data), number: number, signal: signal, timedOut: timedOut,
      refusal: refusal)
  }
}

enum AnySagaOutcome: Sendable {
  /// Gives the saga's data as it is then.
  typealias Record = @Sendable (any Transaction) throws -> String

  case done(Record?)
  case waiting(String, Duration, Record?)
  case refused(SagaRefusal, Record?)

  init<State>(_ outcome: SagaOutcome<State>, _ state: State) {
    self =
      switch outcome {
      case .done(let record): .done(Self.erased(record, state))
      case .waiting(let event, let limit, let record): .waiting(event, limit, Self.erased(record, state))
      case .refused(let refusal, let record): .refused(refusal, Self.erased(record, state))
      }
  }

  static func erased<State: Codable & Sendable>(_ record: SagaRecording<State>?, _ state: State) -> Record? {
    guard let record else { return nil }
    return { transaction in
      // From the same state each time: the transaction may run again.
      var state = state
      try record(&state, transaction)
      return try SagaData.encode(state)
    }
  }

  var record: Record? {
    switch self {
    case .done(let record), .waiting(_, _, let record), .refused(_, let record): record
    }
  }
}
