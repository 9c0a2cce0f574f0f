import Foundation
import GravityContracts
import GravityData
public import GravityEvents
import GravityPersonalData
import GravitySaga
import Logging
import UserAPI

/// What administrators see of erasures, and what happens when a service answers.
struct Erasures: Sendable {
  let core: UserCore
  let sagas: SagaStore
  let services: any PersonalDataServices
  let personalData: UserPersonalData

  func status(of user: UUID) async throws -> ErasureStatus {
    try await core.read { transaction, now in
      guard let row = try UserStore(transaction).find(user) else { throw Problem.notFound("user") }
      return try status(row, try ErasureStore(transaction).find(user), transaction, now)
    }
  }

  func list(_ request: ErasureSearch) async throws -> Page<ErasureStatus> {
    let limit = try PageLimit.checked(request.limit)
    let after = try request.cursor.map(Self.place)
    return try await core.read { [core] transaction, now in
      let before = request.overdue == true ? now - core.configuration.erasureDeadline : nil
      let rows = try ErasureStore(transaction).open(after: after, requestedBefore: before, limit: limit + 1)
      let page = try rows.map { row in
        let user = try UserStore(transaction).find(row.userID) ?? UserRow(id: row.userID, at: row.requestedAt)
        return try status(user, row, transaction, now)
      }
      return Page(fetched: page, limit: limit) {
        Cursor([$0.requestedAt.map(WireTime.string) ?? "", $0.userID.lowercased])
      }
    }
  }

  private static func place(_ cursor: Cursor) throws -> (requestedAt: Date, user: UUID) {
    let parts = cursor.parts
    guard parts.count == 2, let time = WireTime.date(parts[0]), let user = UUID(uuidString: parts[1]) else {
      throw Problem.invalid("cursor", "format", "is not a cursor of this list")
    }
    return (time, user)
  }

  private func status(
    _ row: UserRow, _ erasure: ErasureRow?, _ transaction: any Transaction, _ now: Date
  ) throws -> ErasureStatus {
    let hold = try LegalHoldStore(transaction).standing(of: row.id)
    let receipts = try ErasureStore(transaction).receipts(of: row.id)
    let known = Dictionary(receipts.map { ($0.service, ErasureParticipant($0)) }) { first, _ in first }
    let state: ErasureStatus.State =
      if let erasure { erasure.completedAt == nil ? .collecting : .completed } else if row.deletionDueAt == nil {
        row.erasedAt == nil ? .none : .completed
      } else { hold == nil ? .pending : .held }
    let names = (erasure?.services ?? []) + known.keys.filter { erasure?.services.contains($0) == false }.sorted()
    return ErasureStatus(
      userID: row.id, state: state, dueAt: row.deletionDueAt, requestedAt: erasure?.requestedAt,
      completedAt: erasure?.completedAt ?? row.erasedAt,
      isOverdue: erasure.map {
        $0.completedAt == nil && now >= $0.requestedAt + core.configuration.erasureDeadline
      } ?? false,
      services: names.map { known[$0] ?? ErasureParticipant(service: $0, isDone: false) }, hold: hold)
  }

  func certificate(of user: UUID) async throws -> SignedErasureCertificate {
    let text = try await core.read { transaction, _ in try ErasureStore(transaction).find(user)?.certificate }
    guard let text else { throw Problem.notFound("certificate") }
    return try WireFormat.makeDecoder().decode(SignedErasureCertificate.self, from: Data(text.utf8))
  }

  /// Asks every service, and changes nothing.
  /// - Throws: `Problem` 503 that names the service that gives no answer: half a list would mislead.
  func dryRun(of user: UUID) async throws -> ErasureDryRun {
    let (own, hold) = try await core.read { transaction, _ in
      guard let row = try UserStore(transaction).find(user) else { throw Problem.notFound("user") }
      let counts = try personalData.inventory(of: row, in: transaction)
      return (
        PersonalDataInventory(service: UserAPI.service, counts), try LegalHoldStore(transaction).standing(of: user)
      )
    }
    let asked = core.configuration.erasureServices
    let others = try await withThrowingTaskGroup(of: PersonalDataInventory.self) { group in
      for service in asked {
        group.addTask {
          do { return try await services.inventory(of: user, at: service) } catch let error as CancellationError {
            throw error
          } catch {
            core.logger.warning(
              "a service gave no answer", metadata: ["service": "\(service)", "error.message": "\(error)"])
            throw Problem(
              503, "service_unavailable", "The service \(service) gives no answer now",
              detail: "Try again in a moment.", retryAfter: 5)
          }
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    let all = [own] + others.sorted { $0.service < $1.service }
    return ErasureDryRun(userID: user, services: all.map { ErasureParticipant($0) }, hold: hold)
  }

  // MARK: Receipts

  /// A service answered. What nobody asked for, or another service claims, is not believed.
  func acknowledged(_ receipt: ErasureReceipt, from source: String, in transaction: any Transaction) throws {
    let store = ErasureStore(transaction)
    guard source == "/\(receipt.service)", let row = try store.find(receipt.userID),
      row.services.contains(receipt.service)
    else {
      core.logger.warning(
        "a receipt of an erasure that nobody waits for",
        metadata: ["user.id": "\(receipt.userID.lowercased)", "event.source": "\(source)"])
      return
    }
    guard row.completedAt == nil else { return }
    try store.put(receipt)
    guard receipt.isComplete else { return }
    try sagas.signal(
      receipt.userID, event: ErasureSaga.acknowledged, payload: .string(receipt.service), in: transaction)
  }
}

extension UserService {
  /// What the service does when those that hold personal data answer.
  public var erasureEvents: [EventHandler] {
    let erasures = erasures
    return [
      .on(PersonalDataEvents.erasureAcknowledged) { event, transaction in
        try erasures.acknowledged(event.payload, from: event.source, in: transaction)
      }
    ]
  }
}
