import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Logging
import UserAPI

/// Keeping data from being erased, for a reason that somebody answers for.
struct LegalHolds: Sendable {
  let core: UserCore

  /// How many are shown.
  static let greatestList = 100

  func list(of user: UUID) async throws -> LegalHoldList {
    try await core.read { transaction, _ in
      guard try UserStore(transaction).find(user) != nil else { throw Problem.notFound("user") }
      return LegalHoldList(items: try LegalHoldStore(transaction).list(of: user, limit: Self.greatestList))
    }
  }

  /// Where one stands with the same reason, nothing changes; with another, that one is ended and this one set.
  /// - Throws: `Problem` 409 once the services were asked: then data are gone already.
  func set(_ request: LegalHoldReason, by principal: Principal) async throws -> LegalHold {
    let reason = try Self.checked(request.reason)
    let hold = try await core.write(of: request.id) { [core] transaction, now in
      guard let row = try UserStore(transaction).find(request.id) else { throw Problem.notFound("user") }
      guard row.erasureRequestedAt == nil, row.erasedAt == nil else {
        throw Problem(
          409, "erasure_under_way", "It is too late: the services were asked to erase the user's data",
          detail: "GET /api/v1/users/\(request.id.lowercased)/erasure says what is left where.")
      }
      let store = LegalHoldStore(transaction)
      if var standing = try store.standing(of: request.id) {
        guard standing.reason != reason else { return standing }
        (standing.releasedBy, standing.releasedAt) = (principal.subject, now)
        standing.releaseReason = "replaced"
        try store.update(standing)
      }
      let hold = LegalHold(id: core.newID(), reason: reason, setBy: principal.subject, setAt: now)
      try store.insert(hold, of: request.id)
      return hold
    }
    core.logger.notice(
      "a legal hold stands", metadata: ["user.id": "\(request.id.lowercased)", "hold.id": "\(hold.id.lowercased)"])
    return hold
  }

  func release(_ request: LegalHoldReason, by principal: Principal) async throws -> LegalHold {
    let reason = try Self.checked(request.reason)
    let hold = try await core.write(of: request.id) { transaction, now in
      guard try UserStore(transaction).find(request.id) != nil else { throw Problem.notFound("user") }
      let store = LegalHoldStore(transaction)
      guard var hold = try store.standing(of: request.id) else {
        throw Problem(409, "no_hold", "No legal hold stands for this user")
      }
      (hold.releasedBy, hold.releasedAt, hold.releaseReason) = (principal.subject, now, reason)
      try store.update(hold)
      return hold
    }
    core.logger.notice(
      "a legal hold was released",
      metadata: ["user.id": "\(request.id.lowercased)", "hold.id": "\(hold.id.lowercased)"])
    return hold
  }

  private static func checked(_ reason: String) throws -> String {
    var errors: [Problem.FieldError] = []
    guard let kept = PlainText("reason", of: LegalHoldReason.self).checked(reason, &errors) else {
      throw Problem.invalid(errors)
    }
    return kept
  }
}
