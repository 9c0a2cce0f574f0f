public import Foundation
public import GravityContracts

/// That somebody was asked, by mail, to join a team. The token is in the mail and nowhere else.
public struct TeamInvite: Codable, Sendable, Hashable {
  public enum State: String, Codable, Sendable, CaseIterable {
    case pending
    /// Nobody answered in time; it can be sent again.
    case expired
  }

  public var id: UUID
  public var teamID: UUID
  public var email: String
  public var role: Open<TeamRole>
  public var state: Open<State>
  /// nil when that person is erased.
  public var invitedBy: UUID?
  public var createdAt: Date
  /// When the last mail was asked for.
  public var sentAt: Date
  public var expiresAt: Date

  public init(
    id: UUID, teamID: UUID, email: String, role: TeamRole, state: State, invitedBy: UUID?, createdAt: Date,
    sentAt: Date, expiresAt: Date
  ) {
    self.id = id
    self.teamID = teamID
    self.email = email
    self.role = .known(role)
    self.state = .known(state)
    self.invitedBy = invitedBy
    self.createdAt = createdAt
    self.sentAt = sentAt
    self.expiresAt = expiresAt
  }

  enum CodingKeys: String, CodingKey {
    case id, email, role, state
    case teamID = "team_id"
    case invitedBy = "invited_by"
    case createdAt = "created_at"
    case sentAt = "sent_at"
    case expiresAt = "expires_at"
  }
}

public struct NewTeamInvite: Codable, Sendable {
  /// The team's.
  public var id: UUID
  /// Compared as accounts' addresses are: without regard to case.
  public var email: String
  /// `member` unless it is given. Only an owner makes owners.
  public var role: TeamRole?
  /// 1 to 30; 7 unless it is given.
  public var expiresInDays: Int?

  public init(id: UUID, email: String, role: TeamRole? = nil, expiresInDays: Int? = nil) {
    self.id = id
    self.email = email
    self.role = role
    self.expiresInDays = expiresInDays
  }

  enum CodingKeys: String, CodingKey {
    case id, email, role
    case expiresInDays = "expires_in_days"
  }
}

public struct TeamInviteID: Codable, Sendable {
  /// The team's.
  public var id: UUID
  public var inviteID: UUID

  public init(id: UUID, inviteID: UUID) {
    self.id = id
    self.inviteID = inviteID
  }

  enum CodingKeys: String, CodingKey {
    case id
    case inviteID = "invite_id"
  }
}

public struct TeamInviteToken: Codable, Sendable {
  /// As it stands in the mail.
  public var token: String
  public init(token: String) { self.token = token }
}

extension UserAPI {
  static let inviteEndpoints: [any EndpointDescription] = [
    inviteToTeam, teamInvites, resendTeamInvite, revokeTeamInvite, acceptTeamInvite, declineTeamInvite,
  ]

  /// 409 `already_member` of somebody who is in the team, `already_invited` (with `invite_id`) while one is pending.
  public static let inviteToTeam = Endpoint<NewTeamInvite, TeamInvite>(
    "inviteToTeam", .post, "/api/v1/teams/{id}/invites", access: .authenticated,
    summary: "Ask somebody to join a team, by mail", success: 201, owned: true, idempotency: .accepted,
    problems: memberProblems + ["already_member", "already_invited", "too_many_members"] + inviteBounds)

  public static let teamInvites = Endpoint<TeamPageRequest, Page<TeamInvite>>(
    "teamInvites", .get, "/api/v1/teams/{id}/invites", access: .authenticated,
    summary: "The invitations that wait for an answer, or waited in vain", owned: true,
    problems: ["not_found", "team_role_required", "directory_unavailable"])

  public static let resendTeamInvite = Endpoint<TeamInviteID, TeamInvite>(
    "resendTeamInvite", .post, "/api/v1/teams/{id}/invites/{invite_id}/resend", access: .authenticated,
    summary: "Send an invitation again, with a new token and all its time; the old token is good for nothing",
    owned: true, problems: memberProblems + inviteBounds)

  public static let revokeTeamInvite = Endpoint<TeamInviteID, Empty>(
    "revokeTeamInvite", .delete, "/api/v1/teams/{id}/invites/{invite_id}", access: .authenticated,
    summary: "Take an invitation back", owned: true, problems: memberProblems)

  /// Only for the account whose address was invited, once auth knows that the address is theirs.
  public static let acceptTeamInvite = Endpoint<TeamInviteToken, Team>(
    "acceptTeamInvite", .post, "/api/v1/team-invites/accept", access: .authenticated,
    summary: "Join the team that one was invited to; the token works once", idempotency: .accepted,
    problems: writeProblems + answerProblems + ["already_member", "too_many_members", "too_many_teams"])

  public static let declineTeamInvite = Endpoint<TeamInviteToken, Empty>(
    "declineTeamInvite", .post, "/api/v1/team-invites/decline", access: .authenticated,
    summary: "Say no to an invitation", problems: writeProblems + answerProblems)

  private static let inviteBounds: [ProblemCode] = ["too_many_invites", "invites_limited"]
  private static let answerProblems: [ProblemCode] = [
    "invite_expired", "invite_revoked", "invite_used", "invite_declined", "other_address", "email_unverified",
  ]
}
