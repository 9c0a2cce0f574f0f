import Foundation
import GravityContracts
import GravityData
import PaymentAPI

/// Gives back what was captured. A refund's amount is set aside, under the payment's lock, before the provider is
/// asked: however many come together, they never give back more than was taken.
struct Refunds: Sendable {
  let core: PaymentCore
  let calls: ProviderCalls
  let reconciler: Reconciler

  func create(_ request: NewRefund, once key: IdempotencyKey?) async throws -> Once<Refund> {
    let reason = try PaymentFields.checkedReason(request.reason)
    if let amount = request.amount, amount.amount < 1 {
      throw Problem.invalid("amount.amount", "range", "must be from 1 to \(Money.greatest)")
    }
    if let id = request.id, !id.isVersion7 { throw Problem.invalid("id", "format", "must be a UUIDv7") }
    let (id, holdID) = (request.id ?? core.newID(), core.newID())
    let fingerprint = Fingerprint.of([
      request.paymentID.lowercased, request.amount.map { "\($0.amount)" }, request.amount?.currency.code, reason,
    ])
    let begun = try await core.write(of: request.paymentID, once: key) { [core] transaction, now in
      var row = try Payments.existing(request.paymentID, transaction)
      let store = RefundStore(transaction)
      if let refund = try store.find(id) {
        guard refund.paymentID == row.id, refund.fingerprint == fingerprint else {
          throw Problem(409, "refund_exists", "There is a refund of that id, with other content")
        }
        return Begun(refund: id)
      }
      guard TransitionTable.ruling(row.stage, .refund) == .stays else {
        throw PaymentOperation.refund.refused(in: row.stage)
      }
      if let amount = request.amount { try Payments.requireCurrency(of: row, amount) }
      let amount = request.amount?.amount ?? row.refundable
      guard (1...max(1, row.refundable)).contains(amount), row.refundable > 0 else {
        throw Problem.amountTooLarge("refundable", row.money(row.refundable))
      }
      guard try store.count(of: row.id) < RefundList.greatestCount else {
        throw PaymentOperation.refund.refused(
          in: row.stage, detail: "There are \(RefundList.greatestCount) refunds already.")
      }
      let refund = RefundRow(
        id: id, of: row, amount: amount, reason: reason, holdID: holdID, fingerprint: fingerprint, at: now)
      let attempt = try core.begin(.refund, of: &row, amount: amount, refund: id, transaction, now)
      row.refunding += amount
      try core.save(&row, transaction, now)
      try store.insert(refund)
      try core.postings(transaction, now).refundBegan(refund, by: attempt)
      return Begun(refund: id, payment: row, attempt: attempt)
    }
    if let payment = begun.value.payment, let attempt = begun.value.attempt {
      _ = try await calls.perform(attempt, of: payment)
    }
    return Once(try await settled(begun.value.refund), isReplay: begun.isReplay)
  }

  /// The refund as it is; whoever asks again helps to find out.
  private func settled(_ id: UUID) async throws -> Refund {
    let (refund, attempt) = try await find(id)
    guard refund.status == .pending, let attempt, try await reconciler.settle(attempt) else { return refund.refund }
    return try await find(id).0.refund
  }

  private func find(_ id: UUID) async throws -> (RefundRow, AttemptRow?) {
    try await core.read { transaction, _ in
      guard let row = try RefundStore(transaction).find(id) else { throw Problem.notFound("refund") }
      let attempts = row.status == .pending ? try AttemptStore(transaction).list(of: row.paymentID) : []
      return (row, attempts.last { $0.refundID == id })
    }
  }

  /// What the first transaction left; a repeat reads it anew.
  private struct Begun: Codable, Sendable {
    var refund: UUID
    var payment: PaymentRow?
    var attempt: AttemptRow?

    init(refund: UUID, payment: PaymentRow? = nil, attempt: AttemptRow? = nil) {
      self.refund = refund
      self.payment = payment
      self.attempt = attempt
    }
    init(from decoder: any Decoder) throws {
      refund = try decoder.container(keyedBy: CodingKeys.self).decode(UUID.self, forKey: .refund)
    }
    func encode(to encoder: any Encoder) throws {
      var members = encoder.container(keyedBy: CodingKeys.self)
      try members.encode(refund, forKey: .refund)
    }
    enum CodingKeys: CodingKey { case refund }
  }
}
