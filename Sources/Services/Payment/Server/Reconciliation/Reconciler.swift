import Foundation
import GravityContracts
import GravityData
import Logging
import PaymentAPI

/// Finds out what became of questions whose answer was lost: the call timed out, the connection broke, or the process
/// died between asking and recording.
///
/// The provider is asked by the question's own key. What it never heard of is asked again under the same key, and only
/// under it; so it makes no difference how many reconcile at the same time, nor whether the first call still arrives.
public struct Reconciler: Sendable {
  let core: PaymentCore
  let calls: ProviderCalls
  let recorder: Recorder

  /// How many are looked at in one go.
  private static let batch = 100
  /// How many at the same time.
  private static let concurrency = 8

  /// Reconciles what is due, most overdue first, until nothing is.
  /// - Parameter all: also what somebody may be asking right now; for the start, when whoever asked is gone.
  /// - Returns: how many were looked at.
  @discardableResult
  public func reconcileDue(all: Bool = false) async throws -> Int {
    var (count, seen) = (0, Set<UUID>())
    while true {
      let ids = try await core.read { [core] transaction, now in
        let time = all ? now.addingTimeInterval(core.configuration.answerTimeout) : now
        return try AttemptStore(transaction).due(at: time, limit: Self.batch)
      }.filter { seen.insert($0).inserted }
      guard !ids.isEmpty else { return count }
      count += ids.count
      await withTaskGroup(of: Void.self) { group in
        for (index, id) in ids.enumerated() {
          if index >= Self.concurrency { await group.next() }
          group.addTask { await tryToReconcile(id) }
        }
      }
      try Task.checkCancellation()
    }
  }

  /// One that fails must not keep the others from being looked at: it is put off.
  private func tryToReconcile(_ id: UUID) async {
    do {
      do {
        _ = try await reconcile(id)
      } catch let error as UnforeseenAnswer {
        core.logger.error("\(error)", metadata: ["attempt.id": "\(id.lowercased)"])
        let attempt = try await core.read { transaction, _ in try AttemptStore(transaction).find(id) }
        if let attempt { _ = try await recorder.record(nil, to: id, of: attempt.paymentID) }
      }
    } catch {
      core.logger.warning(
        "cannot reconcile", metadata: ["attempt.id": "\(id.lowercased)", "error.message": "\(error)"])
    }
  }

  /// - Returns: in how many seconds to ask again; nil when the answer is known now, or was before.
  @discardableResult
  func reconcile(_ id: UUID) async throws -> TimeInterval? {
    let found = try await core.read { transaction, _ -> (PaymentRow, AttemptRow)? in
      guard let attempt = try AttemptStore(transaction).find(id) else { return nil }
      return (try Payments.existing(attempt.paymentID, transaction), attempt)
    }
    // What waits for the payer is not asked about: the payer's next step tells.
    guard let (payment, attempt) = found, attempt.isOpen, attempt.state != .requiresAction else { return nil }
    let recorded = try await recorder.record(
      await answer(to: attempt, of: payment), to: attempt.id, of: payment.id)
    if let next = recorded.next { _ = try await calls.perform(next, of: recorded.payment) }
    return recorded.retryAfter
  }

  private func answer(to attempt: AttemptRow, of payment: PaymentRow) async -> ProviderAnswer? {
    do {
      let answer = try await core.provider.retrieve(
        ProviderQuery(
          key: attempt.key, paymentID: payment.id, operation: .init(attempt.operation),
          authorizationKey: payment.authorizationKey ?? "", reference: payment.reference))
      guard answer == .notFound else { return answer }
      // Nobody wants it any more, and nothing was done.
      if payment.isCancelRequested, payment.attemptID == attempt.id,
        attempt.operation == .authorize || attempt.operation == .capture
      {
        return .notFound
      }
      return try await calls.ask(attempt, of: payment)
    } catch {
      core.logger.warning(
        "a provider cannot tell what became of a payment",
        metadata: ["payment.id": "\(payment.id.lowercased)", "error.message": "\(error)"])
      return nil
    }
  }

  // MARK: On the way

  /// Reconciles what the payment waits for, if that is due: whoever asks again helps to find out.
  func settle(_ payment: PaymentRow) async throws -> PaymentRow {
    guard let id = payment.attemptID, payment.stage.status == .processing else { return payment }
    let attempt = try await core.read { transaction, _ in try AttemptStore(transaction).find(id) }
    guard let attempt, try await settle(attempt) else { return payment }
    return try await core.read { transaction, _ in try Payments.existing(payment.id, transaction) }
  }

  @discardableResult
  func settle(_ attempt: AttemptRow) async throws -> Bool {
    guard attempt.isOpen, attempt.state != .requiresAction, attempt.dueAt <= core.clock.now() else { return false }
    try await reconcile(attempt.id)
    return true
  }

  /// There is news of what was asked under a key.
  /// - Returns: false when no such key was ever used.
  func reconcile(key: String) async throws -> Bool {
    let found = try await core.read { transaction, _ in try AttemptStore(transaction).find(key: key) }
    guard var attempt = found else { return false }
    if attempt.state == .requiresAction {
      guard let resumed = try await resume(attempt) else { return true }
      attempt = resumed
    }
    try await reconcile(attempt.id)
    return true
  }

  /// The payer has done something at the provider: its question is open again.
  private func resume(_ attempt: AttemptRow) async throws -> AttemptRow? {
    try await core.write(of: attempt.paymentID) { [core] transaction, now in
      let store = AttemptStore(transaction)
      var payment = try Payments.existing(attempt.paymentID, transaction)
      guard var row = try store.find(attempt.id), row.state == .requiresAction, payment.stage == .requiresAction
      else { return nil }
      row.state = .sent
      row.dueAt = now.addingTimeInterval(core.configuration.answerTimeout)
      try store.update(row)
      (payment.stage, payment.action) = (.authorizing, nil)
      try core.save(&payment, transaction, now)
      return row
    }
  }
}

extension ProviderQuery.Operation {
  init(_ operation: AttemptOperation) {
    switch operation {
    case .authorize: self = .authorize
    case .capture: self = .capture
    case .void: self = .void
    case .refund: self = .refund
    }
  }
}
