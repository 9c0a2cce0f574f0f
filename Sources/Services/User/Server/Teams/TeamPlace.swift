import Foundation
import GravityContracts
import GravityData
import UserAPI

extension TeamRole {
  /// Whether it may rename the team and invite people.
  var managesTeam: Bool { self != .member }

  /// Whether it may give or take that role, and take out who has it.
  func manages(_ other: TeamRole) -> Bool {
    switch self {
    case .owner: true
    case .admin: other != .owner
    case .member: false
    }
  }
}

/// A team, and what somebody is in it.
struct TeamPlace: Sendable {
  let team: TeamRow
  let member: TeamMemberRow

  /// - Throws: `Problem` 404 for whoever is not in the team: to them it is as unknown as one that never was.
  init(of user: UUID, in team: UUID, _ transaction: any Transaction) throws {
    guard let member = try TeamMemberStore(transaction).find(user, in: team),
      let row = try TeamStore(transaction).find(team)
    else { throw Problem.notFound("team") }
    self.team = row
    self.member = member
  }

  /// - Throws: `Problem` 403 that says who may do it.
  func require(_ isAllowed: Bool, _ who: String) throws {
    guard isAllowed else {
      throw Problem(
        403, "team_role_required", "That takes \(who) of the team",
        extensions: ["role": .string(member.role.rawValue)])
    }
  }

  func requireManager() throws { try require(member.role.managesTeam, "an owner or an admin") }
}
