import Foundation
import GravityContracts
import GravityData
import GravityEvents
import PaymentAPI

/// Sees to it that nothing is held or taken.
///
/// The answer is `canceled` only when that is certain now. While the provider's answer to something is open, the wish
/// is kept, the answer is `processing` with `cancellation_pending`, and the wish is carried out when the answer comes:
/// what was held by then is released, what was taken is given back.
struct Cancellations: Sendable {
  let payments: Payments
  private var core: PaymentCore { payments.core }

  func cancel(_ request: PaymentCancel, once key: IdempotencyKey?) async throws -> Once<PaymentCancellation> {
    let reason = try PaymentFields.checkedReason(request.reason)
    let begun = try await core.write(of: request.id, once: key) { [core] transaction, now in
      let store = PaymentStore(transaction)
      guard var row = try store.find(request.id) else {
        // Should it still come, it is refused.
        try store.bar(request.id, at: now)
        return Outcome()
      }
      let attempt = try Self.begin(&row, reason: reason, core, transaction, now)
      return Outcome(begun: .init(row, attempt))
    }
    guard let known = begun.value.begun else {
      let nothing = PaymentCancellation(
        id: request.id, status: .canceled, cancellationPending: false, payment: nil)
      return Once(nothing, isReplay: begun.isReplay)
    }
    let row = try await payments.settle(Once(known, isReplay: begun.isReplay))
    let payment = row.payment
    return Once(
      PaymentCancellation(
        id: row.id, status: row.stage.status, cancellationPending: payment.cancellationPending, payment: payment),
      isReplay: begun.isReplay)
  }

  /// - Returns: what is to be asked of the provider.
  /// - Throws: `Problem` 409.
  static func begin(
    _ row: inout PaymentRow, reason: String?, _ core: PaymentCore, _ transaction: any Transaction, _ now: Date
  ) throws -> AttemptRow? {
    switch TransitionTable.ruling(row.stage, .cancel) {
    case .goes(.canceled):
      (row.stage, row.isCancelRequested, row.cancellationReason) = (.canceled, true, reason)
      try core.save(&row, transaction, now)
      try core.events.record(PaymentEvents.canceled, row, in: transaction)
      return nil
    case .goes(let stage):
      (row.isCancelRequested, row.cancellationReason) = (true, reason)
      try abandonQuestion(of: row, transaction, now)
      return try Payments.void(&row, to: stage, core, transaction, now)
    case .stays:
      guard !row.isCancelRequested else { return nil }
      (row.isCancelRequested, row.cancellationReason) = (true, reason)
      try core.save(&row, transaction, now)
      return nil
    case .repeats: return nil
    case .refused:
      throw PaymentOperation.cancel.refused(
        in: row.stage, detail: row.captured > 0 ? "Something was taken already: refund it." : nil)
    }
  }

  /// An authorization that waits for the payer is not waited for any more: the void puts an end to it.
  private static func abandonQuestion(of row: PaymentRow, _ transaction: any Transaction, _ now: Date) throws {
    let store = AttemptStore(transaction)
    guard row.stage == .requiresAction, let id = row.attemptID, var attempt = try store.find(id) else { return }
    attempt.finish(.abandoned, at: now)
    try store.update(attempt)
  }

  private struct Outcome: Codable, Sendable {
    /// nil where there was no such payment.
    var begun: Payments.Begun?
  }
}
