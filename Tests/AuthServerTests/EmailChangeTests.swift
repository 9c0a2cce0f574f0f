import AuthAPI
import Foundation
import GravityContracts
import GravityData
import HTTPTypes
import Testbed
import Testing

@testable import AuthServer

@Suite struct EmailChangeTests {
  private static func request(
    _ auth: AuthFixture, _ token: String, _ email: String, password: String = AuthFixture.password
  ) async throws -> Reply<Empty> {
    try await auth.send(
      AuthAPI.changeEmail, nil, ["new_email": email, "current_password": password], token: token)
  }

  private static func confirm(
    _ auth: AuthFixture, _ token: String, by access: String? = nil
  ) async throws -> Reply<Empty> {
    try await auth.send(AuthAPI.confirmEmail, nil, ["token": token], token: access)
  }

  /// Delivers what waits and returns the token that went to `email`.
  private static func mailedToken(_ auth: AuthFixture, to email: String) async throws -> String? {
    while try await auth.service.mail.deliverDue() > 0 {}
    return auth.mailbox.all.last { $0.kind == .emailChange && $0.email == email }?.token
  }

  private static func events(_ auth: AuthFixture, about id: UUID) async throws -> Int {
    try await auth.database.rows(
      "SELECT count(*) FROM outbox WHERE type = \(AuthEvents.userEmailChanged.name) AND subject = \(id.lowercased)"
    ).first?.get(0) ?? 0
  }

  @Test("the old address stays until the new one is proved; then both are told", arguments: Engine.available)
  func change(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { $0.supportContact = "help@example.org" }) { auth in
      let user = try await auth.newUser("old@example.org")
      try await auth.prove(user.id)
      let asked = try await Self.request(auth, user.tokens.accessToken, " New@Example.org")
      #expect(asked.status == 202)
      let token = try #require(try await Self.mailedToken(auth, to: "new@example.org"))
      #expect(auth.mailbox.all.map(\.email) == ["new@example.org"])
      #expect(try await auth.login("old@example.org").status == 200)
      #expect(try await auth.login("new@example.org").status == 401)
      #expect(!auth.log.lines.contains { $0.contains(token) || $0.contains("new@example.org") })

      // What was mailed to the old address before must not outlive it.
      _ = try await auth.send(AuthAPI.recover, nil, ["email": "old@example.org"])
      while try await auth.service.mail.deliverDue() > 0 {}
      let recovery = try #require(auth.mailbox.all.last { $0.kind == .recovery }?.token)

      #expect(try await Self.confirm(auth, token).status == 204)
      #expect(try await auth.login("old@example.org").status == 401)
      #expect(try await auth.login("new@example.org").status == 200)
      #expect(try await auth.isAccepted(user.tokens.accessToken), "the sessions go on")
      #expect(try await auth.send(AuthAPI.me, token: user.tokens.accessToken).value.email == "new@example.org")
      let recovered = try await auth.send(
        AuthAPI.completeRecovery, nil, ["token": recovery, "new_password": "a whole new one"])
      #expect(recovered.code == "invalid_token")

      while try await auth.service.mail.deliverDue() > 0 {}
      let old = try #require(auth.mailbox.all.last { $0.email == "old@example.org" })
      #expect(old.kind == .emailReplaced && old.contact == "help@example.org" && old.token == nil)
      let new = try #require(auth.mailbox.all.last { $0.email == "new@example.org" })
      #expect(new.kind == .emailChanged && new.token == nil)
      #expect(try await Self.events(auth, about: user.id) == 1)
      #expect(try await Self.confirm(auth, token).code == "invalid_token", "it works once")
      #expect(try await Self.events(auth, about: user.id) == 1)
      #expect(try await auth.register("old@example.org").status == 201, "the old address is free")
    }
  }

  @Test("a taken address gets the same answer, and its holder the message", arguments: Engine.available)
  func taken(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      try await auth.register("holder@example.org", name: "Holder")
      let free = try await Self.request(auth, user.tokens.accessToken, "free@example.org")
      let taken = try await Self.request(auth, user.tokens.accessToken, "Holder@example.org")
      #expect(free.status == 202 && taken.status == 202 && free.text == taken.text)
      #expect(Set(free.headers.map(\.name.rawName)) == Set(taken.headers.map(\.name.rawName)))
      #expect(try await Self.mailedToken(auth, to: "holder@example.org") == nil)
      let told = try #require(auth.mailbox.all.last { $0.email == "holder@example.org" })
      #expect(told.kind == .emailWanted && told.token == nil && told.name == "Holder")
      #expect(auth.mailbox.all.count == 2)
    }
  }

  @Test("of two accounts that prove one address at once, one gets it", arguments: Engine.available)
  func race(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      var tokens: [String] = []
      for name in ["a", "b"] {
        let user = try await auth.newUser("\(name)@example.org")
        #expect(try await Self.request(auth, user.tokens.accessToken, "wanted@example.org").status == 202)
        tokens.append(try #require(try await Self.mailedToken(auth, to: "wanted@example.org")))
      }
      #expect(tokens[0] != tokens[1])
      // And somebody who registers with it, and each token several times.
      let replies = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
        for token in tokens + tokens + tokens {
          group.addTask {
            let reply = try await Self.confirm(auth, token)
            return (reply.status, reply.code)
          }
        }
        group.addTask {
          let reply = try await auth.register("wanted@example.org")
          return (reply.status, reply.code)
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(replies.filter { $0.0 == 204 || $0.0 == 201 }.count == 1, "\(replies)")
      #expect(
        replies.allSatisfy { [201, 204].contains($0.0) || $0.1 == "email_taken" || $0.1 == "invalid_token" },
        "\(replies)")
      let holders = try await auth.send(
        AuthAPI.accounts, "/api/v1/auth/accounts?email=wanted@example.org", token: auth.administrator())
      #expect(try holders.value.items.count == 1)
    }
  }

  @Test("of many who use one token at once, one succeeds", arguments: Engine.available)
  func reuse(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      _ = try await Self.request(auth, user.tokens.accessToken, "b@example.org")
      let token = try #require(try await Self.mailedToken(auth, to: "b@example.org"))
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<10 { group.addTask { try await Self.confirm(auth, token).status } }
        return try await group.reduce(into: [Int]()) { $0.append($1) }
      }
      #expect(statuses.filter { $0 == 204 }.count == 1 && statuses.filter { $0 == 400 }.count == 9, "\(statuses)")
      #expect(try await Self.events(auth, about: user.id) == 1)
    }
  }

  @Test(
    "a token dies of age, with a suspension, with the password, and is good for nothing else",
    arguments: Engine.available)
  func ends(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      func token(_ email: String) async throws -> String {
        let access = try await auth.login("a@example.org").value.accessToken
        #expect(try await Self.request(auth, access, email).status == 202)
        return try #require(try await Self.mailedToken(auth, to: email))
      }
      let late = try await token("late@example.org")
      auth.clock.advance(3600)
      #expect(try await Self.confirm(auth, late).code == "invalid_token")

      let misused = try await token("misused@example.org")
      let verified = try await auth.send(AuthAPI.verify, nil, ["token": misused])
      #expect(verified.code == "invalid_token")
      let recovered = try await auth.send(
        AuthAPI.completeRecovery, nil, ["token": misused, "new_password": "a whole new one"])
      #expect(recovered.code == "invalid_token")

      let changed = try await token("changed@example.org")
      let undelivered = try await auth.login("a@example.org").value.accessToken
      #expect(try await Self.request(auth, undelivered, "undelivered@example.org").status == 202)
      let new = "another good one"
      #expect(
        try await auth.send(
          AuthAPI.changePassword, nil, ["current_password": AuthFixture.password, "new_password": new],
          token: undelivered
        ).status == 204)
      #expect(try await Self.confirm(auth, changed).code == "invalid_token")
      #expect(try await Self.mailedToken(auth, to: "undelivered@example.org") == nil)

      let access = try await auth.login("a@example.org", new).value.accessToken
      #expect(try await Self.request(auth, access, "doomed@example.org", password: new).status == 202)
      let doomed = try #require(try await Self.mailedToken(auth, to: "doomed@example.org"))
      #expect(try await Self.request(auth, access, "waiting@example.org", password: new).status == 202)
      let (root, path) = (try await auth.administrator(), "/api/v1/auth/accounts/\(user.id)")
      for status in ["suspended", "active"] {
        #expect(try await auth.send(AuthAPI.updateAccount, path, ["status": status], token: root).status == 200)
        #expect(try await Self.confirm(auth, doomed).code == "invalid_token", "\(status)")
      }
      #expect(try await Self.mailedToken(auth, to: "waiting@example.org") == nil)
      #expect(try await auth.login("a@example.org", new).status == 200, "the address is what it was")
    }
  }

  @Test("a stolen token is no way to guess the password", arguments: Engine.available)
  func guessing(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      var codes: [String?] = []
      for _ in 0..<8 {
        codes.append(try await Self.request(auth, user.tokens.accessToken, "b@example.org", password: "wrong").code)
      }
      #expect(codes.first == "invalid_credentials" && codes.last == "too_many_attempts", "\(codes)")
      let right = try await Self.request(auth, user.tokens.accessToken, "b@example.org")
      #expect(right.status == 429)
      #expect(try await auth.service.mail.deliverDue() == 0)
      #expect(try await auth.send(AuthAPI.changeEmail, nil, ["new_email": "x@y.z"]).status == 401)
    }
  }

  @Test("nobody's mailbox is flooded, free or taken", arguments: Engine.available)
  func flood(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      try await auth.register("victim@example.org")
      for number in 0..<6 {
        let email = number.isMultiple(of: 2) ? "victim@example.org" : "nobody\(number)@example.org"
        #expect(try await Self.request(auth, user.tokens.accessToken, email).status == 202)
      }
      _ = try await Self.mailedToken(auth, to: "")
      #expect(auth.mailbox.all.count == 3)
    }
  }

  @Test("hostile values are refused by field", arguments: Engine.available)
  func hostile(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      for email in [
        "", "@", "a@", "a b@c", "a@b@c", "a\u{202E}@b.c", String(repeating: "a", count: 255) + "@b.c", "A@example.org",
      ] {
        let reply = try await Self.request(auth, user.tokens.accessToken, email)
        #expect(reply.status == 422 && reply.fields == ["new_email"], "\(email)")
      }
      let types = try await auth.send(
        AuthAPI.changeEmail, nil, ["new_email": ["a@b.c"], "current_password": 1], token: user.tokens.accessToken)
      #expect(types.status == 422)
      for token in ["", "'; DROP TABLE accounts; --", String(repeating: "x", count: 100_000)] {
        #expect(try await Self.confirm(auth, token).code == "invalid_token")
      }
      let sql = try await Self.request(auth, user.tokens.accessToken, "o'brien\"--@example.org")
      #expect(sql.status == 202)
      let token = try #require(try await Self.mailedToken(auth, to: "o'brien\"--@example.org"))
      #expect(try await Self.confirm(auth, token).status == 204)
      #expect(try await auth.login("o'brien\"--@example.org").status == 200)
    }
  }
}
