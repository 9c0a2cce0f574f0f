import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import HTTPTypes
import Testbed
import Testing

@testable import AuthServer

@Suite struct SecondFactorTests {
  @Test("a factor counts once its first code came back, and ends the other sessions", arguments: Engine.available)
  func enrolment(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      let other = try await auth.login("a@example.org").value
      let first = try await auth.send(AuthAPI.enrolTOTP, token: user.tokens.accessToken)
      #expect(first.status == 201 && first.headers[.cacheControl] == "no-store")
      #expect(
        try first.value.secret.count == 32 && first.value.uri.hasPrefix("otpauth://totp/Gravity:a%40example.org?"))
      #expect(try await auth.login("a@example.org").status == 200, "not before it is confirmed")

      let second = try await auth.send(AuthAPI.enrolTOTP, token: user.tokens.accessToken).value
      func confirm(_ code: String) async throws -> Reply<RecoveryCodes> {
        try await auth.send(AuthAPI.confirmTOTP, nil, ["code": code], token: user.tokens.accessToken)
      }
      let replaced = try await confirm(Authenticator(first.value.secret).code(at: auth.clock.now))
      #expect(replaced.status == 422 && replaced.code == "invalid_code" && replaced.fields == ["code"])
      let authenticator = try Authenticator(second.secret)
      let kept = try await auth.database.rows("SELECT secret FROM totp_factors")
      let sealed: [UInt8] = try #require(kept.first).get("secret")
      #expect(sealed.count > 20 && !Data(sealed).contains(authenticator.password.secret), "sealed at rest")

      let confirmed = try await confirm(authenticator.code(at: auth.clock.now))
      #expect(confirmed.status == 200 && confirmed.headers[.cacheControl] == "no-store")
      let codes = try confirmed.value.codes
      #expect(codes.count == 10 && Set(codes).count == 10)
      #expect(try await !auth.isAccepted(other.accessToken), "it was opened without the factor")
      #expect(try await auth.isAccepted(user.tokens.accessToken))
      let refreshed = try await auth.refresh(user.tokens.refreshToken).value
      let principal = try await auth.service.verifier.verify(refreshed.accessToken)
      #expect(principal.methods == ["pwd", "otp", "mfa"] && principal.assurance == "aal2")
      let status = try await auth.send(AuthAPI.secondFactor, token: refreshed.accessToken).value
      #expect(status.enabled && status.recoveryCodesLeft == 10 && status.enrolledAt != nil)

      #expect(try await confirm(authenticator.code(at: auth.clock.now)).code == "not_enrolling")
      let again = try await auth.send(AuthAPI.enrolTOTP, token: refreshed.accessToken)
      #expect(again.status == 409 && again.code == "already_enrolled")
      #expect(try await auth.recordedEvents("mfa.enrolled.v1", about: user.id).count == 1)
      while try await auth.service.mail.deliverDue() > 0 {}
      #expect(auth.mailbox.all.map(\.kind) == [.secondFactorAdded] && auth.mailbox.all.first?.token == nil)
      #expect(!auth.log.lines.contains { $0.contains(second.secret) || $0.contains(codes[0]) })
    }
  }

  @Test("a secret that nobody confirms expires", arguments: Engine.available)
  func abandoned(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      let enrolment = try await auth.send(AuthAPI.enrolTOTP, token: user.tokens.accessToken).value
      auth.clock.advance(600)
      let code = try Authenticator(enrolment.secret).code(at: auth.clock.now)
      let late = try await auth.send(AuthAPI.confirmTOTP, nil, ["code": code], token: user.tokens.accessToken)
      #expect(late.status == 409 && late.code == "not_enrolling")
      try await auth.sweep()
      #expect(try await auth.database.rows("SELECT 1 FROM totp_factors").isEmpty)
    }
  }

  @Test("a login takes the password, then a code, and its tokens say so", arguments: Engine.available)
  func login(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.enrol("a@example.org")
      #expect(try await auth.login("a@example.org", "wrong").code == "invalid_credentials")
      let asked = try await auth.login("a@example.org")
      #expect(asked.status == 401 && asked.code == "mfa_required" && asked.headers[.cacheControl] == "no-store")
      #expect(!asked.text.contains("access_token") && asked.problem?.extensions["expires_in"] == .integer(300))
      let challenge = try await auth.challenge("a@example.org")
      #expect(try await !auth.isAccepted(challenge), "a challenge is no token")
      auth.clock.advance(60)
      let time = auth.clock.now
      let reply = try await auth.complete(challenge, user.authenticator.code(at: time))
      #expect(reply.status == 200 && reply.headers[.cacheControl] == "no-store", "\(reply.text)")
      let tokens = try reply.value
      for access in [tokens.accessToken, try await auth.refresh(tokens.refreshToken).value.accessToken] {
        let principal = try await auth.service.verifier.verify(access)
        #expect(principal.methods == ["pwd", "otp", "mfa"] && principal.assurance == "aal2")
        #expect(principal.authenticatedAt == Date(timeIntervalSince1970: time.timeIntervalSince1970.rounded(.down)))
      }
      #expect(try await auth.complete(challenge, user.authenticator.code(at: time)).code == "invalid_challenge")
    }
  }

  @Test("each code works once, also at another place at the same moment", arguments: Engine.available)
  func reuse(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { $0.backOff.accountAllowance = 100 }) { auth in
      let user = try await auth.enrol("a@example.org")
      var challenges: [String] = []
      for _ in 0..<6 { challenges.append(try await auth.challenge("a@example.org")) }
      let code = user.authenticator.code(at: auth.clock.now)
      let statuses = try await withThrowingTaskGroup(of: String.self) { group in
        for challenge in challenges {
          group.addTask {
            let reply = try await auth.complete(challenge, code)
            return reply.code ?? "\(reply.status)"
          }
        }
        return try await group.reduce(into: [String]()) { $0.append($1) }
      }
      #expect(statuses.filter { $0 == "200" }.count == 1, "\(statuses)")
      #expect(statuses.filter { $0 == "invalid_code" }.count == 5, "\(statuses)")
      let before = user.authenticator.code(at: auth.clock.now - 30)
      let challenge = try await auth.challenge("a@example.org")
      #expect(try await auth.complete(challenge, before).code == "invalid_code", "nor does an earlier one any more")
      #expect(try await auth.complete(challenge, user.authenticator.code(at: auth.clock.now + 30)).status == 200)
    }
  }

  @Test("one challenge that comes twice at once opens one session", arguments: Engine.available)
  func twice(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.enrol("a@example.org")
      let challenge = try await auth.challenge("a@example.org")
      let codes = [user.authenticator.code(at: auth.clock.now)] + user.recoveryCodes.prefix(3)
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for code in codes { group.addTask { try await auth.complete(challenge, code).status } }
        return try await group.reduce(into: [Int]()) { $0.append($1) }
      }
      #expect(statuses.filter { $0 == 200 }.count == 1 && statuses.filter { $0 == 401 }.count == 3, "\(statuses)")
    }
  }

  @Test("a clock may be half a minute wrong, not more", arguments: Engine.available)
  func skew(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.enrol("a@example.org")
      for (offset, status) in [(-60.0, 401), (60, 401), (-30, 200), (30, 200)] {
        auth.clock.advance(120)
        let challenge = try await auth.challenge("a@example.org")
        let code = user.authenticator.code(at: auth.clock.now + offset)
        #expect(try await auth.complete(challenge, code).status == status, "\(offset)")
      }
    }
  }

  @Test("a challenge is good for its account, its door, five minutes and five tries", arguments: Engine.available)
  func challenges(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { $0.backOff.accountAllowance = 100 }) { auth in
      let (user, other) = (try await auth.enrol("a@example.org"), try await auth.enrol("b@example.org"))
      func code() -> String {
        auth.clock.advance(30)
        return user.authenticator.code(at: auth.clock.now)
      }
      for challenge in ["", "gmc_", "gmc_" + String(repeating: "A", count: 43), String(repeating: "x", count: 9000)] {
        #expect(try await auth.complete(challenge, code()).code == "invalid_challenge", "\(challenge.prefix(10))")
      }
      let foreign = try await auth.challenge("b@example.org")
      #expect(try await auth.complete(foreign, code()).code == "invalid_code", "another account's code")
      #expect(try await auth.complete(foreign, user.recoveryCodes[0]).code == "invalid_code")
      #expect(try await auth.complete(foreign, other.authenticator.code(at: auth.clock.now)).status == 200)

      let late = try await auth.challenge("a@example.org")
      auth.clock.advance(300)
      #expect(try await auth.complete(late, code()).code == "invalid_challenge")

      let tried = try await auth.challenge("a@example.org")
      for _ in 0..<5 {
        let wrong = user.authenticator.wrongCode(at: auth.clock.now)
        #expect(try await auth.complete(tried, wrong).code == "invalid_code")
      }
      #expect(try await auth.complete(tried, code()).code == "invalid_challenge")

      let ended = try await auth.challenge("a@example.org")
      let path = "/api/v1/auth/accounts/\(user.id)"
      let root = try await auth.administrator()
      for status in ["suspended", "active"] {
        #expect(try await auth.send(AuthAPI.updateAccount, path, ["status": status], token: root).status == 200)
        #expect(try await auth.complete(ended, code()).code == "invalid_challenge", "\(status)")
      }
      auth.clock.advance(301)
      try await auth.sweep()
      #expect(try await auth.database.rows("SELECT 1 FROM second_factor_challenges").isEmpty)
    }
  }

  @Test("guessing codes is slowed down, and does not lock the owner out", arguments: Engine.available)
  func guessing(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.enrol("a@example.org")
      _ = try await auth.login(user)
      let (home, elsewhere) = ("192.0.2.1", "203.0.113.9")
      var codes: [String] = []
      for _ in 0..<10 {
        // The password is known, so there is always another challenge: it does not forget the failures.
        let challenge = try await auth.challenge("a@example.org", address: elsewhere)
        let reply = try await auth.complete(
          challenge, user.authenticator.wrongCode(at: auth.clock.now), address: elsewhere)
        codes.append(reply.code ?? "")
      }
      #expect(codes == Array(repeating: "invalid_code", count: 6) + Array(repeating: "too_many_attempts", count: 4))
      auth.clock.advance(0.5)
      let right = try await auth.complete(
        auth.challenge("a@example.org", address: elsewhere), user.authenticator.code(at: auth.clock.now + 30),
        address: elsewhere)
      #expect(right.status == 429 && right.headers[.retryAfter] != nil, "the right code does not help meanwhile")
      let owner = try await auth.complete(
        auth.challenge("a@example.org", address: home), user.authenticator.code(at: auth.clock.now + 30), address: home)
      #expect(owner.status == 200, "\(owner.text)")
    }
  }

  @Test("a burst of guesses at once gets few answers", arguments: Engine.available)
  func burst(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.enrol("a@example.org")
      var challenges: [String] = []
      for _ in 0..<20 { challenges.append(try await auth.challenge("a@example.org")) }
      let wrong = user.authenticator.wrongCode(at: auth.clock.now)
      let codes = try await withThrowingTaskGroup(of: String.self) { group in
        for challenge in challenges {
          group.addTask { try await auth.complete(challenge, wrong).code ?? "let in" }
        }
        return try await group.reduce(into: [String]()) { $0.append($1) }
      }
      #expect(codes.filter { $0 == "invalid_code" }.count == 6, "\(codes)")
      #expect(codes.filter { $0 == "too_many_attempts" }.count == 14, "\(codes)")
    }
  }
}
