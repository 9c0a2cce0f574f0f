import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import HTTPTypes
import Testbed
import Testing

@testable import AuthServer

@Suite struct AuthorizationTests {
  @Test("somebody signs in, consents, and the app gets tokens that say so", arguments: Engine.available)
  func whole(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.register("a@example.org", name: "Ann").value
      let app = try await App.register(auth)
      let browser = Browser(auth)
      let page = try await browser.get(app.address())
      #expect(page.status == 200 && page.headers[.contentType] == "text/html; charset=utf-8")
      let policy = page.headers[HTTPField.Name("Content-Security-Policy")!] ?? ""
      #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
      #expect(policy.contains("form-action 'self' https://app.example;") && !policy.contains("unsafe"))
      #expect(page.headers[HTTPField.Name("X-Frame-Options")!] == "DENY" && page.headers[.cacheControl] == "no-store")
      #expect(page.text.contains("Shop &lt;app&gt;") && !page.text.contains("<app>"))
      for label in ["<label for=\"email\">", "<label for=\"password\">", "<html lang=\"en\">"] {
        #expect(page.text.contains(label))
      }
      let cookie = page.headers[.setCookie] ?? ""
      #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"))

      let credentials = ["email": "a@example.org", "password": AuthFixture.password]
      let consent = try await browser.post("/oauth/sign-in", Browser.fields(of: page, credentials))
      #expect(consent.status == 200 && consent.text.contains("see your name") && browser.hasSession)
      let back = try await browser.post("/oauth/consent", Browser.fields(of: consent, ["decision": "allow"]))
      #expect(back.status == 303 && back.location.hasPrefix("https://app.example/cb?code="))
      #expect(back.parameter("state") == "st&te" && back.parameter("iss") == "gravity")

      let code = try #require(back.parameter("code"))
      let reply = try await app.exchange(auth, code)
      #expect(reply.status == 200 && reply.headers[.cacheControl] == "no-store", "\(reply.text)")
      let tokens = try reply.value
      #expect(tokens.scope == "openid profile offline_access" && tokens.refreshToken != nil)
      let claims = try Self.claims(of: #require(tokens.idToken))
      #expect(claims.iss == "gravity" && claims.aud == app.id && claims.sub == user.id?.lowercased)
      #expect(claims.nonce == "n-1" && claims.amr == ["pwd"] && claims.acr == "aal1")
      #expect(claims.atHash == IDToken.half(tokens.accessToken))
      let principal = try await auth.service.verifier.verify(tokens.accessToken)
      #expect(principal.clientID == app.id && principal.sessionID == claims.sid)
      let info = try await auth.send(AuthAPI.userInfo, token: tokens.accessToken).value
      #expect(info.sub == claims.sub && info.name == "Ann" && info.email == nil, "email was not asked for")
      #expect(try await auth.send(AuthAPI.me, token: tokens.accessToken).status == 403, "account was not asked for")
      #expect(!auth.log.lines.contains { $0.contains(code) || $0.contains(tokens.accessToken) })
      let again = try await app.letIn(browser, "a@example.org")
      #expect(again.status == 303 && again.parameter("code") != nil)
      #expect(try await browser.get(app.address()).status == 303, "signed in, and consented before")
    }
  }

  static func claims(of token: String) throws -> IDToken {
    let part = try #require(token.split(separator: ".").dropFirst().first)
    return try JSONDecoder().decode(IDToken.self, from: try #require(Data(base64URLEncoded: part)))
  }

  @Test("an ID token is no access token", arguments: Engine.available)
  func tokenConfusion(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(auth)
      let tokens = try await app.exchange(auth, app.code(auth, "a@example.org")).value
      let idToken = try #require(tokens.idToken)
      #expect(try await auth.send(AuthAPI.userInfo, token: idToken).status == 401)
      #expect(try await auth.send(AuthAPI.me, token: idToken).status == 401)
    }
  }

  @Test("a code that comes twice ends what came of it, also at once", arguments: Engine.available)
  func replay(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(auth)
      let code = try await app.code(auth, "a@example.org")
      let tokens = try await app.exchange(auth, code).value
      #expect(try await auth.send(AuthAPI.userInfo, token: tokens.accessToken).status == 200)
      #expect(try await app.exchange(auth, code).error == "invalid_grant")
      #expect(try await auth.send(AuthAPI.userInfo, token: tokens.accessToken).status == 401)
      let refreshed = try await auth.form(
        AuthAPI.token, ["grant_type": "refresh_token", "refresh_token": tokens.refreshToken ?? ""], app.proof)
      #expect(refreshed.status == 400 && refreshed.error == "invalid_grant")

      let other = try await app.code(auth, "a@example.org")
      let replies = try await withThrowingTaskGroup(of: Reply<TokenReply>.self) { group in
        for _ in 0..<5 { group.addTask { try await app.exchange(auth, other) } }
        return try await group.reduce(into: [Reply<TokenReply>]()) { $0.append($1) }
      }
      let good = replies.filter { $0.status == 200 }
      #expect(good.count == 1)
      #expect(try await auth.send(AuthAPI.userInfo, token: good[0].value.accessToken).status == 401)
    }
  }

  @Test("a code is good for its client, its address, its verifier and a minute only", arguments: Engine.available)
  func bound(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(auth)
      let stranger = try await App.register(auth)
      let code = try await app.code(auth, "a@example.org")
      #expect(try await stranger.exchange(auth, code).error == "invalid_grant")
      #expect(try await app.exchange(auth, code).status == 200, "a stranger does not use it up")
      for wrong in [
        ["redirect_uri": "https://app.example/cb/"], ["code_verifier": String(repeating: "a", count: 43)],
        ["code_verifier": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"], ["code_verifier": ""],
      ] {
        let code = try await app.code(auth, "a@example.org")
        #expect(try await app.exchange(auth, code, wrong).error == "invalid_grant", "\(wrong)")
        #expect(try await app.exchange(auth, code).error == "invalid_grant", "it is used up")
      }
      let late = try await app.code(auth, "a@example.org")
      auth.clock.advance(61)
      #expect(try await app.exchange(auth, late).error == "invalid_grant")
      let suspended = try await app.code(auth, "a@example.org")
      let root = try await auth.administrator()
      let account = try await auth.send(
        AuthAPI.accounts, "/api/v1/auth/accounts?email=a@example.org", token: root
      ).value.items[0]
      _ = try await auth.send(
        AuthAPI.updateAccount, "/api/v1/auth/accounts/\(account.id.lowercased)", ["status": "suspended"], token: root)
      #expect(try await app.exchange(auth, suspended).error == "invalid_grant")
    }
  }

  @Test("an address that is not the client's gets no redirect at all", arguments: Engine.available)
  func redirectTampering(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let app = try await App.register(auth)
      for wrong in [
        ["redirect_uri": "https://evil.example/cb"], ["redirect_uri": "https://app.example/cb?x=1"],
        ["redirect_uri": nil], ["client_id": UUID().lowercased], ["client_id": nil], ["client_id": "<script>"],
      ] as [[String: String?]] {
        let page = try await Browser(auth).get(app.address(wrong))
        #expect(page.status == 400 && page.location.isEmpty && page.text.contains("role=\"alert\""), "\(wrong)")
        #expect(!page.text.contains("<script>"))
      }
    }
  }

  @Test("what a client asks for wrongly is told to it, with its state and who says so", arguments: Engine.available)
  func errors(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let app = try await App.register(auth)
      let cases: [([String: String?], String)] = [
        (["code_challenge": nil], "invalid_request"), (["code_challenge_method": "plain"], "invalid_request"),
        (["code_challenge_method": nil], "invalid_request"), (["code_challenge": "short"], "invalid_request"),
        (["response_type": "token"], "unsupported_response_type"), (["response_type": nil], "invalid_request"),
        (["scope": "orders:write"], "invalid_scope"), (["prompt": "none login"], "invalid_request"),
        (["prompt": "none"], "login_required"), (["max_age": "-1"], "invalid_request"),
        (["request": "x"], "request_not_supported"), (["request_uri": "https://x"], "request_uri_not_supported"),
        (["response_mode": "fragment"], "invalid_request"),
      ]
      for (fields, error) in cases {
        let back = try await Browser(auth).get(app.address(fields))
        #expect(back.status == 303 && back.parameter("error") == error, "\(fields) \(back.location)")
        #expect(back.parameter("state") == "st&te" && back.parameter("iss") == "gravity")
        #expect(back.location.hasPrefix("https://app.example/cb?"))
      }
    }
  }

  @Test("a form that is not of our page, or of another browser, does nothing", arguments: Engine.available)
  func forgery(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(auth)
      let (mine, theirs) = (Browser(auth), Browser(auth))
      let page = try await mine.get(app.address())
      _ = try await theirs.get(app.address())
      let fields = Browser.fields(of: page, ["email": "a@example.org", "password": AuthFixture.password])
      #expect(try await theirs.post("/oauth/sign-in", fields).status == 403)
      #expect(try await Browser(auth).post("/oauth/sign-in", fields).status == 403, "no cookie")
      let cross = try await mine.post("/oauth/sign-in", fields, headers: ["Sec-Fetch-Site": "cross-site"])
      #expect(cross.status == 403)
      let bare = try await mine.post("/oauth/sign-in", ["email": "a@example.org", "password": AuthFixture.password])
      #expect(bare.status == 403 && !mine.hasSession)
      let consent = try await mine.post("/oauth/sign-in", fields)
      #expect(consent.text.contains("value=\"allow\""))
      let forged = ["decision": "allow", "request": Browser.fields(of: consent, [:])["request"] ?? ""]
      #expect(try await mine.post("/oauth/consent", forged).status == 403)
      var other = Browser.fields(of: consent, ["decision": "allow"])
      other["form_token"] = Browser.fields(of: page, [:])["form_token"]
      #expect(try await mine.post("/oauth/consent", other).status == 403, "that of another form")
      let no = try await mine.post("/oauth/consent", Browser.fields(of: consent, ["decision": "deny"]))
      #expect(no.parameter("error") == "access_denied")
    }
  }

  @Test("a wrong password is announced on the page, and guessing is slowed down", arguments: Engine.available)
  func wrongPassword(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(auth)
      let browser = Browser(auth)
      var page = try await browser.get(app.address())
      for _ in 0..<6 {
        page = try await browser.post(
          "/oauth/sign-in", Browser.fields(of: page, ["email": "a@example.org", "password": "wrong \"guess"]))
        #expect(
          page.status == 401 && page.text.contains("role=\"alert\"") && page.text.contains("value=\"a@example.org\""))
        #expect(!page.text.contains("wrong &quot;guess"), "a password is not shown again")
      }
      page = try await browser.post(
        "/oauth/sign-in", Browser.fields(of: page, ["email": "a@example.org", "password": AuthFixture.password]))
      #expect(page.status == 429 && page.headers[.retryAfter] != nil && !browser.hasSession)
    }
  }

  @Test(
    "what is agreed to is what the page showed, whatever the client may ask for by then", arguments: Engine.available)
  func shown(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(auth, ["scopes": ["openid", "profile"]])
      let browser = Browser(auth)
      let form = try await browser.get(app.address(["scope": nil]))
      let page = try await browser.post(
        "/oauth/sign-in", Browser.fields(of: form, ["email": "a@example.org", "password": AuthFixture.password]))
      #expect(page.text.contains("value=\"allow\"") && !page.text.contains("accounts"), "\(page.text)")
      let raised = try await auth.send(
        AuthAPI.updateClient, "/api/v1/auth/clients/\(app.id)", ["scopes": ["openid", "profile", "accounts:read"]],
        token: auth.administrator())
      #expect(raised.status == 200)
      let back = try await browser.post("/oauth/consent", Browser.fields(of: page, ["decision": "allow"]))
      let tokens = try await app.exchange(auth, #require(back.parameter("code"))).value
      #expect(tokens.scope == "openid profile")
      let kept = try await auth.database.rows("SELECT scopes FROM consents")
      #expect(try kept.map { Set(try $0.get("scopes", as: SQLJSON<[String]>.self).value) } == [["openid", "profile"]])
    }
  }

  @Test("prompt and max_age bring the sign-in page, once", arguments: Engine.available)
  func prompts(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(auth)
      let browser = Browser(auth)
      _ = try await app.letIn(browser, "a@example.org")
      auth.clock.advance(100)
      #expect(try await browser.get(app.address(["max_age": "200"])).status == 303)
      #expect(
        try await browser.get(app.address(["max_age": "50", "prompt": "none"])).parameter("error") == "login_required")
      #expect(try await browser.get(app.address(["max_age": "50"])).text.contains("name=\"password\""))
      let back = try await app.letIn(browser, "a@example.org", ["prompt": "login"])
      #expect(back.parameter("code") != nil)
      let tokens = try await app.exchange(auth, #require(back.parameter("code"))).value
      let claims = try Self.claims(of: #require(tokens.idToken))
      #expect(claims.authTime == Int64(auth.clock.now.timeIntervalSince1970))
      #expect(try await browser.get(app.address(["prompt": "consent"])).text.contains("value=\"allow\""))
      let more = try await browser.get(app.address(["scope": "openid account", "prompt": "none"]))
      #expect(more.parameter("error") == "consent_required")
      #expect(try await browser.get(app.address(["prompt": "none"])).parameter("code") != nil)
    }
  }
}
