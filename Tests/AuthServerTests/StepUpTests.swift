import AuthAPI
import Foundation
import GravityContracts
import GravityIdentity
import HTTPTypes
import Testbed
import Testing

@testable import AuthServer

@Suite struct StepUpTests {
  private static func stepUp(_ auth: AuthFixture, _ fields: [String: Any], _ token: String) async throws
    -> Reply<SteppedUp>
  {
    try await auth.send(AuthAPI.stepUp, nil, fields, token: token)
  }

  private struct Answer {
    var status: Int
    var code: String?
    var fields: [String]
    var challenge: String
    var text: String
    var members: [String: JSONValue]
  }

  /// Every endpoint that decides over an account, but for those of passkeys and providers, whose suites ask them.
  private static func sensitive(_ auth: AuthFixture, _ token: String) async throws -> [String: Answer] {
    func send<Request, Response>(
      _ endpoint: Endpoint<Request, Response>, _ fields: [String: Any] = [:]
    ) async throws -> Answer {
      let reply = try await auth.send(endpoint, nil, fields, token: token)
      return Answer(
        status: reply.status, code: reply.code, fields: reply.fields,
        challenge: reply.headers[HTTPField.Name("WWW-Authenticate")!] ?? "", text: reply.text,
        members: reply.problem?.extensions ?? [:])
    }
    return [
      "changeEmail": try await send(
        AuthAPI.changeEmail, ["new_email": "new@example.org", "current_password": AuthFixture.password]),
      "changePassword": try await send(
        AuthAPI.changePassword, ["current_password": AuthFixture.password, "new_password": "short"]),
      "createAPIKey": try await send(AuthAPI.createAPIKey, ["name": "a", "scopes": ["account"]]),
      "renewRecoveryCodes": try await send(AuthAPI.renewRecoveryCodes),
      "removeTOTP": try await send(AuthAPI.removeTOTP),
      "enrolTOTP": try await send(AuthAPI.enrolTOTP),
    ]
  }

  @Test("each endpoint that may ask for a step-up is asked in these tests")
  func declared() throws {
    // The former are asked below, one of somebody else's account by `ownReset`; the latter in their own suites.
    let here = [
      "changeEmail", "changePassword", "createAPIKey", "renewRecoveryCodes", "removeTOTP", "enrolTOTP",
      "resetSecondFactor",
    ]
    let elsewhere = ["passkeyOptions", "removePasskey", "linkIdentity", "unlinkIdentity"]
    let declared = AuthAPI.endpoints.filter { $0.problems.contains("insufficient_user_authentication") }.map(\.name)
    #expect(Set(declared) == Set(here + elsewhere))
  }

  @Test("what decides over an account takes a recent authentication", arguments: Engine.available)
  func recent(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let tokens = try await auth.newUser("a@example.org").tokens
      auth.clock.advance(601)
      for (name, reply) in try await Self.sensitive(auth, tokens.accessToken) {
        #expect(reply.status == 401 && reply.code == "insufficient_user_authentication", "\(name): \(reply.text)")
        let challenge = reply.challenge
        #expect(
          challenge.contains("error=\"insufficient_user_authentication\"") && challenge.contains("max_age=\"600\""))
        #expect(!challenge.contains("acr_values"), "there is no second factor to show")
        #expect(reply.members == ["max_age": .integer(600), "methods": .array([.string("password")])], "\(name)")
      }
      let refreshed = try await auth.refresh(tokens.refreshToken).value.accessToken
      #expect(
        try await auth.send(AuthAPI.enrolTOTP, token: refreshed).code == "insufficient_user_authentication",
        "a refresh is no authentication")

      #expect(try await Self.stepUp(auth, [:], refreshed).fields == ["password"])
      let wrong = try await Self.stepUp(auth, ["password": "wrong"], refreshed)
      #expect(wrong.status == 422 && wrong.code == "invalid_credentials" && wrong.fields == ["password"])
      let reply = try await Self.stepUp(auth, ["password": AuthFixture.password], refreshed)
      #expect(reply.status == 200 && reply.headers[.cacheControl] == "no-store", "\(reply.text)")
      let stepped = try reply.value.accessToken
      let principal = try await auth.service.verifier.verify(stepped)
      #expect(principal.methods == ["pwd"] && principal.assurance == "aal1")
      #expect(try await auth.send(AuthAPI.enrolTOTP, token: stepped).status == 201)
      let later = try await auth.refresh(auth.refresh(tokens.refreshToken).value.refreshToken).value.accessToken
      #expect(try await auth.send(AuthAPI.enrolTOTP, token: later).status == 201, "the session remembers")
    }
  }

  @Test("how recent that has to be is the operator's to say", arguments: Engine.available)
  func age(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { $0.stepUpMaximumAge = 120 }) { auth in
      let tokens = try await auth.newUser("a@example.org").tokens
      // A token tells whole seconds.
      auth.clock.advance(119)
      #expect(try await auth.send(AuthAPI.enrolTOTP, token: tokens.accessToken).status == 201)
      auth.clock.advance(2)
      let replies = try await Self.sensitive(auth, tokens.accessToken)
      for (name, reply) in replies {
        #expect(reply.status == 401 && reply.challenge.contains("max_age=\"120\""), "\(name): \(reply.text)")
      }
      let stepped = try await Self.stepUp(auth, ["password": AuthFixture.password], tokens.accessToken).value
      #expect(try await auth.send(AuthAPI.enrolTOTP, token: stepped.accessToken).status == 201)
    }
    for age in [59.0, 3601] {
      var configuration = AuthConfiguration()
      configuration.stepUpMaximumAge = age
      #expect(throws: AuthConfigurationError.self) { try configuration.validate() }
    }
  }

  @Test("pages and authenticator apps call the platform what the operator does", arguments: Engine.available)
  func displayName(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { $0.displayName = "Shop & Söhne" }) { auth in
      let tokens = try await auth.newUser("a@example.org").tokens
      let uri = try await auth.send(AuthAPI.enrolTOTP, token: tokens.accessToken).value.uri
      let parts = try #require(URLComponents(string: uri))
      #expect(parts.queryItems?.first { $0.name == "issuer" }?.value == "Shop & Söhne")
      #expect(parts.path == "/Shop & Söhne:a@example.org")
      let page = try await Browser(auth).get(App.register(auth).address())
      #expect(page.text.contains("Shop &amp; Söhne</title>") && !page.text.contains("Gravity"), "\(page.text)")
    }
  }

  @Test("with a second factor it takes that factor", arguments: Engine.available)
  func strong(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.enrol("a@example.org")
      // The token in hand is of before.
      let weak = user.tokens.accessToken
      for (name, reply) in try await Self.sensitive(auth, weak) {
        #expect(reply.status == 401 && reply.code == "insufficient_user_authentication", "\(name): \(reply.text)")
        let challenge = reply.challenge
        #expect(challenge.contains("acr_values=\"aal2\"") && challenge.contains("max_age=\"600\""), "\(challenge)")
        let methods = JSONValue.array([.string("totp"), .string("recovery_code")])
        #expect(
          reply.members == ["max_age": .integer(600), "acr_values": .string("aal2"), "methods": methods], "\(name)")
      }
      #expect(try await Self.stepUp(auth, ["password": AuthFixture.password], weak).fields == ["code"])
      let wrong = user.authenticator.wrongCode(at: auth.clock.now)
      #expect(try await Self.stepUp(auth, ["code": wrong], weak).code == "invalid_code")
      let code = user.authenticator.code(at: auth.clock.now)
      let statuses = try await withThrowingTaskGroup(of: Reply<SteppedUp>.self) { group in
        for _ in 0..<3 { group.addTask { try await Self.stepUp(auth, ["code": code], weak) } }
        return try await group.reduce(into: [Reply<SteppedUp>]()) { $0.append($1) }
      }
      let good = statuses.filter { $0.status == 200 }
      #expect(good.count == 1 && statuses.filter { $0.code == "invalid_code" }.count == 2)
      let access = try #require(good.first).value.accessToken
      let principal = try await auth.service.verifier.verify(access)
      #expect(principal.methods == ["pwd", "otp", "mfa"] && principal.assurance == "aal2")
      let replies = try await Self.sensitive(auth, access)
      #expect(replies["changeEmail"]?.status == 202 && replies["createAPIKey"]?.status == 201)
      #expect(replies["changePassword"]?.fields == ["new_password"])

      let other = try await auth.login("a@example.org")
      #expect(other.status == 200, "removed, so the password is enough: \(other.text)")
      #expect(try await auth.recordedEvents("mfa.removed.v1", about: user.id).count == 1)
    }
  }

  @Test("an old session steps up by a code, and guesses there are slowed down", arguments: Engine.available)
  func old(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.enrol("a@example.org")
      var tokens = try await auth.login(user)
      auth.clock.advance(3600)
      tokens = try await auth.refresh(tokens.refreshToken).value
      let stale = try await auth.send(AuthAPI.renewRecoveryCodes, token: tokens.accessToken)
      #expect(stale.code == "insufficient_user_authentication")
      let stepped = try await Self.stepUp(auth, ["code": user.recoveryCodes[0]], tokens.accessToken).value
      #expect(try await auth.send(AuthAPI.renewRecoveryCodes, token: stepped.accessToken).status == 201)
      var codes: [String] = []
      for _ in 0..<7 {
        let wrong = user.authenticator.wrongCode(at: auth.clock.now)
        codes.append(try await Self.stepUp(auth, ["code": wrong], tokens.accessToken).code ?? "")
      }
      #expect(codes.last == "too_many_attempts" && codes.first == "invalid_code")
    }
  }

  @Test("neither a key nor a client steps up, and a session that ended neither", arguments: Engine.available)
  func others(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let tokens = try await auth.newUser("a@example.org").tokens
      let app = try await App.register(auth)
      let code = try await app.code(auth, "a@example.org", ["scope": "openid account"])
      let client = try await app.exchange(auth, code).value.accessToken
      let password = ["password": AuthFixture.password]
      #expect(try await Self.stepUp(auth, password, client).code == "login_required")
      #expect(try await auth.send(AuthAPI.enrolTOTP, token: client).code == "login_required")
      #expect(try await auth.send(AuthAPI.stepUp, nil, password).status == 401)
      #expect(try await auth.send(AuthAPI.logout, token: tokens.accessToken).status == 204)
      #expect(try await Self.stepUp(auth, password, tokens.accessToken).status == 401)
    }
  }

  @Test("an administrator's own factor goes only with that factor", arguments: Engine.available)
  func ownReset(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let tokens = try await auth.login("root@example.org").value
      let id = try await auth.send(AuthAPI.me, token: tokens.accessToken).value.id
      let root = try await auth.enrol(id, "root@example.org", tokens)
      let path = "/api/v1/auth/accounts/\(id)/second-factor"
      let weak = try await auth.send(AuthAPI.resetSecondFactor, path, token: tokens.accessToken)
      #expect(weak.status == 401 && weak.code == "insufficient_user_authentication")
      #expect(weak.problem?.extensions["methods"] == .array([.string("totp"), .string("recovery_code")]))
      let strong = try await auth.login(root).accessToken
      #expect(try await auth.send(AuthAPI.resetSecondFactor, path, token: strong).status == 204)
    }
  }
}
