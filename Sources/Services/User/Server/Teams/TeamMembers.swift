import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import UserAPI

/// Who is in a team, and what they may do there. There is always an owner.
struct TeamMembers: Sendable {
  let core: UserCore
  let profiles: Profiles

  static let greatestCount: Int64 = 200

  func list(_ request: TeamPageRequest, for principal: Principal) async throws -> Page<TeamMember> {
    let limit = try PageLimit.checked(request.limit)
    let after = try request.cursor.map { try $0.id }
    let user = try await profiles.own(principal).id
    return try await core.read { transaction, _ in
      _ = try TeamPlace(of: user, in: request.id, transaction)
      let rows = try TeamMemberStore(transaction).list(of: request.id, after: after, limit: limit + 1)
      let users = try UserStore(transaction).find(rows.map(\.user))
      return Page(fetched: rows.map { $0.member(users[$0.user]) }, limit: limit) { Cursor([$0.userID.lowercased]) }
    }
  }

  func change(
    _ request: TeamRoleChange, by principal: Principal, _ precondition: Precondition
  ) async throws -> TeamMember {
    let user = try await profiles.own(principal).id
    return try await core.write(in: request.id, by: user) { [core] place, transaction, _ in
      let store = TeamMemberStore(transaction)
      guard var member = try store.find(request.userID, in: request.id) else { throw Problem.notFound("member") }
      let isAllowed = place.member.role.manages(member.role) && place.member.role.manages(request.role)
      try place.require(
        isAllowed, member.role == .owner || request.role == .owner ? "an owner" : "an owner or an admin")
      try precondition.require(EntityTag(version: member.version))
      if member.role != request.role {
        if member.role == .owner { try Self.requireAnotherOwner(place.team.id, transaction) }
        if request.role == .owner { try Teams.requireRoomToOwn(member.user, transaction) }
        (member.role, member.version) = (request.role, member.version + 1)
        try store.update(member)
        try core.events.record(.teamRoleChanged(member, by: user), in: transaction)
      }
      return member.member(try UserStore(transaction).find(member.user))
    }
  }

  /// Whoever takes themself out leaves.
  func remove(_ other: UUID, from team: UUID, by principal: Principal) async throws {
    let user = try await profiles.own(principal).id
    try await core.write(in: team, by: user) { [core] place, transaction, _ in
      let store = TeamMemberStore(transaction)
      guard let member = try store.find(other, in: team) else { throw Problem.notFound("member") }
      try place.require(
        other == user || place.member.role.manages(member.role),
        member.role == .owner ? "an owner" : "an owner or an admin")
      if member.role == .owner { try Self.requireAnotherOwner(team, transaction) }
      try store.delete(other, from: team)
      try core.events.record(.teamMemberRemoved(member, by: user), in: transaction)
    }
  }

  func leave(_ team: UUID, by principal: Principal) async throws {
    try await remove(try principal.accountID, from: team, by: principal)
  }

  private static func requireAnotherOwner(_ team: UUID, _ transaction: any Transaction) throws {
    guard try TeamMemberStore(transaction).count(of: team, .owner) > 1 else {
      throw Problem(
        409, "last_owner", "The team would have no owner",
        detail: "Make somebody else an owner first, or delete the team.")
    }
  }
}
