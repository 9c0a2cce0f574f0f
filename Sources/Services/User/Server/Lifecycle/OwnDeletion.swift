import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import GravityPersonalData
import Logging
import UserAPI

/// Asking to be erased, and taking it back within the time of grace.
struct OwnDeletion: Sendable {
  let core: UserCore
  let profiles: Profiles
  let authentication: RecentAuthentication
  let services: any PersonalDataServices

  /// Asked again, nothing changes. A suspended user may ask too.
  /// - Throws: `Problem` 401 of whoever does not show again who they are, 409 of the last administrator: auth would not let
  ///   them go. Where two are the last who ask at once, auth keeps one of them when the erasure comes.
  func request(by principal: Principal, _ precondition: Precondition) async throws -> Profile {
    let id = try await profiles.own(principal).id
    try await authentication.require(of: principal)
    try await requireAnotherAdministrator(besides: id)
    let profile = try await core.write(of: id) { [core] transaction, now in
      let old = try Self.row(id, transaction)
      guard old.deletionDueAt == nil else { return old.profile(core.configuration) }
      try precondition.require(old.profile(core.configuration).entityTag)
      var row = old
      row.deletionDueAt = (now + core.configuration.deletionGrace).roundedToMicroseconds
      return try core.save(row, after: old, .deletionRequested(user: id), transaction, now)
        .profile(core.configuration)
    }
    await profiles.reader.changed(profile)
    return profile
  }

  private func requireAnotherAdministrator(besides id: UUID) async throws {
    guard core.configuration.erasureServices.contains(AuthAPI.service) else { return }
    let inventory: PersonalDataInventory
    do { inventory = try await services.inventory(of: id, at: AuthAPI.service) } catch let error as CancellationError {
      throw error
    } catch {
      core.logger.warning(
        "a service gave no answer", metadata: ["service": "\(AuthAPI.service)", "error.message": "\(error)"])
      throw Problem(
        503, "directory_unavailable", "The account cannot be looked up now", detail: "Try again in a moment.",
        retryAfter: 2)
    }
    guard inventory.waits[AuthAPI.lastAdministrator] == nil else {
      throw Problem(
        409, "last_administrator", "Nobody could administer the platform any more",
        detail: "Make somebody else an administrator first.")
    }
  }

  /// Where there is nothing to take back, nothing changes.
  func restore(by principal: Principal) async throws -> Profile {
    let id = try await profiles.own(principal).id
    let profile = try await core.write(of: id) { [core] transaction, now in
      let old = try Self.row(id, transaction)
      guard let due = old.deletionDueAt else { return old.profile(core.configuration) }
      guard now < due, old.erasureRequestedAt == nil else {
        throw Problem(409, "grace_over", "It is too late to take the deletion back")
      }
      var row = old
      row.deletionDueAt = nil
      return try core.save(row, after: old, .deletionCancelled(user: id), transaction, now)
        .profile(core.configuration)
    }
    await profiles.reader.changed(profile)
    return profile
  }

  private static func row(_ id: UUID, _ transaction: any Transaction) throws -> UserRow {
    guard let row = try UserStore(transaction).find(id), row.isComplete, !row.isGone else {
      throw Problem.notFound("user")
    }
    return row
  }
}
