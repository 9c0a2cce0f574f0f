public import Foundation
public import GravityContracts

/// What a member may do in a team; `Documentation/user.md` has the table.
public enum TeamRole: String, Codable, Sendable, CaseIterable { case owner, admin, member }

/// People who work together, as one of them sees it.
public struct Team: Codable, Sendable, Hashable, EntityTagged {
  public var id: UUID
  public var name: String
  /// The caller's own.
  public var role: Open<TeamRole>
  public var memberCount: Int64
  /// Counts up with every change of the name; the ETag is made of it.
  public var version: Int64
  public var createdAt: Date
  public var updatedAt: Date

  public init(
    id: UUID, name: String, role: TeamRole, memberCount: Int64, version: Int64, createdAt: Date, updatedAt: Date
  ) {
    self.id = id
    self.name = name
    self.role = .known(role)
    self.memberCount = memberCount
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case id, name, role, version
    case memberCount = "member_count"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }
}

public struct NewTeam: Codable, Sendable {
  /// 1 to 60 characters in one line; it need not be the only team of that name.
  public var name: String
  public init(name: String) { self.name = name }
}

public struct TeamID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

public struct TeamUpdate: Codable, Sendable {
  public var id: UUID
  /// As in ``NewTeam``.
  public var name: String

  public init(id: UUID, name: String) {
    self.id = id
    self.name = name
  }
}

public struct TeamPageRequest: Codable, Sendable {
  public var id: UUID
  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?

  public init(id: UUID, limit: Int? = nil, cursor: Cursor? = nil) {
    self.id = id
    self.limit = limit
    self.cursor = cursor
  }
}

/// Somebody in a team, as the others see them: no address, no telephone number.
public struct TeamMember: Codable, Sendable, Hashable, EntityTagged {
  public var userID: UUID
  public var displayName: String
  public var avatarURL: String?
  public var role: Open<TeamRole>
  public var joinedAt: Date
  /// Counts up with every change of the role; the ETag is made of it.
  public var version: Int64

  public init(
    userID: UUID, displayName: String, avatarURL: String?, role: TeamRole, joinedAt: Date, version: Int64
  ) {
    self.userID = userID
    self.displayName = displayName
    self.avatarURL = avatarURL
    self.role = .known(role)
    self.joinedAt = joinedAt
    self.version = version
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case role, version
    case userID = "user_id"
    case displayName = "display_name"
    case avatarURL = "avatar_url"
    case joinedAt = "joined_at"
  }
}

public struct TeamMemberID: Codable, Sendable {
  public var id: UUID
  public var userID: UUID

  public init(id: UUID, userID: UUID) {
    self.id = id
    self.userID = userID
  }

  enum CodingKeys: String, CodingKey {
    case id
    case userID = "user_id"
  }
}

public struct TeamRoleChange: Codable, Sendable {
  public var id: UUID
  public var userID: UUID
  public var role: TeamRole

  public init(id: UUID, userID: UUID, role: TeamRole) {
    self.id = id
    self.userID = userID
    self.role = role
  }

  enum CodingKeys: String, CodingKey {
    case id, role
    case userID = "user_id"
  }
}

extension UserAPI {
  static let teamEndpoints: [any EndpointDescription] = [
    createTeam, teams, team, renameTeam, deleteTeam, teamMembers, changeTeamRole, removeTeamMember, leaveTeam,
  ]

  public static let createTeam = Endpoint<NewTeam, Team>(
    "createTeam", .post, "/api/v1/teams", access: .authenticated, summary: "Make a team, whose owner one is",
    success: 201, idempotency: .accepted, problems: writeProblems + ["too_many_teams"])

  public static let teams = Endpoint<PageRequest, Page<Team>>(
    "teams", .get, "/api/v1/teams", access: .authenticated, summary: "The teams that one is in, by age",
    problems: ["not_found", "directory_unavailable"])

  public static let team = Endpoint<TeamID, Team>(
    "team", .get, "/api/v1/teams/{id}", access: .authenticated, summary: "A team that one is in", owned: true,
    problems: ["not_found", "directory_unavailable"])

  public static let renameTeam = Endpoint<TeamUpdate, Team>(
    "renameTeam", .patch, "/api/v1/teams/{id}", access: .authenticated, summary: "Give a team another name",
    owned: true, precondition: .accepted, problems: memberProblems)

  public static let deleteTeam = Endpoint<TeamID, Empty>(
    "deleteTeam", .delete, "/api/v1/teams/{id}", access: .authenticated,
    summary: "Delete a team with its invitations; its members stay who they are", owned: true,
    precondition: .accepted, problems: memberProblems)

  public static let teamMembers = Endpoint<TeamPageRequest, Page<TeamMember>>(
    "teamMembers", .get, "/api/v1/teams/{id}/members", access: .authenticated,
    summary: "Who is in a team", owned: true, problems: ["not_found", "directory_unavailable"])

  /// 409 `last_owner` where it would leave the team without one.
  public static let changeTeamRole = Endpoint<TeamRoleChange, TeamMember>(
    "changeTeamRole", .patch, "/api/v1/teams/{id}/members/{user_id}", access: .authenticated,
    summary: "Change what a member may do", owned: true, precondition: .accepted,
    problems: memberProblems + ["last_owner", "too_many_teams"])

  public static let removeTeamMember = Endpoint<TeamMemberID, Empty>(
    "removeTeamMember", .delete, "/api/v1/teams/{id}/members/{user_id}", access: .authenticated,
    summary: "Take somebody out of a team", owned: true, problems: memberProblems + ["last_owner"])

  public static let leaveTeam = Endpoint<TeamID, Empty>(
    "leaveTeam", .post, "/api/v1/teams/{id}/leave", access: .authenticated,
    summary: "Leave a team; the last owner cannot", owned: true, problems: memberProblems + ["last_owner"])

  static let writeProblems: [ProblemCode] = [
    "not_found", "user_suspended", "deletion_pending", "directory_unavailable",
  ]
  static let memberProblems: [ProblemCode] = writeProblems + ["team_role_required"]
}
