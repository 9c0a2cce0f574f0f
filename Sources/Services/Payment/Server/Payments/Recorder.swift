import Foundation
import GravityContracts
import GravityData
import GravityEvents
import GravityTasks
import Logging
import PaymentAPI

/// Records what the provider answered: attempt, payment, ledger, event and the next question in one transaction.
struct Recorder: Sendable {
  let core: PaymentCore

  /// What an answer led to.
  struct Recorded: Sendable {
    var payment: PaymentRow
    /// What is to be asked of the provider at once.
    var next: AttemptRow?
    /// In how many seconds the provider is to be asked again; nil when the answer was final.
    var retryAfter: TimeInterval?
  }

  /// An answer to an attempt that is over changes nothing: two may ask at the same time.
  /// - Parameter answer: nil when none came.
  func record(_ answer: ProviderAnswer?, to attempt: UUID, of payment: UUID) async throws -> Recorded {
    try await core.write(of: payment) { transaction, now in
      guard let row = try PaymentStore(transaction).find(payment),
        let found = try AttemptStore(transaction).find(attempt)
      else { throw Problem.notFound("payment") }
      guard found.isOpen else { return Recorded(payment: row) }
      var record = Recording(core: core, transaction: transaction, now: now, payment: row, attempt: found)
      return try record.apply(answer)
    }
  }
}

/// One answer on its way into the database.
struct Recording {
  let core: PaymentCore
  let transaction: any Transaction
  let now: Date
  var payment: PaymentRow
  var attempt: AttemptRow

  mutating func apply(_ answer: ProviderAnswer?) throws -> Recorder.Recorded {
    // A refund beside the payment's own course.
    if attempt.operation == .refund, payment.attemptID != attempt.id { return try applyToRefund(answer) }
    guard let outcome = outcome(of: answer) else { return try staysOpen(answer) }
    let stage = payment.stage
    try count(outcome, answer)
    let facts = TransitionTable.Facts(
      isCanceling: payment.isCancelRequested, isFinalCapture: attempt.isFinalCapture, isRestHeld: payment.held > 0,
      isTaken: payment.refundable > 0)
    guard let next = TransitionTable.next(stage, outcome, facts) else {
      throw UnforeseenAnswer(stage: stage, outcome: outcome)
    }
    payment.stage = next
    try AttemptStore(transaction).update(attempt)
    let question = try nextQuestion(from: stage, outcome)
    try core.save(&payment, transaction, now)
    try tell(outcome)
    return Recorder.Recorded(payment: payment, next: question)
  }

  /// - Returns: nil when the answer leaves it open.
  private func outcome(of answer: ProviderAnswer?) -> PaymentOutcome? {
    guard let answer else { return nil }
    switch (attempt.operation, answer) {
    case (_, .pending): return nil
    case (.authorize, .notFound), (.capture, .notFound): return payment.isCancelRequested ? .neverAsked : nil
    case (_, .notFound): return nil
    case (.authorize, .actionRequired): return .actionRequired
    case (.authorize, .authorized): return .authorized
    case (.authorize, .captured): return .paid
    case (.authorize, .declined), (.authorize, .failed), (.authorize, .voided): return .declined
    case (.capture, .captured): return .captured
    case (.capture, .declined), (.capture, .failed), (.capture, .voided): return .captureFailed
    case (.void, .voided): return .voided
    case (.void, .captured) where payment.captureMethod == .automatic && payment.authorized == 0: return .paid
    case (.void, .declined), (.void, .failed): return .voidFailed
    case (.refund, .refunded): return .givenBack
    case (.refund, .declined), (.refund, .failed): return .giveBackFailed
    case (.authorize, .refunded), (.capture, .actionRequired), (.capture, .authorized), (.capture, .refunded),
      (.void, _), (.refund, _):
      core.logger.error(
        "a provider's answer does not fit its question",
        metadata: ["payment.id": "\(payment.id.lowercased)", "provider.key": "\(attempt.key)"])
      return nil
    }
  }

  /// Counts the answer into the payment, its attempt and the ledger.
  private mutating func count(_ outcome: PaymentOutcome, _ answer: ProviderAnswer?) throws {
    let postings = core.postings(transaction, now)
    payment.action = nil
    if outcome != .giveBackFailed, outcome != .voidFailed { payment.failure = nil }
    switch (outcome, answer) {
    case (.actionRequired, .actionRequired(let action)):
      attempt.state = .requiresAction
      payment.action = NextAction(type: action.type, url: action.url)
    case (.authorized, .authorized(let reference, let expiresAt)):
      attempt.finish(.succeeded, at: now)
      try hold(reference, until: expiresAt, postings)
    case (.paid, .captured(let reference)):
      // A void that came too late has failed; what it found is counted all the same.
      attempt.finish(attempt.operation == .void ? .failed : .succeeded, at: now)
      try hold(reference, until: nil, postings)
      payment.captured = payment.amount
      try postings.captured(payment.amount, of: payment, by: attempt)
    case (.captured, .captured(let reference)):
      attempt.finish(.succeeded, at: now)
      attempt.reference = reference
      payment.captured += attempt.amount
      try postings.captured(attempt.amount, of: payment, by: attempt)
    case (.declined, .declined(let refusal)):
      attempt.finish(.declined, refusal, at: now)
      payment.failure = attempt.paymentFailure
    case (.declined, _):
      let refusal = answer?.refusal ?? ProviderRefusal(code: "authorization_voided", message: "It was voided")
      attempt.finish(.failed, refusal, at: now)
      payment.failure = attempt.paymentFailure
    case (.captureFailed, _):
      let refusal = answer?.refusal ?? ProviderRefusal(code: "authorization_voided", message: "It was voided")
      attempt.finish(.failed, refusal, at: now)
      payment.failure = attempt.paymentFailure
    case (.voided, _):
      attempt.finish(.succeeded, at: now)
      let rest = payment.held
      payment.released += rest
      if rest > 0 { try postings.released(rest, of: payment, by: attempt) }
    case (.neverAsked, _): attempt.finish(.abandoned, at: now)
    case (.voidFailed, _), (.giveBackFailed, _): attempt.finish(.failed, answer?.refusal, at: now)
    case (.givenBack, .refunded(let reference)):
      attempt.finish(.succeeded, at: now)
      attempt.reference = reference
      try endRefund(succeeded: true, nil)
    case (.actionRequired, _), (.authorized, _), (.paid, _), (.captured, _), (.givenBack, _):
      // ``outcome(of:)`` pairs them as above.
      throw UnforeseenAnswer(stage: payment.stage, outcome: outcome)
    }
  }

  private mutating func hold(_ reference: String, until expiresAt: Date?, _ postings: Postings) throws {
    attempt.reference = reference
    payment.reference = reference
    payment.authorized = payment.amount
    payment.expiresAt = expiresAt?.roundedToMicroseconds
    try postings.authorized(&payment, by: attempt)
  }

  /// What the payment's new stage asks of the provider.
  private mutating func nextQuestion(from former: Stage, _ outcome: PaymentOutcome) throws -> AttemptRow? {
    guard let question = payment.stage.question else { return nil }
    // What was refused for good is asked again under a new key, later and for as long as it takes.
    let isAgain = outcome == .voidFailed || outcome == .giveBackFailed
    let delay = isAgain ? core.configuration.reconciliationDelay(after: Int(payment.attempts)) : 0
    let next: AttemptRow
    switch question {
    case .void:
      next = try core.begin(.void, of: &payment, amount: payment.toRelease, after: delay, transaction, now)
    case .refund:
      next = try beginGivingBack(after: delay)
    case .authorize, .capture: throw UnforeseenAnswer(stage: former, outcome: outcome)
    }
    payment.attemptID = next.id
    guard isAgain else { return next }
    try core.tasks.enqueue(
      ReconciliationSchedule.task, .init(attemptID: next.id), in: transaction, after: .seconds(delay),
      uniqueKey: next.id.lowercased)
    return nil
  }

  /// The refund that a cancel which came too late leads to; a second try is for the same refund.
  private mutating func beginGivingBack(after delay: TimeInterval) throws -> AttemptRow {
    let store = RefundStore(transaction)
    if let id = attempt.refundID, let refund = try store.find(id) {
      return try core.begin(
        .refund, of: &payment, amount: refund.amount, refund: refund.id, after: delay, transaction, now)
    }
    let amount = payment.refundable
    let refund = RefundRow(
      id: core.newID(), of: payment, amount: amount, reason: payment.cancellationReason, holdID: core.newID(),
      fingerprint: [], at: now)
    payment.refunding += amount
    let next = try core.begin(
      .refund, of: &payment, amount: amount, refund: refund.id, after: delay, transaction, now)
    try store.insert(refund)
    try core.postings(transaction, now).refundBegan(refund, by: next)
    return next
  }

  private func tell(_ outcome: PaymentOutcome) throws {
    func record(_ type: EventType<PaymentEvent>, _ failure: PaymentFailure? = nil) throws {
      try core.events.record(type, payment, failure: failure, in: transaction)
    }
    switch (outcome, payment.stage) {
    case (_, .canceled): try record(PaymentEvents.canceled)
    // What is being canceled is told of when that is done.
    case (_, .voiding), (_, .givingBack): break
    case (.actionRequired, _): try record(PaymentEvents.requiresAction)
    case (.authorized, _): try record(PaymentEvents.authorized)
    case (.paid, _), (.captured, _): try record(PaymentEvents.captured)
    case (.declined, _), (.captureFailed, _): try record(PaymentEvents.failed, payment.failure)
    case (.voided, _), (.voidFailed, _), (.givenBack, _), (.giveBackFailed, _), (.neverAsked, _): break
    }
  }

  // MARK: Unknown

  /// The attempt stays, to be asked about again after a while.
  mutating func staysOpen(_ answer: ProviderAnswer?) throws -> Recorder.Recorded {
    let delay = core.configuration.reconciliationDelay(after: Int(attempt.failures))
    attempt.state = .unknown
    attempt.failures += 1
    attempt.dueAt = now.addingTimeInterval(delay)
    try AttemptStore(transaction).update(attempt)
    try core.tasks.enqueue(
      ReconciliationSchedule.task, .init(attemptID: attempt.id), in: transaction, after: .seconds(delay),
      uniqueKey: attempt.id.lowercased)
    return Recorder.Recorded(payment: payment, retryAfter: delay)
  }
}

extension ProviderAnswer {
  fileprivate var refusal: ProviderRefusal? {
    switch self {
    case .declined(let refusal), .failed(let refusal): refusal
    case .pending, .notFound, .actionRequired, .authorized, .captured, .voided, .refunded: nil
    }
  }
}

/// An answer that has no place in the payment's stage: a mistake in the program. Nothing was written.
struct UnforeseenAnswer: Error, Sendable, CustomStringConvertible {
  var stage: Stage
  var outcome: PaymentOutcome
  var description: String { "\(outcome.rawValue) has no place in \(stage.rawValue)" }
}
