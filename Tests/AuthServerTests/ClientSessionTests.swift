import AuthAPI
import Foundation
import GravityContracts
import Testbed
import Testing

@testable import AuthServer

/// Sessions that a client has for somebody.
@Suite struct ClientSessionTests {
  private static func refresh(
    _ auth: AuthFixture, _ app: App, _ token: String?, _ more: [String: String] = [:]
  ) async throws -> Reply<TokenReply> {
    var fields = ["grant_type": "refresh_token", "refresh_token": token ?? ""]
    fields.merge(more) { $1 }
    return try await auth.form(AuthAPI.token, fields, app.proof)
  }

  @Test("a refresh token is its client's only, and gives no more than was granted", arguments: Engine.available)
  func bound(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let (app, stranger) = (try await App.register(auth), try await App.register(auth))
      let first = try await app.exchange(auth, app.code(auth, "a@example.org")).value
      #expect(try await Self.refresh(auth, stranger, first.refreshToken).error == "invalid_grant")
      #expect(try await auth.refresh(first.refreshToken ?? "").code == "invalid_grant", "nor a first-party login's")
      #expect(
        try await Self.refresh(auth, app, first.refreshToken, ["scope": "accounts:read"]).error == "invalid_scope")
      let second = try await Self.refresh(auth, app, first.refreshToken, ["scope": "openid"]).value
      #expect(second.scope == "openid" && second.refreshToken != first.refreshToken && second.idToken != nil)
      let third = try await Self.refresh(auth, app, second.refreshToken).value
      #expect(third.scope == "openid profile offline_access", "the session's own scope stays")
      let login = try await auth.login("a@example.org").value
      #expect(try await Self.refresh(auth, app, login.refreshToken).error == "invalid_grant")
      #expect(try await auth.refresh(login.refreshToken).status == 200, "a try costs the right one nothing")
    }
  }

  @Test("an old refresh token from elsewhere ends the client's session", arguments: Engine.available)
  func reuse(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(auth)
      let first = try await app.exchange(auth, app.code(auth, "a@example.org")).value
      let both = try await withThrowingTaskGroup(of: String?.self) { group in
        for _ in 0..<2 {
          group.addTask { try await Self.refresh(auth, app, first.refreshToken).value.refreshToken }
        }
        return try await group.reduce(into: [String?]()) { $0.append($1) }
      }
      #expect(Set(both).count == 1, "two at once get the same successor")
      auth.clock.advance(11)
      #expect(try await Self.refresh(auth, app, first.refreshToken).error == "invalid_grant")
      #expect(try await Self.refresh(auth, app, both[0]).error == "invalid_grant")
      #expect(try await auth.send(AuthAPI.userInfo, token: first.accessToken).status == 401)
    }
  }

  @Test("without offline_access there is no refresh token", arguments: Engine.available)
  func online(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(auth)
      let code = try await app.code(auth, "a@example.org", ["scope": "account email"])
      let tokens = try await app.exchange(auth, code).value
      #expect(tokens.refreshToken == nil && tokens.idToken == nil)
      let me = try await auth.send(AuthAPI.me, token: tokens.accessToken)
      #expect(me.status == 200, "account was granted")
      #expect(try await auth.send(AuthAPI.userInfo, token: tokens.accessToken).code == "insufficient_scope")
      let sessions = try await auth.send(AuthAPI.sessions, token: tokens.accessToken).value.items
      #expect(sessions.first { $0.current }?.clientID?.lowercased == app.id)
    }
  }

  @Test("a scope never gives a permission that the person does not hold", arguments: Engine.available)
  func noEscalation(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(auth)
      let scope = ["scope": "openid accounts:read"]
      let user = try await app.exchange(auth, app.code(auth, "a@example.org", scope)).value
      #expect(try await auth.send(AuthAPI.accounts, token: user.accessToken).status == 403)
      let root = try await app.exchange(auth, app.code(auth, "root@example.org", scope)).value
      #expect(try await auth.send(AuthAPI.accounts, token: root.accessToken).status == 200)
      #expect(try await auth.send(AuthAPI.roles, token: root.accessToken).status == 403, "not in the scope")
    }
  }

  @Test(
    "an app on a device proves itself by PKCE only, is asked for consent each time, and may take any port",
    arguments: Engine.available)
  func native(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(
        auth, ["authentication": "none", "redirect_uris": ["http://127.0.0.1/cb"]])
      #expect(app.secret == nil)
      let browser = Browser(auth)
      let address = ["redirect_uri": "http://127.0.0.1:51004/cb"]
      let back = try await app.letIn(browser, "a@example.org", address)
      #expect(back.location.hasPrefix("http://127.0.0.1:51004/cb?code="))
      let code = try #require(back.parameter("code"))
      let fields = ["redirect_uri": "http://127.0.0.1:51004/cb"]
      #expect(try await app.exchange(auth, code, fields).status == 200)
      #expect(try await browser.get(app.address(address)).text.contains("value=\"allow\""))
    }
  }

  @Test("the platform's own client asks for no consent", arguments: Engine.available)
  func firstParty(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(auth, ["first_party": true])
      let browser = Browser(auth)
      let page = try await browser.get(app.address())
      let back = try await browser.post(
        "/oauth/sign-in", Browser.fields(of: page, ["email": "a@example.org", "password": AuthFixture.password]))
      #expect(back.status == 303 && back.parameter("code") != nil)
    }
  }

  @Test("what ends a client's session: the client, its owner, the person", arguments: Engine.available)
  func ends(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(auth)
      func open() async throws -> TokenReply {
        try await app.exchange(auth, app.code(auth, "a@example.org")).value
      }
      func isOver(_ tokens: TokenReply) async throws -> Bool {
        let isRefused = try await auth.send(AuthAPI.userInfo, token: tokens.accessToken).status == 401
        let isEnded = try await Self.refresh(auth, app, tokens.refreshToken).status == 400
        #expect(isRefused == isEnded)
        return isRefused && isEnded
      }
      let revoked = try await open()
      let asked = try await auth.form(AuthAPI.introspect, ["token": revoked.refreshToken ?? ""], app.proof).value
      #expect(asked.active && asked.clientID == app.id && asked.scope == "openid profile offline_access")
      #expect(try await auth.revoke(revoked.refreshToken ?? "") == 401, "without the client")
      #expect(try await auth.form(AuthAPI.revokeToken, ["token": revoked.refreshToken ?? ""], app.proof).status == 200)
      #expect(try await isOver(revoked))

      let loggedOut = try await open()
      let login = try await auth.login("a@example.org").value
      #expect(try await auth.send(AuthAPI.logoutEverywhere, token: login.accessToken).status == 204)
      #expect(try await isOver(loggedOut))

      let browser = Browser(auth)
      _ = try await app.letIn(browser, "a@example.org")
      let again = try await auth.login("a@example.org").value
      #expect(try await auth.send(AuthAPI.logoutEverywhere, token: again.accessToken).status == 204)
      #expect(try await browser.get(app.address()).text.contains("name=\"password\""), "the browser's, too")

      let deleted = try await open()
      let root = try await auth.administrator()
      let path = "/api/v1/auth/clients/\(app.id)"
      #expect(try await auth.send(AuthAPI.deleteClient, path, token: root).status == 204)
      #expect(try await auth.send(AuthAPI.userInfo, token: deleted.accessToken).status == 401)
      #expect(try await Self.refresh(auth, app, deleted.refreshToken).error == "invalid_client")
    }
  }
}

@Suite struct PKCETests {
  @Test("the example of RFC 7636 appendix B")
  func vector() {
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    #expect(PKCE.challenge(of: verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    #expect(PKCE.matches(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"))
    #expect(!PKCE.matches(verifier + "x", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"))
    #expect(!PKCE.matches(nil, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"))
  }

  @Test("the example of OpenID Connect Core §A.3 for at_hash")
  func half() { #expect(IDToken.half("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y") == "77QmUPtjPfzWtF2AnpK9RQ") }
}
