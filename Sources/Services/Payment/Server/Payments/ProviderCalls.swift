import Foundation
import GravityContracts
import GravityData
import Logging
import PaymentAPI

/// Asks the provider what an attempt stands for, outside of any transaction, and has the answer recorded.
///
/// The attempt and its key were committed before; so whenever the process dies, the question is known, and
/// ``Reconciler`` finds out what became of it.
struct ProviderCalls: Sendable {
  let core: PaymentCore
  let recorder: Recorder

  /// How many questions one answer may lead to before the rest is left to the reconciliation: a void or a refund that
  /// the provider refuses is tried again later, not at once.
  private static let greatestChain = 4

  /// Asks, and goes on with what the answer leads to.
  ///
  /// What was begun is brought to its end even when whoever asked has gone away meanwhile: it is bounded by the
  /// provider's own time-outs.
  /// - Returns: the payment as it stands then.
  func perform(
    _ attempt: AttemptRow, of payment: PaymentRow,
    with call: (@Sendable () async throws -> ProviderAnswer)? = nil
  ) async throws -> PaymentRow {
    try await Task {
      var (attempt, payment, call) = (attempt, payment, call)
      for _ in 0..<Self.greatestChain {
        let name = attempt.operation.rawValue
        faultPoint("payment.\(name).before-call")
        let answer = await answer(to: attempt, of: payment, call)
        faultPoint("payment.\(name).after-call")
        let recorded = try await recorder.record(answer, to: attempt.id, of: payment.id)
        faultPoint("payment.\(name).recorded")
        payment = recorded.payment
        guard let next = recorded.next else { break }
        (attempt, call) = (next, nil)
      }
      return payment
    }.value
  }

  /// - Returns: nil when the outcome is unknown.
  private func answer(
    to attempt: AttemptRow, of payment: PaymentRow, _ call: (@Sendable () async throws -> ProviderAnswer)?
  ) async -> ProviderAnswer? {
    do {
      if let call { return try await call() }
      return try await ask(attempt, of: payment)
    } catch {
      core.logger.warning(
        "a provider's answer did not come",
        metadata: [
          "payment.id": "\(payment.id.lowercased)", "payment.operation": "\(attempt.operation.rawValue)",
          "error.message": "\(error)",
        ])
      return nil
    }
  }

  /// Asks under the attempt's key, be it for the first time or again.
  func ask(_ attempt: AttemptRow, of payment: PaymentRow) async throws -> ProviderAnswer {
    let provider = core.provider
    guard let amount = Money(attempt.amount, attempt.currency) else { throw MoneyError.outOfBounds }
    guard attempt.operation != .authorize else {
      return try await provider.authorize(
        ProviderAuthorization(
          key: attempt.key, paymentID: payment.id, amount: amount, paymentMethod: attempt.paymentMethod ?? "",
          capturesAtOnce: payment.captureMethod == .automatic))
    }
    let change = ProviderChange(
      key: attempt.key, paymentID: payment.id, authorizationKey: payment.authorizationKey ?? "",
      reference: payment.reference, amount: amount)
    switch attempt.operation {
    case .capture: return try await provider.capture(change)
    case .refund: return try await provider.refund(change)
    case .void, .authorize: return try await provider.void(change)
    }
  }
}
