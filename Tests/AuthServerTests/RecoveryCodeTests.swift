import AuthAPI
import Foundation
import GravityContracts
import GravityIdentity
import HTTPTypes
import GravityData
import Testbed
import Testing

@testable import AuthServer

@Suite struct RecoveryCodeTests {
  @Test("a recovery code stands in for the authenticator once, and the owner is told", arguments: Engine.available)
  func once(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { $0.backOff.accountAllowance = 100 }) { auth in
      let user = try await auth.enrol("a@example.org")
      let code = user.recoveryCodes[3]
      let typed = code.uppercased().replacingOccurrences(of: "-", with: "")
      var challenges: [String] = []
      for _ in 0..<5 { challenges.append(try await auth.challenge("a@example.org")) }
      let replies = try await withThrowingTaskGroup(of: Reply<Tokens>.self) { group in
        for challenge in challenges { group.addTask { try await auth.complete(challenge, typed) } }
        return try await group.reduce(into: [Reply<Tokens>]()) { $0.append($1) }
      }
      let good = replies.filter { $0.status == 200 }
      #expect(good.count == 1 && replies.filter { $0.code == "invalid_code" }.count == 4)
      let tokens = try #require(good.first).value
      let principal = try await auth.service.verifier.verify(tokens.accessToken)
      #expect(principal.methods == ["pwd", "mfa"] && principal.assurance == "aal2")
      let status = try await auth.send(AuthAPI.secondFactor, token: tokens.accessToken).value
      #expect(status.recoveryCodesLeft == 9)
      while try await auth.service.mail.deliverDue() > 0 {}
      let told = try #require(auth.mailbox.all.last)
      #expect(told.kind == .recoveryCodeUsed && told.email == "a@example.org" && told.contact != nil)
      let rows = try await auth.database.rows("SELECT * FROM recovery_codes")
      #expect(rows.count == 9 && !"\(rows)".contains(user.recoveryCodes[0]))
    }
  }

  @Test("new codes end the earlier ones", arguments: Engine.available)
  func renewed(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.enrol("a@example.org")
      let access = try await auth.login(user).accessToken
      let renewed = try await auth.send(AuthAPI.renewRecoveryCodes, token: access)
      #expect(renewed.status == 201 && renewed.headers[.cacheControl] == "no-store")
      let codes = try renewed.value.codes
      #expect(codes.count == 10 && Set(codes).isDisjoint(with: user.recoveryCodes))
      let challenge = try await auth.challenge("a@example.org")
      #expect(try await auth.complete(challenge, user.recoveryCodes[0]).code == "invalid_code")
      #expect(try await auth.complete(challenge, codes[0]).status == 200)
      let plain = try await auth.newUser("b@example.org").tokens.accessToken
      #expect(try await auth.send(AuthAPI.renewRecoveryCodes, token: plain).code == "not_enrolled")
    }
  }

  @Test(
    "a mailed recovery sets a password and lets nobody past the second factor of an account that was proved",
    arguments: Engine.available)
  func passwordRecovery(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.enrol("a@example.org")
      try await auth.prove(user.id)
      let waiting = try await auth.challenge("a@example.org")
      func mailed() async throws -> String {
        #expect(try await auth.send(AuthAPI.recover, nil, ["email": "a@example.org"]).text.isEmpty)
        while try await auth.service.mail.deliverDue() > 0 {}
        return try #require(auth.mailbox.all.last { $0.kind == .recovery }?.token)
      }
      func complete(_ token: String, _ password: String) async throws -> Reply<Empty> {
        try await auth.send(AuthAPI.completeRecovery, nil, ["token": token, "new_password": password])
      }
      let (first, second) = (try await mailed(), try await mailed())
      #expect(first != second)
      #expect(try await complete(first, "a whole new one").code == "invalid_token", "a newer one took its place")
      let done = try await complete(second, "a whole new one")
      #expect(done.status == 204 && done.text.isEmpty, "nobody is signed in by it")
      #expect(try await complete(second, "yet another one").code == "invalid_token")
      #expect(try await !auth.isAccepted(user.tokens.accessToken))
      #expect(try await auth.refresh(user.tokens.refreshToken).code == "invalid_grant")
      let code = user.authenticator.code(at: auth.clock.now)
      #expect(try await auth.complete(waiting, code).code == "invalid_challenge", "of the password before")
      let challenge = try await auth.challenge("a@example.org", "a whole new one")
      #expect(try await auth.complete(challenge, code).status == 200)
    }
  }

  @Test("an administrator takes a factor away from those only who have no more", arguments: Engine.available)
  func reset(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.enrol("a@example.org")
      let path = "/api/v1/auth/accounts/\(user.id)/second-factor"
      func reset(_ token: String, _ path: String) async throws -> Reply<Empty> {
        try await auth.send(AuthAPI.resetSecondFactor, path, token: token)
      }
      let challenge = try await auth.challenge("a@example.org")
      let access = try await auth.login(user).accessToken
      #expect(try await reset(access, path).status == 403)
      let root = try await auth.administrator()
      #expect(try await reset(root, path).status == 204)
      #expect(try await reset(root, path).code == "not_enrolled")
      #expect(try await reset(root, "/api/v1/auth/accounts/\(UUID())/second-factor").status == 404)
      #expect(try await !auth.isAccepted(access))
      #expect(try await auth.complete(challenge, user.recoveryCodes[0]).code == "invalid_challenge")
      #expect(try await auth.login("a@example.org").status == 200, "by the password alone")
      let removed = try await auth.recordedEvents("mfa.removed.v1", about: user.id)
      let administrator = try await auth.send(AuthAPI.me, token: root).value.id
      #expect(removed.count == 1 && removed[0].contains(administrator.lowercased), "\(removed)")
      while try await auth.service.mail.deliverDue() > 0 {}
      let told = try #require(auth.mailbox.all.last)
      #expect(told.kind == .secondFactorRemoved && told.contact != nil)

      let helper = try await auth.newUser("helper@example.org")
      let role: [String: Any] = ["name": "helper", "permissions": ["accounts:write"]]
      #expect(try await auth.send(AuthAPI.createRole, nil, role, token: root).status == 201)
      let account = "/api/v1/auth/accounts/\(helper.id)"
      #expect(
        try await auth.send(AuthAPI.updateAccount, account, ["roles": ["user", "helper"]], token: root).status == 200)
      let weak = try await auth.login("helper@example.org").value.accessToken
      let own = "/api/v1/auth/accounts/\(administrator)/second-factor"
      #expect(try await reset(weak, own).code == "exceeds_own_permissions")
    }
  }
}
