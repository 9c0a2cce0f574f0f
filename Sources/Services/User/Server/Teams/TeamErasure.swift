import Foundation
import GravityContracts
import GravityData
import UserAPI

extension Teams {
  /// Takes somebody who is erased out of their teams. Where they were the last owner, who has been there longest
  /// follows them, an admin before any member; a team that nobody is in any more is deleted. What they sent stays the team's.
  ///
  /// Takes no locks of teams: there may be a hundred, and each would begin the transaction anew. What else changes a team
  /// is serializable as this is, so of two that would leave it without an owner one runs again and sees the other.
  static func forget(_ user: UUID, _ core: UserCore, _ transaction: any Transaction) throws {
    let members = TeamMemberStore(transaction)
    for member in try members.memberships(of: user, after: nil, limit: Int(greatestMemberships)) {
      let team = member.team
      try members.delete(user, from: team)
      try core.events.record(.teamMemberRemoved(member, by: nil), in: transaction)
      guard member.role == .owner, try members.count(of: team, .owner) == 0 else { continue }
      guard var heir = try members.heir(of: team) else {
        try delete(team, by: nil, core, transaction)
        continue
      }
      (heir.role, heir.version) = (.owner, heir.version + 1)
      try members.update(heir)
      try core.events.record(.teamRoleChanged(heir, by: nil), in: transaction)
    }
    try TeamInviteStore(transaction).forgetInviter(user)
  }
}
