import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import UserAPI

/// Asking to be erased, and taking it back within the time of grace.
struct OwnDeletion: Sendable {
  let core: UserCore
  let profiles: Profiles

  /// Asked again, nothing changes. A suspended user may ask too.
  func request(by principal: Principal, _ precondition: Precondition) async throws -> Profile {
    let id = try await profiles.own(principal).id
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
