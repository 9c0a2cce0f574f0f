import Foundation
import GravityContracts
import GravityData
import PaymentAPI

/// Ends authorizations that the provider gives up: what was captured of them stays.
struct Expiry: Sendable {
  let core: PaymentCore
  let calls: ProviderCalls

  private static let batch = 100
  static let reason = "authorization_expired"

  /// - Returns: how many were ended.
  @discardableResult
  func expireDue() async throws -> Int {
    var count = 0
    while true {
      let due = try await core.read { transaction, now in
        try PaymentStore(transaction).expired(at: now, limit: Self.batch).map(\.id)
      }
      guard !due.isEmpty else { return count }
      for id in due { if try await expire(id) { count += 1 } }
      try Task.checkCancellation()
    }
  }

  private func expire(_ id: UUID) async throws -> Bool {
    let begun = try await core.write(of: id) { [core] transaction, now -> (PaymentRow, AttemptRow)? in
      var row = try Payments.existing(id, transaction)
      guard row.expiresAt.map({ $0 <= now }) == true else { return nil }
      // What somebody captures, or has canceled, meanwhile is theirs.
      let attempt: AttemptRow?
      switch row.stage {
      case .authorized:
        attempt = try Cancellations.begin(&row, reason: Self.reason, core, transaction, now)
      case .partlyCaptured:
        guard case .goes(let stage) = TransitionTable.ruling(row.stage, .release) else { return nil }
        attempt = try Payments.void(&row, to: stage, core, transaction, now)
      case .requiresPaymentMethod, .requiresConfirmation, .requiresAction, .authorizing, .capturing, .capturingMore,
        .releasing, .voiding, .givingBack, .succeeded, .canceled:
        return nil
      }
      return attempt.map { (row, $0) }
    }
    guard let (row, attempt) = begun else { return false }
    _ = try await calls.perform(attempt, of: row)
    return true
  }
}
