import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import PaymentAPI

/// What the payer does when `next_action` asks for it: at the simulator, through this service.
struct NextActions: Sendable {
  let payments: Payments

  func complete(_ request: ActionCompletion, by principal: Principal) async throws -> Payment {
    let core = payments.core
    guard let provider = core.provider as? any ActionCompletingProvider else { throw Problem.notFound("payment") }
    let begun = try await core.write(of: request.id) { transaction, now in
      var row = try Payments.existing(request.id, transaction)
      let isPayer = row.customerID != nil && row.customerID == UUID(uuidString: principal.subject)
      guard isPayer || principal.may(PaymentAPI.writePermission) else { throw Problem.notFound("payment") }
      switch TransitionTable.ruling(row.stage, .completeAction) {
      case .goes(let stage):
        let store = AttemptStore(transaction)
        guard let id = row.attemptID, var attempt = try store.find(id) else {
          throw PaymentOperation.completeAction.refused(in: row.stage)
        }
        attempt.state = .sent
        attempt.dueAt = now.addingTimeInterval(core.configuration.answerTimeout)
        try store.update(attempt)
        (row.stage, row.action) = (stage, nil)
        try core.save(&row, transaction, now)
        return Begun(payment: row, attempt: attempt)
      case .repeats: return Begun(payment: row, attempt: nil)
      case .stays, .refused: throw PaymentOperation.completeAction.refused(in: row.stage)
      }
    }
    let row: PaymentRow
    if let attempt = begun.attempt {
      row = try await payments.calls.perform(attempt, of: begun.payment) {
        try await provider.completeAction(key: attempt.key, succeeds: request.outcome == .succeed)
      }
    } else {
      row = try await payments.reconciler.settle(begun.payment)
    }
    if let failure = row.failure, row.stage == .requiresPaymentMethod { throw Problem(failure, of: row) }
    return row.payment
  }

  private struct Begun: Sendable {
    var payment: PaymentRow
    var attempt: AttemptRow?
  }
}
