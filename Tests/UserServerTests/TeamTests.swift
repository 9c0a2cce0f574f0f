import Foundation
import GravityContracts
import GravityData
import Testbed
import Testing
import UserAPI
@testable import UserServer

@Suite(.timeLimit(.minutes(5))) struct TeamTests {
  @Test(
    "a team is made, listed, renamed under its ETag and deleted, and is nothing to others", arguments: Engine.available)
  func life(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let (alice, bob) = (try await users.known("alice@example.org"), try await users.known("bob@example.org"))
      let made = try await users.send(
        UserAPI.createTeam, nil, ["name": " Kitchen "], token: alice.token, headers: ["Idempotency-Key": "one"])
      let team = try made.value
      #expect(made.status == 201 && team.name == "Kitchen" && team.role == .known(.owner) && team.memberCount == 1)
      let again = try await users.send(
        UserAPI.createTeam, nil, ["name": " Kitchen "], token: alice.token, headers: ["Idempotency-Key": "one"])
      #expect(try again.value == team, "once")
      let second = try await users.makeTeam(alice, "Cellar")
      let list = try await users.send(UserAPI.teams, "/api/v1/teams?limit=1", token: alice.token).value
      #expect(list.items == [team])
      let cursor = try #require(list.nextCursor)
      let rest = try await users.send(UserAPI.teams, "/api/v1/teams?cursor=\(cursor)", token: alice.token).value
      #expect(rest.items == [second] && rest.nextCursor == nil)

      // Nobody else knows that it is there.
      for (method, path) in [
        (UserAPI.team.method, users.path(team)), (.delete, users.path(team)), (.get, users.path(team, "/members")),
        (.get, users.path(team, "/invites")), (.delete, users.path(team, "/members/\(alice.id.lowercased)")),
      ] {
        let endpoint = Endpoint<Empty, Empty>("any", method, "/", access: .authenticated)
        #expect(try await users.send(endpoint, path, token: bob.token).status == 404, "\(method) \(path)")
      }
      #expect(try await users.send(UserAPI.leaveTeam, users.path(team, "/leave"), token: bob.token).status == 404)
      let foreign = try await users.send(UserAPI.renameTeam, users.path(team), ["name": "Mine"], token: bob.token)
      #expect(foreign.status == 404)
      #expect(try await users.invite("eve@example.org", to: team, by: bob).status == 404)
      #expect(try await users.send(UserAPI.teams, token: bob.token).value.items.isEmpty)

      let found = try await users.send(UserAPI.team, users.path(team), token: alice.token)
      let renamed = try await users.send(
        UserAPI.renameTeam, users.path(team), ["name": "Scullery"], token: alice.token,
        headers: ["If-Match": found.etag])
      #expect(try renamed.value.name == "Scullery" && renamed.etag != found.etag)
      let stale = try await users.send(
        UserAPI.renameTeam, users.path(team), ["name": "Pantry"], token: alice.token, headers: ["If-Match": found.etag])
      #expect(stale.status == 412)
      for name in ["", "  ", "a\nb", String(repeating: "x", count: 61)] {
        let wrong = try await users.send(UserAPI.createTeam, nil, ["name": name], token: alice.token)
        #expect(wrong.status == 422 && wrong.fields == ["name"])
      }
      #expect(
        try await users.send(
          UserAPI.deleteTeam, users.path(team), token: alice.token, headers: ["If-Match": found.etag]
        ).status == 412)
      #expect(try await users.send(UserAPI.deleteTeam, users.path(team), token: alice.token).status == 204)
      #expect(try await users.send(UserAPI.team, users.path(team), token: alice.token).status == 404)
      #expect(try await users.events(of: team.id) == ["member_added owner", "member_removed owner"])
    }
  }

  /// What each role may do: the table of the documentation.
  @Test(
    "owners manage everybody, admins those who are not owners, members nobody", arguments: Engine.available)
  func roles(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let owner = try await users.known("owner@example.org")
      let team = try await users.makeTeam(owner)
      let admin = try await users.join(team, "admin@example.org", role: "admin", by: owner)
      let member = try await users.join(team, "member@example.org", by: admin)
      let other = try await users.join(team, "other@example.org", by: admin)
      func change(_ person: UserFixture.Person, _ role: String, by actor: UserFixture.Person) async throws -> Int {
        try await users.send(
          UserAPI.changeTeamRole, users.path(team, "/members/\(person.id.lowercased)"), ["role": role],
          token: actor.token
        ).status
      }
      func remove(_ person: UserFixture.Person, by actor: UserFixture.Person) async throws -> Reply<Empty> {
        try await users.send(
          UserAPI.removeTeamMember, users.path(team, "/members/\(person.id.lowercased)"), token: actor.token)
      }
      // Everybody sees who is there, but no address.
      let seen = try await users.send(UserAPI.teamMembers, users.path(team, "/members"), token: member.token)
      #expect(try seen.value.items.count == 4 && !seen.text.contains("@"))
      #expect(try await users.send(UserAPI.team, users.path(team), token: member.token).value.role == .known(.member))

      // A member.
      #expect(try await change(other, "admin", by: member) == 403)
      let refused = try await remove(other, by: member)
      #expect(refused.status == 403 && refused.code == "team_role_required")
      #expect(try await users.invite("new@example.org", to: team, by: member).status == 403)
      #expect(
        try await users.send(UserAPI.teamInvites, users.path(team, "/invites"), token: member.token).status == 403)
      #expect(
        try await users.send(UserAPI.renameTeam, users.path(team), ["name": "X"], token: member.token).status == 403)
      #expect(try await users.send(UserAPI.deleteTeam, users.path(team), token: member.token).status == 403)

      // An admin.
      #expect(try await change(owner, "member", by: admin) == 403)
      #expect(try await change(member, "owner", by: admin) == 403)
      #expect(try await remove(owner, by: admin).status == 403)
      #expect(try await users.invite("new@example.org", to: team, role: "owner", by: admin).status == 403)
      #expect(try await users.send(UserAPI.deleteTeam, users.path(team), token: admin.token).status == 403)
      #expect(
        try await users.send(UserAPI.renameTeam, users.path(team), ["name": "Y"], token: admin.token).status == 200)
      #expect(try await change(member, "admin", by: admin) == 200)
      #expect(try await change(member, "member", by: admin) == 200)
      #expect(try await remove(other, by: admin).status == 204)

      // An owner; and whoever leaves.
      #expect(try await change(admin, "owner", by: owner) == 200)
      #expect(try await change(admin, "boss", by: owner) == 422)
      #expect(
        try await users.roles(of: team, owner) == [owner.id: "owner", admin.id: "owner", member.id: "member"])
      #expect(try await users.send(UserAPI.leaveTeam, users.path(team, "/leave"), token: member.token).status == 204)
      #expect(try await users.send(UserAPI.team, users.path(team), token: member.token).status == 404)
      #expect(try await change(member, "admin", by: owner) == 404)

      // The role has a version of its own.
      let path = users.path(team, "/members/\(admin.id.lowercased)")
      let demoted = try await users.send(UserAPI.changeTeamRole, path, ["role": "admin"], token: owner.token)
      #expect(try demoted.value.role == .known(.admin))
      let stale = try await users.send(
        UserAPI.changeTeamRole, path, ["role": "member"], token: owner.token, headers: ["If-Match": "\"v1\""])
      #expect(stale.status == 412)
    }
  }

  @Test("the last owner cannot leave, be taken out or made less", arguments: Engine.available)
  func lastOwner(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let owner = try await users.known("owner@example.org")
      let team = try await users.makeTeam(owner)
      _ = try await users.join(team, "admin@example.org", role: "admin", by: owner)
      let own = users.path(team, "/members/\(owner.id.lowercased)")
      let left = try await users.send(UserAPI.leaveTeam, users.path(team, "/leave"), token: owner.token)
      #expect(left.status == 409 && left.code == "last_owner")
      #expect(try await users.send(UserAPI.removeTeamMember, own, token: owner.token).code == "last_owner")
      let demoted = try await users.send(UserAPI.changeTeamRole, own, ["role": "admin"], token: owner.token)
      #expect(demoted.code == "last_owner")
      #expect(try await users.roles(of: team, owner)[owner.id] == "owner")
    }
  }

  @Test("of two owners who leave at the same time one stays", arguments: Engine.available)
  func race(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let first = try await users.known("first@example.org")
      for number in 0..<4 {
        let team = try await users.makeTeam(first)
        let second = try await users.join(team, "second\(number)@example.org", role: "owner", by: first)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
          for person in [first, second] {
            group.addTask {
              try await users.send(UserAPI.leaveTeam, users.path(team, "/leave"), token: person.token).status
            }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.sorted() == [204, 409], "round \(number)")
        let owners: Int? = try await users.database.read {
          try $0.scalar("SELECT count(*) FROM team_members WHERE team_id = \(team.id) AND role = 'owner'")
        }
        #expect(owners == 1)
      }
    }
  }

  @Test(
    "when the last owner is erased the oldest admin follows, then the oldest member; an empty team goes",
    arguments: Engine.available)
  func erased(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let owner = try await users.known("owner@example.org")
      let (full, small, empty) = (
        try await users.makeTeam(owner, "Full"), try await users.makeTeam(owner, "Small"),
        try await users.makeTeam(owner, "Empty")
      )
      var people: [UserFixture.Person] = []
      for (email, role) in [("m@example.org", "member"), ("a@example.org", "admin"), ("b@example.org", "admin")] {
        users.clock.advance(60)
        people.append(try await users.join(full, email, role: role, by: owner))
      }
      let only = try await users.join(small, "only@example.org", by: owner)
      _ = try await users.invite("late@example.org", to: full, by: owner)
      _ = try await users.invite("late@example.org", to: empty, by: owner)

      try await users.database.write { try users.service.lifecycle.erase(owner.id, in: $0) }
      #expect(
        try await users.roles(of: full, people[0])
          == [people[0].id: "member", people[1].id: "owner", people[2].id: "admin"])
      #expect(try await users.roles(of: small, only) == [only.id: "owner"])
      #expect(try await users.count("teams", of: empty.id, "id") == 0)
      #expect(try await users.count("team_invites", of: empty.id, "team_id") == 0)
      #expect(try await users.events(of: empty.id) == ["member_added owner", "member_removed owner by nobody"])
      #expect(
        try await users.events(of: small.id).suffix(2)
          == ["member_removed owner by nobody", "member_role_changed owner by nobody"])
      // The invitation is the team's, without who sent it.
      let invites = try await users.send(UserAPI.teamInvites, users.path(full, "/invites"), token: people[1].token)
      #expect(try invites.value.items.map(\.invitedBy) == [nil])
      for table in ["team_members", "exports"] as [SQL] {
        #expect(try await users.count(table, of: owner.id) == 0)
      }
      #expect(try await users.count("team_invite_mails", of: owner.id, "sender") == 0)
    }
  }

  @Test("there is a bound on how many teams one owns, and on who may write", arguments: Engine.available)
  func bounds(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let alice = try await users.known("alice@example.org")
      var team = try await users.makeTeam(alice)
      for number in 1..<Int(Teams.greatestOwned) { team = try await users.makeTeam(alice, "Team \(number)") }
      let more = try await users.send(UserAPI.createTeam, nil, ["name": "One more"], token: alice.token)
      #expect(more.status == 409 && more.code == "too_many_teams")
      #expect(try await users.send(UserAPI.createTeam, nil, ["name": "X"]).status == 401)

      // A full team takes nobody.
      let id = team.id
      try await users.database.write { transaction in
        for _ in 1..<TeamMembers.greatestCount {
          try TeamMemberStore(transaction).insert(
            TeamMemberRow(team: id, user: .v7(), role: .member, at: try transaction.now))
        }
      }
      #expect(try await users.invite("x@example.org", to: team, by: alice).code == "too_many_members")

      _ = try await users.askErasure(of: alice)
      let pending = try await users.send(UserAPI.renameTeam, users.path(team), ["name": "Z"], token: alice.token)
      #expect(pending.status == 409 && pending.code == "deletion_pending")
    }
  }
}
