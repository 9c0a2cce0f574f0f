import Foundation
import GravityContracts
import GravityData
import HTTPTypes
import Testbed
import Testing
import UserAPI
@testable import UserServer

@Suite(.timeLimit(.minutes(5))) struct TeamInviteTests {
  @Test("an invitation is accepted once, by the token of the mail, which is nowhere else", arguments: Engine.available)
  func accepted(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let owner = try await users.known("owner@example.org", name: "Olive")
      let team = try await users.makeTeam(owner)
      let bob = try await users.known("bob@example.org")
      let made = try await users.invite(
        " Bob@Example.org ", to: team, role: "admin", by: owner, headers: ["Idempotency-Key": "one"])
      let invite = try made.value
      #expect(made.status == 201 && invite.email == "bob@example.org" && invite.role == .known(.admin))
      #expect(invite.expiresAt == users.clock.now + 7 * 86_400 && invite.state == .known(.pending))
      let again = try await users.invite(
        " Bob@Example.org ", to: team, role: "admin", by: owner, headers: ["Idempotency-Key": "one"])
      #expect(try again.value == invite)
      let token = try await users.mailedToken(to: "bob@example.org")
      let mail = try #require(users.notifier.sent.last)
      #expect(users.notifier.sent.count == 1 && mail.template == "team.invite" && mail.account == bob.id)
      #expect(mail.data.members["invite"]?["inviter"] == .string("Olive") && mail.expiresAt == invite.expiresAt)
      let listed = try await users.send(UserAPI.teamInvites, users.path(team, "/invites"), token: owner.token)
      #expect(try listed.value.items == [invite])
      #expect(!made.text.contains(token) && !listed.text.contains(token))
      for table in ["team_invites", "team_invite_mails", "gravity_tasks", "outbox", "idempotency_keys"] as [SQL] {
        for row in try await users.database.rows("SELECT * FROM \(table)") {
          #expect(!row.cells.map { "\($0)" }.joined().contains(token), "\(table)")
        }
      }

      let accepted = try await users.accept(token, by: bob, headers: ["Idempotency-Key": "yes"])
      #expect(accepted.status == 200, "\(accepted.text)")
      #expect(try accepted.value.role == .known(.admin) && accepted.value.memberCount == 2)
      #expect(try await users.accept(token, by: bob, headers: ["Idempotency-Key": "yes"]).value == accepted.value)
      let twice = try await users.accept(token, by: bob)
      #expect(twice.status == 409 && twice.code == "invite_used")
      #expect(try await users.roles(of: team, owner)[bob.id] == "admin")
      #expect(try await users.events(of: team.id) == ["member_added owner", "member_added admin"])
      let empty = try await users.send(UserAPI.teamInvites, users.path(team, "/invites"), token: owner.token)
      #expect(try empty.value.items.isEmpty)
      let member = try await users.invite("bob@example.org", to: team, by: owner)
      #expect(member.status == 409 && member.code == "already_member")
    }
  }

  @Test("each way in which an invitation is not good is told by itself", arguments: Engine.available)
  func refused(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let owner = try await users.known("owner@example.org")
      let team = try await users.makeTeam(owner)
      let (bob, eve) = (try await users.known("bob@example.org"), try await users.known("eve@example.org"))
      for token in ["", "short", String(repeating: "!", count: 43), String(repeating: "a", count: 44)] {
        #expect(try await users.accept(token, by: bob).status == 422)
      }
      #expect(try await users.accept(String(repeating: "A", count: 43), by: bob).status == 404)

      _ = try await users.invite("bob@example.org", to: team, days: 1, by: owner)
      var token = try await users.mailedToken(to: "bob@example.org")
      let foreign = try await users.accept(token, by: eve)
      #expect(foreign.status == 403 && foreign.code == "other_address" && !foreign.text.contains("bob@"))
      #expect(try await users.send(UserAPI.acceptTeamInvite, nil, ["token": token]).status == 401)
      users.directory.change(bob.id) { $0.isEmailVerified = false }
      let unverified = try await users.accept(token, by: bob)
      #expect(unverified.status == 403 && unverified.code == "email_unverified")
      users.directory.setAway(true)
      #expect(try await users.accept(token, by: bob).status == 503)
      users.directory.setAway(false)
      users.directory.change(bob.id) { $0.isEmailVerified = true }
      users.clock.advance(86_400)
      #expect(try await users.accept(token, by: bob).code == "invite_expired")
      let listed = try await users.send(UserAPI.teamInvites, users.path(team, "/invites"), token: owner.token).value
      #expect(listed.items.map(\.state) == [.known(.expired)])

      // One that expired gives way to another.
      let second = try await users.invite("bob@example.org", to: team, by: owner)
      #expect(second.status == 201)
      let duplicate = try await users.invite("BOB@example.org", to: team, by: owner)
      #expect(duplicate.status == 409 && duplicate.code == "already_invited")
      #expect(duplicate.problem?.extensions["invite_id"] == .string(try second.value.id.lowercased))
      token = try await users.mailedToken(to: "bob@example.org")
      let path = users.path(team, "/invites/\(try second.value.id.lowercased)")
      #expect(try await users.send(UserAPI.revokeTeamInvite, path, token: bob.token).status == 404)
      #expect(try await users.send(UserAPI.revokeTeamInvite, path, token: owner.token).status == 204)
      #expect(try await users.send(UserAPI.revokeTeamInvite, path, token: owner.token).status == 404)
      #expect(try await users.accept(token, by: bob).code == "invite_revoked")

      _ = try await users.invite("bob@example.org", to: team, by: owner)
      token = try await users.mailedToken(to: "bob@example.org")
      #expect(try await users.send(UserAPI.declineTeamInvite, nil, ["token": token], token: eve.token).status == 403)
      #expect(try await users.send(UserAPI.declineTeamInvite, nil, ["token": token], token: bob.token).status == 204)
      #expect(try await users.accept(token, by: bob).code == "invite_declined")
      for (email, days) in [("nobody", 7), ("a@b@c", 7), ("ok@example.org", 0), ("ok@example.org", 31)] {
        #expect(try await users.invite(email, to: team, days: days, by: owner).status == 422)
      }

      // Of a team that is gone nothing is left.
      _ = try await users.invite("eve@example.org", to: team, by: owner)
      token = try await users.mailedToken(to: "eve@example.org")
      _ = try await users.send(UserAPI.deleteTeam, users.path(team), token: owner.token)
      #expect(try await users.accept(token, by: eve).status == 404)
    }
  }

  @Test("sent again it has a new token and all its time, and the old token is dead", arguments: Engine.available)
  func resent(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let owner = try await users.known("owner@example.org")
      let team = try await users.makeTeam(owner)
      let invite = try await users.invite("new@example.org", to: team, days: 2, by: owner).value
      let first = try await users.mailedToken(to: "new@example.org")
      #expect(users.notifier.sent.last?.account == nil, "nobody has that address yet")
      users.clock.advance(3 * 86_400)
      let path = users.path(team, "/invites/\(invite.id.lowercased)/resend")
      let resent = try await users.send(UserAPI.resendTeamInvite, path, token: owner.token).value
      #expect(resent.expiresAt == users.clock.now + 2 * 86_400 && resent.state == .known(.pending))
      let second = try await users.mailedToken(to: "new@example.org")
      #expect(second != first)
      let newcomer = try await users.known("new@example.org")
      #expect(try await users.accept(first, by: newcomer).status == 404)

      // A mail that still waits when it is sent again goes once, with the token that counts.
      for _ in 0..<2 { _ = try await users.send(UserAPI.resendTeamInvite, path, token: owner.token).value }
      let count = users.notifier.sent.count
      let last = try await users.mailedToken(to: "new@example.org")
      #expect(users.notifier.sent.count == count + 1)

      // Five to one address within a day, whoever sends them.
      for _ in 0..<2 { _ = try await users.send(UserAPI.resendTeamInvite, path, token: owner.token).value }
      let limited = try await users.send(UserAPI.resendTeamInvite, path, token: owner.token)
      #expect(limited.status == 429 && limited.code == "invites_limited" && limited.headers[.retryAfter] != nil)
      let stranger = try await users.known("stranger@example.org")
      let other = try await users.makeTeam(stranger)
      #expect(try await users.invite("new@example.org", to: other, by: stranger).code == "invites_limited")
      #expect(try await users.accept(last, by: newcomer).status == 404)
      #expect(try await users.accept(try await users.mailedToken(to: "new@example.org"), by: newcomer).status == 200)
      users.clock.advance(86_400)
      #expect(try await users.invite("new@example.org", to: other, by: stranger).status == 201)
    }
  }

  @Test("two who take the same token at once make one member", arguments: Engine.available)
  func race(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let owner = try await users.known("owner@example.org")
      let team = try await users.makeTeam(owner)
      let bob = try await users.known("bob@example.org")
      _ = try await users.invite("bob@example.org", to: team, by: owner)
      let token = try await users.mailedToken(to: "bob@example.org")
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<4 { group.addTask { try await users.accept(token, by: bob).status } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.sorted() == [200, 409, 409, 409])
      #expect(try await users.events(of: team.id).count == 2)
    }
  }

  @Test("at most so many wait for an answer; what is old is deleted", arguments: Engine.available)
  func bounds(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let owner = try await users.known("owner@example.org")
      let team = try await users.makeTeam(owner)
      for number in 0..<TeamInvites.greatestPending {
        #expect(try await users.invite("p\(number)@example.org", to: team, by: owner).status == 201)
      }
      #expect(try await users.invite("more@example.org", to: team, by: owner).code == "too_many_invites")
      users.clock.advance(7 * 86_400)
      // They can be accepted no more, so they do not count.
      #expect(try await users.invite("more@example.org", to: team, by: owner).status == 201)
      let now = users.clock.now
      let deleted = try await users.database.write { transaction in
        let store = TeamInviteStore(transaction)
        return (try store.deleteOld(before: now, limit: 100), try store.deleteMails(before: now - 86_400, limit: 100))
      }
      #expect(deleted == (50, 50))
    }
  }

  @Test("invitations to an address go with the account that has it", arguments: Engine.available)
  func forgotten(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let owner = try await users.known("owner@example.org")
      let team = try await users.makeTeam(owner)
      let bob = try await users.known("bob@example.org")
      _ = try await users.invite("bob@example.org", to: team, by: owner)
      let token = try await users.mailedToken(to: "bob@example.org")
      // Auth tells first, so the address is gone before the erasure comes.
      try await users.database.write { try users.service.lifecycle.deleted(bob.id, in: $0) }
      for table in ["team_invites", "team_invite_mails"] as [SQL] {
        let left: Int? = try await users.database.read { try $0.scalar("SELECT count(*) FROM \(table)") }
        #expect(left == 0)
      }
      let heir = try await users.known("bob@example.org")
      #expect(try await users.accept(token, by: heir).status == 404, "whoever has the address next was not invited")
    }
  }
}

extension JSONValue {
  subscript(_ name: String) -> JSONValue? { if case .object(let members) = self { members[name] } else { nil } }
}
