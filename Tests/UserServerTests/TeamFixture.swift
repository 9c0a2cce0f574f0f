import Foundation
import GravityContracts
import GravityData
import GravityEvents
import Testbed
import Testing
import UserAPI
@testable import UserServer

/// What tests of teams and invitations have in common.
extension UserFixture {
  func makeTeam(_ owner: Person, _ name: String = "Kitchen") async throws -> Team {
    let made = try await send(UserAPI.createTeam, nil, ["name": name], token: owner.token)
    #expect(made.status == 201, "\(made.text)")
    return try made.value
  }

  func path(_ team: Team, _ rest: String = "") -> String { "/api/v1/teams/\(team.id.lowercased)\(rest)" }

  func invite(
    _ email: String, to team: Team, role: String? = nil, days: Int? = nil, by person: Person,
    headers: [String: String] = [:]
  ) async throws -> Reply<TeamInvite> {
    var fields: [String: Any] = ["email": email]
    if let role { fields["role"] = role }
    if let days { fields["expires_in_days"] = days }
    return try await send(
      UserAPI.inviteToTeam, path(team, "/invites"), fields, token: person.token, headers: headers)
  }

  /// The token of the last mail to that address.
  func mailedToken(to email: String) async throws -> String {
    try await deliver()
    let mail = try #require(notifier.sent.last { $0.address == email })
    guard case .object(let invite)? = mail.data.members["invite"], case .string(let token)? = invite["token"] else {
      Issue.record("a mail without a token")
      return ""
    }
    return token
  }

  func accept(_ token: String, by person: Person, headers: [String: String] = [:]) async throws -> Reply<Team> {
    try await send(UserAPI.acceptTeamInvite, nil, ["token": token], token: person.token, headers: headers)
  }

  /// Has somebody invited and lets them accept.
  func join(_ team: Team, _ email: String, role: String = "member", by person: Person) async throws -> Person {
    let somebody = try await known(email)
    let invited = try await invite(email, to: team, role: role, by: person)
    #expect(invited.status == 201, "\(invited.text)")
    let accepted = try await accept(try await mailedToken(to: email), by: somebody)
    #expect(accepted.status == 200, "\(accepted.text)")
    return somebody
  }

  func members(of team: Team, _ person: Person) async throws -> [TeamMember] {
    try await send(UserAPI.teamMembers, path(team, "/members"), token: person.token).value.items
  }

  func roles(of team: Team, _ person: Person) async throws -> [UUID: String] {
    Dictionary(
      uniqueKeysWithValues: try await members(of: team, person).map { ($0.userID, $0.role.rawValue) })
  }

  /// What others are told of a team, in its order: `member_added owner`.
  func events(of team: UUID) async throws -> [String] {
    let events = try await database.rows("SELECT body FROM outbox WHERE subject = \(team.lowercased)").map {
      try CloudEvent(json: try $0.get("body"))
    }
    return try events.sorted { $0.sequence < $1.sequence }.map { event in
      let payload = try WireFormat.makeDecoder().decode(TeamMemberEvent.self, from: Data(event.data))
      return "\(event.type.split(separator: ".")[1]) \(payload.role.rawValue)\(payload.by == nil ? " by nobody" : "")"
    }
  }
}
