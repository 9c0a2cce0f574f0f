public import Foundation
public import GravityContracts

/// What the user service tells of teams; each by the team, in its order.
public enum TeamEvents {
  static let all: [any EventDescription] = [memberAdded, memberRemoved, roleChanged]

  public static let memberAdded = EventType<TeamMemberEvent>(
    "team.member_added.v1", summary: "Somebody is in a team: who made it, or accepted an invitation")
  public static let memberRemoved = EventType<TeamMemberEvent>(
    "team.member_removed.v1",
    summary: "Somebody is no longer in a team: they left, were taken out or erased, or it ended")
  public static let roleChanged = EventType<TeamMemberEvent>(
    "team.member_role_changed.v1", summary: "A member of a team has another role")
}

public struct TeamMemberEvent: Codable, Sendable, Hashable {
  public var teamID: UUID
  public var userID: UUID
  /// The one that they have now, or had.
  public var role: Open<TeamRole>
  /// Who did it; nil where nobody did, as after an erasure.
  public var by: UUID?

  public init(teamID: UUID, userID: UUID, role: TeamRole, by: UUID?) {
    self.teamID = teamID
    self.userID = userID
    self.role = .known(role)
    self.by = by
  }

  enum CodingKeys: String, CodingKey {
    case role, by
    case teamID = "team_id"
    case userID = "user_id"
  }
}
