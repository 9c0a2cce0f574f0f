import AuthAPI
@testable import AuthServer
import Foundation
import GravityContracts
import GravityIdentity
import Testbed
import Testing

@Suite struct RegistrationTests {
  @Test("a new account is active and has the role user", arguments: Engine.available)
  func registers(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let reply = try await auth.register(" Alice@Example.ORG ", name: " Alice ")
      #expect(reply.status == 201)
      let account = try reply.value
      #expect(account.email == "alice@example.org" && account.name == "Alice")
      #expect(account.status == .known(.active) && account.roles == ["user"])
      let me = try await auth.send(AuthAPI.me, token: auth.login("ALICE@example.org").value.accessToken)
      #expect(try me.value.id == account.id)
      #expect(!reply.text.contains("password") && !me.text.contains("password"))
    }
  }

  @Test("of many who register one address at once, one gets it", arguments: Engine.available)
  func race(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let statuses = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
        for number in 0..<20 {
          let email = number.isMultiple(of: 2) ? "race@example.org" : "RACE@Example.org"
          group.addTask {
            let reply = try await auth.register(email)
            return (reply.status, reply.code)
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.filter { $0.0 == 201 }.count == 1)
      #expect(statuses.filter { $0.0 == 409 && $0.1 == "email_taken" }.count == 19, "\(statuses)")
    }
  }

  @Test("everything that is wrong is named at once", arguments: Engine.available)
  func invalid(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let reply = try await auth.send(
        AuthAPI.register, nil, ["email": "no address", "password": "short", "name": " "])
      #expect(reply.status == 422 && Set(reply.fields) == ["email", "password", "name"])
      for email in [
        "", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\u{0}c", "a@.b", "a\u{202E}@b.c",
        "\(String(repeating: "a", count: 250))@b.c",
      ] {
        let reply = try await auth.register(email)
        #expect((400...422).contains(reply.status), "\(email)")
      }
      for password in ["password1", "12345678", "registrant1", String(repeating: "x7!kQ2zp", count: 20)] {
        let reply = try await auth.send(
          AuthAPI.register, nil, ["email": "registrant1@example.org", "password": password, "name": "R"])
        #expect(reply.status == 422 && reply.fields == ["password"], "\(password)")
      }
    }
  }

  @Test("SQL in any field is text", arguments: Engine.available)
  func injection(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let sql = "'; DROP TABLE accounts; -- \"$1"
      let name = try await auth.register("x@example.org", name: sql).value.name
      #expect(name == sql)
      let quoted = try await auth.register("o'brien\"--@example.org").value.email
      #expect(quoted == "o'brien\"--@example.org")
      #expect(try await auth.login("o'brien\"--@example.org").status == 200)
      #expect(try await auth.login("' OR 1=1 --@example.org").status == 401)
      #expect(try await auth.login("x@example.org", "' OR '1'='1").status == 401)
      #expect(try await auth.login(sql, sql).status == 401)
      #expect(try await auth.refresh(sql).code == "invalid_grant")
      #expect(try await auth.send(AuthAPI.verify, nil, ["token": sql]).code == "invalid_token")
      let recovered = try await auth.send(AuthAPI.completeRecovery, nil, ["token": sql, "new_password": sql])
      #expect(recovered.code == "invalid_token")
      let root = try await auth.administrator()
      let role = try await auth.send(AuthAPI.createRole, nil, ["name": sql, "permissions": [sql]], token: root)
      #expect(role.status == 422)
      let good = try await auth.send(
        AuthAPI.createRole, nil, ["name": "sql", "description": sql, "permissions": ["a:b"]], token: root)
      #expect(try good.value.description == sql)
      #expect(try await auth.send(AuthAPI.role, "/api/v1/auth/roles/%27%20OR%201=1", token: root).status == 404)
      let search = try await auth.send(
        AuthAPI.accounts, "/api/v1/auth/accounts?email=%27%20OR%201%3D1%20--%40x.y", token: root)
      #expect(search.status == 422 || search.status == 200)
      #expect(try await auth.send(AuthAPI.accounts, token: root).value.items.count == 3)
    }
  }

  @Test("where addresses are verified, known and unknown ones get the same answer", arguments: Engine.available)
  func verification(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { $0.requiresEmailVerification = true }) { auth in
      let first = try await auth.register("new@example.org")
      let second = try await auth.register("new@example.org")
      #expect(first.status == 202 && second.status == 202 && first.text == second.text)
      #expect(try await auth.login("new@example.org").code == "email_unverified")
      #expect(try await auth.login("new@example.org", "another password").code == "invalid_credentials")
      try await auth.service.mail.deliverDue()
      #expect(Set(auth.mailbox.all.map(\.kind)) == [.verification, .alreadyRegistered])
      let token = try #require(auth.mailbox.all.first { $0.kind == .verification }?.token)
      #expect(try await auth.send(AuthAPI.verify, nil, ["token": token]).status == 204)
      #expect(try await auth.send(AuthAPI.verify, nil, ["token": token]).code == "invalid_token", "it works once")
      #expect(try await auth.login("new@example.org").status == 200)
    }
  }

  @Test(
    "whoever registers an address again and again does not flood its mailbox, and tells nobody whether there is one",
    arguments: Engine.available)
  func flood(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { $0.requiresEmailVerification = true }) { auth in
      let first = try await auth.register("known@example.org")
      func told() async throws -> [AuthMessage] {
        while try await auth.service.mail.deliverDue() > 0 {}
        return auth.mailbox.all.filter { $0.kind == .alreadyRegistered }
      }
      for _ in 0..<10 { #expect(try await auth.register("known@example.org").text == first.text) }
      #expect(try await told().count == 3)
      #expect(try await told().allSatisfy { $0.token == nil && $0.expiresAt == nil })
      auth.clock.advance(86_399)
      _ = try await auth.register("known@example.org")
      #expect(try await told().count == 3)
      auth.clock.advance(2)
      _ = try await auth.register("known@example.org")
      #expect(try await told().count == 4, "a day later somebody may have forgotten")
    }
  }

  @Test("the verification can be mailed again, and an old token dies of age", arguments: Engine.available)
  func resend(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { $0.requiresEmailVerification = true }) { auth in
      try await auth.register("new@example.org")
      try await auth.service.mail.deliverDue()
      auth.clock.advance(24 * 3600)
      let old = try #require(auth.mailbox.all.last?.token)
      #expect(try await auth.send(AuthAPI.verify, nil, ["token": old]).status == 400)
      for email in ["new@example.org", "nobody@example.org"] {
        #expect(try await auth.send(AuthAPI.resendVerification, nil, ["email": email]).status == 202)
      }
      try await auth.service.mail.deliverDue()
      #expect(auth.mailbox.all.count == 2)
      let token = try #require(auth.mailbox.all.last?.token)
      #expect(try await auth.send(AuthAPI.verify, nil, ["token": token]).status == 204)
    }
  }

  @Test("the first administrator is made once, and the generated password is said once", arguments: Engine.available)
  func bootstrap(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, administrator: false) { auth in
      let made = try #require(try await auth.service.bootstrapAdministrator(email: nil, password: nil))
      let password = try #require(made.generatedPassword)
      #expect(made.email == "admin@localhost" && password.count == 20)
      #expect(try await auth.service.bootstrapAdministrator(email: "other@example.org", password: "x") == nil)
      let account = try await auth.send(AuthAPI.me, token: auth.login(made.email, password).value.accessToken).value
      #expect(account.roles == ["admin", "user"])
    }
    try await AuthFixture.run(on: engine, administrator: false) { auth in
      await #expect(throws: Problem.self) {
        try await auth.service.bootstrapAdministrator(email: nil, password: "password")
      }
      let user = try await auth.newUser("ops@example.org")
      let made = try await auth.service.bootstrapAdministrator(
        email: "ops@example.org", password: "operator's own word")
      #expect(made == FirstAdministrator(email: "ops@example.org", generatedPassword: nil))
      #expect(try await !auth.isAccepted(user.tokens.accessToken), "whoever had the address before is out")
      #expect(try await auth.login("ops@example.org").status == 401)
      #expect(try await auth.login("ops@example.org", "operator's own word").status == 200)
    }
  }
}
