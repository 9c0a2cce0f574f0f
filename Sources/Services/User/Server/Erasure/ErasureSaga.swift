import Foundation
import GravityContracts
import GravityData
import GravityPersonalData
import GravitySaga
import Logging
import UserAPI

/// What the saga of an erasure knows; the rest is in the tables.
struct ErasureState: Codable, Sendable {
  var userID: UUID

  enum CodingKeys: String, CodingKey { case userID = "user_id" }
}

/// collect → erase → certify. There is no way back: what a service has erased is gone.
///
/// The services are asked in the transaction that starts the saga (``Lifecycle/requestDueErasures(limit:in:)``), and
/// asked again, by the same event, until each has said that nothing is left. This service comes last, so that an
/// erasure that is under way can be seen.
enum ErasureSaga {
  static let name = "user.erasure"
  static let acknowledged = "erasure.acknowledged"

  static func make(_ core: UserCore, _ lifecycle: Lifecycle, _ signer: CertificateSigner) -> Saga<ErasureState> {
    Saga(name, steps: [collect(core), erase(lifecycle), certify(core, signer)])
  }

  private static func collect(_ core: UserCore) -> SagaStep<ErasureState> {
    let configuration = core.configuration
    return SagaStep("collect", isPivot: true) { attempt in
      let user = attempt.state.userID
      let (row, receipts, now) = try await core.read { transaction, now in
        (try ErasureStore(transaction).find(user), try ErasureStore(transaction).receipts(of: user), now)
      }
      guard let row else { throw MissingErasure(user: user) }
      let done = Set(receipts.filter(\.isComplete).map(\.service))
      let missing = row.services.filter { !done.contains($0) }
      guard !missing.isEmpty else { return .done() }
      let isOverdue = now >= row.requestedAt + configuration.erasureDeadline
      if isOverdue, attempt.timedOut {
        core.logger.error(
          "an erasure is overdue",
          metadata: [
            "user.id": "\(user.lowercased)", "erasure.missing": "\(missing.joined(separator: ","))",
            "erasure.requested_at": "\(WireTime.string(row.requestedAt))",
          ])
      }
      let isTimedOut = attempt.timedOut
      return .waiting(for: acknowledged, atMost: .seconds(configuration.erasureRetry)) { _, transaction in
        guard isTimedOut else { return }
        try core.events.record(.erasureRequested(user: user), in: transaction)
      }
    }
  }

  private static func erase(_ lifecycle: Lifecycle) -> SagaStep<ErasureState> {
    SagaStep("erase") { _ in
      .done { state, transaction in try lifecycle.erase(state.userID, in: transaction) }
    }
  }

  private static func certify(_ core: UserCore, _ signer: CertificateSigner) -> SagaStep<ErasureState> {
    SagaStep("certify") { attempt in
      let user = attempt.state.userID
      let (row, receipts, now) = try await core.read { transaction, now in
        (try ErasureStore(transaction).find(user), try ErasureStore(transaction).receipts(of: user), now)
      }
      guard let row else { throw MissingErasure(user: user) }
      let signed = try await signer.sign(
        ErasureCertificate(
          userID: user, issuer: signer.issuer, requestedAt: row.requestedAt, completedAt: now,
          services: receipts.map(ErasureParticipant.init)))
      let text = String(decoding: try WireFormat.makeEncoder().encode(signed), as: UTF8.self)
      return .done { _, transaction in
        try ErasureStore(transaction).complete(user, certificate: text, at: now)
      }
    }
  }

  private struct MissingErasure: Error, CustomStringConvertible {
    var user: UUID
    var description: String { "there is no erasure of \(user.lowercased)" }
  }
}

extension ErasureParticipant {
  init(_ receipt: ErasureReceipt) {
    self.init(
      service: receipt.service, isDone: receipt.isComplete, erased: receipt.erased, kept: receipt.kept,
      waiting: receipt.waiting, at: receipt.at)
  }

  init(_ inventory: PersonalDataInventory) {
    self.init(
      service: inventory.service, isDone: false, erased: inventory.erases, kept: inventory.keeps,
      waiting: inventory.waits)
  }
}
