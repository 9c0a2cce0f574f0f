import AuthAPI
import Crypto
import Foundation
import GravityContracts
import GravityIdentity
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testbed
import Testing

@testable import AuthServer

/// The button on the sign-in page, and the page of one's passkeys.
@Suite struct PasskeyPageTests {
  private static let issuer = "http://localhost:8000"
  private static let here: @Sendable (inout SoftAuthenticator.Use) -> Void = {
    ($0.origin, $0.domain) = (issuer, "localhost")
  }

  private static func json(_ value: [String: Any]) throws -> String {
    String(decoding: try JSONSerialization.data(withJSONObject: value), as: UTF8.self)
  }

  /// What the page's script asks for.
  private static func challenge(
    _ browser: Browser, _ path: String, _ page: Browser.Answer
  ) async throws -> (challenge: String, handle: String?) {
    let fields = Browser.fields(of: page, [:])
    let answer = try await browser.send(json: path, fields)
    #expect(answer.status == 200 && answer.headers[.cacheControl] == "no-store", "\(answer.text)")
    let options = try #require(try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any])
    let user = options["user"] as? [String: Any]
    return (try #require(options["challenge"] as? String), user?["id"] as? String)
  }

  private static func signIn(
    _ browser: Browser, _ page: Browser.Answer, _ authenticator: SoftAuthenticator
  ) async throws -> Browser.Answer {
    let challenge = try await challenge(browser, "/oauth/sign-in/passkey/options", page).challenge
    let signed = try json(authenticator.sign(challenge, Self.here))
    return try await browser.post("/oauth/sign-in/passkey", Browser.fields(of: page, ["credential": signed]))
  }

  /// Signs in at the page of one's passkeys, and adds one.
  private static func added(_ auth: AuthFixture, _ browser: Browser, _ email: String) async throws -> SoftAuthenticator
  {
    var page = try await browser.get("/oauth/passkeys")
    #expect(page.text.contains("to see your passkeys"))
    page = try await browser.post(
      "/oauth/sign-in", Browser.fields(of: page, ["email": email, "password": AuthFixture.password]))
    #expect(page.status == 303 && page.location == "/oauth/passkeys", "\(page.text)")
    page = try await browser.get("/oauth/passkeys")
    #expect(page.status == 200 && page.text.contains("There is none yet."), "\(page.text)")
    let (challenge, handle) = try await challenge(browser, "/oauth/passkeys/options", page)
    var authenticator = SoftAuthenticator()
    authenticator.handle = handle
    let made = try json(authenticator.make(challenge, Self.here))
    page = try await browser.post(
      "/oauth/passkeys", Browser.fields(of: page, ["name": "<My> phone", "credential": made]))
    #expect(page.status == 303 && page.location == "/oauth/passkeys", "\(page.text)")
    return authenticator
  }

  @Test("somebody adds a passkey at a page, signs in to an app with it, and removes it", arguments: Engine.available)
  func whole(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine, issuer: Self.issuer) { auth in
      try await auth.register("ann@example.org")
      let browser = Browser(auth)
      let phone = try await Self.added(auth, browser, "ann@example.org")

      let app = try await App.register(auth, ["first_party": true])
      let other = Browser(auth)
      var page = try await other.get(app.address(["acr_values": "aal2"]))
      #expect(page.text.contains("Sign in with a passkey") && !other.hasSession)
      page = try await Self.signIn(other, page, phone)
      #expect(page.status == 303 && other.hasSession, "\(page.text)")
      let tokens = try await app.exchange(auth, #require(page.parameter("code"))).value
      let claims = try AuthorizationTests.claims(of: #require(tokens.idToken))
      #expect(claims.amr == ["pop", "user", "mfa"] && claims.acr == "aal2")

      page = try await browser.get("/oauth/passkeys")
      #expect(page.text.contains("&lt;My&gt; phone") && page.text.contains("last used on"))
      let start = try #require(page.text.range(of: "name=\"remove\" value=\""))
      let id = String(page.text[start.upperBound...].prefix { $0 != "\"" })
      page = try await browser.post("/oauth/passkeys", Browser.fields(of: page, ["remove": id]))
      #expect(page.status == 303)
      #expect(try await browser.get("/oauth/passkeys").text.contains("There is none yet."))
    }
  }

  @Test("one script may run, named by its hash, and only where there are passkeys", arguments: Engine.available)
  func policy(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine, issuer: Self.issuer) { auth in
      let app = try await App.register(auth)
      let page = try await Browser(auth).get(app.address())
      let policy = try #require(page.headers[HTTPField.Name("Content-Security-Policy")!])
      let script = try #require(page.text.firstMatch(of: /<script type="module">([\s\S]*)<\/script>/)?.1)
      let hash = Data(SHA256.hash(data: Data(script.utf8))).base64EncodedString()
      #expect(policy.contains("script-src 'sha256-\(hash)';") && policy.contains("connect-src 'self';"), "\(policy)")
      #expect(policy.hasPrefix("default-src 'none';") && !policy.contains("unsafe"))
      #expect(page.text.contains("data-options=\"/oauth/sign-in/passkey/options\" hidden"))
    }
    try await AuthFixture.run(on: engine, { $0.issuer = "http://127.0.0.1:8000" }) { auth in
      let app = try await App.register(auth)
      let page = try await Browser(auth).get(app.address())
      #expect(!page.text.contains("<script") && !page.text.contains("passkey"))
      #expect(page.headers[HTTPField.Name("Content-Security-Policy")!]?.contains("script-src") == false)
      let none = try await Browser(auth).get("/oauth/passkeys")
      #expect(none.status == 409 && none.text.contains("GRAVITY_ISSUER"))
    }
  }

  @Test("a challenge and a form are of one browser and one door", arguments: Engine.available)
  func doors(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine, issuer: Self.issuer) { auth in
      try await auth.register("ann@example.org")
      let browser = Browser(auth)
      let phone = try await Self.added(auth, browser, "ann@example.org")
      let app = try await App.register(auth, ["first_party": true])
      let path = "/oauth/sign-in/passkey"
      let victim = Browser(auth)
      let page = try await victim.get(app.address())

      // An attacker's own sign-in, carried into somebody else's browser.
      let attacker = Browser(auth)
      let theirs = try await attacker.get(app.address())
      let stolen = try await Self.challenge(attacker, "\(path)/options", theirs).challenge
      let signed = try Self.json(phone.sign(stolen, Self.here))
      let carried = try await victim.post(path, Browser.fields(of: page, ["credential": signed]))
      #expect(carried.status == 401 && !victim.hasSession, "\(carried.text)")
      #expect(carried.text.contains("role=\"alert\"") && carried.text.contains("Sign in with a passkey"))
      let foreign = try await victim.post(path, Browser.fields(of: theirs, ["credential": signed]))
      #expect(foreign.status == 403)
      let cross = try await victim.post(
        path, Browser.fields(of: page, ["credential": signed]), headers: ["Sec-Fetch-Site": "cross-site"])
      #expect(cross.status == 403)

      let mine = try await Self.challenge(victim, "\(path)/options", page).challenge
      #expect(try await auth.login(passkey: phone.sign(mine, Self.here)).status == 401, "not for programs")
      let programs = try await auth.passkeyChallenge()
      let other = try Self.json(phone.sign(programs, Self.here))
      #expect(try await victim.post(path, Browser.fields(of: page, ["credential": other])).status == 401)
      for text in ["", "{", "[]", "{}", "null"] {
        let answer = try await victim.post(path, Browser.fields(of: page, ["credential": text]))
        #expect([400, 422].contains(answer.status) && !victim.hasSession, "\(text): \(answer.status)")
      }
      #expect(try await victim.send(json: "\(path)/options", [:]).status == 403)
      #expect(try await victim.send(json: "/oauth/passkeys/options", Browser.fields(of: page, [:])).status == 403)
      #expect(try await Self.signIn(victim, page, phone).status == 303)
    }
  }

  @Test("the page of one's passkeys asks who signed in too long ago to sign in again", arguments: Engine.available)
  func old(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine, issuer: Self.issuer) { auth in
      try await auth.register("ann@example.org")
      let browser = Browser(auth)
      let phone = try await Self.added(auth, browser, "ann@example.org")
      let page = try await browser.get("/oauth/passkeys")
      auth.clock.advance(601)
      let start = try await browser.send(json: "/oauth/passkeys/options", Browser.fields(of: page, [:]))
      #expect(start.status == 403)
      let late = try await browser.post("/oauth/passkeys", Browser.fields(of: page, ["remove": UUID().lowercased]))
      #expect(late.status == 200 && late.text.contains("name=\"password\""))
      let again = try await browser.get("/oauth/passkeys")
      #expect(again.text.contains("name=\"password\"") && !again.text.contains("phone"))
      #expect(try await Self.signIn(browser, again, phone).location == "/oauth/passkeys")
      let listed = try await browser.get("/oauth/passkeys")
      #expect(listed.text.contains("&lt;My&gt; phone"))
      let wrong = try await browser.post(
        "/oauth/passkeys", Browser.fields(of: listed, ["credential": "{}", "name": "x"]))
      #expect(wrong.status == 422 && wrong.text.contains("role=\"alert\""))
      let unknown = try await browser.post("/oauth/passkeys", Browser.fields(of: listed, ["remove": "x"]))
      #expect(unknown.status == 404)
    }
  }

  @Test("who has to enter a code may use a passkey instead", arguments: Engine.available)
  func insteadOfCode(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine, issuer: Self.issuer) { auth in
      try await auth.register("ann@example.org")
      let phone = try await Self.added(auth, Browser(auth), "ann@example.org")
      let tokens = try await auth.login("ann@example.org").value
      let id = try await auth.send(AuthAPI.me, token: tokens.accessToken).value.id
      _ = try await auth.enrol(id, "ann@example.org", tokens)
      let app = try await App.register(auth, ["first_party": true])
      let browser = Browser(auth)
      let page = try await browser.post(
        "/oauth/sign-in",
        Browser.fields(
          of: browser.get(app.address()), ["email": "ann@example.org", "password": AuthFixture.password]))
      #expect(page.text.contains("one-time-code") && page.text.contains("id=\"passkey\""), "\(page.text)")
      // The forms of that page have tokens of their own: the last is the button's.
      let token = try #require(page.text.matches(of: /name="form_token" value="([^"]*)"/).last?.1)
      let start = try await browser.send(
        json: "/oauth/sign-in/passkey/options", Browser.fields(of: page, ["form_token": String(token)]))
      let options = try #require(try JSONSerialization.jsonObject(with: Data(start.text.utf8)) as? [String: Any])
      let signed = try Self.json(phone.sign(#require(options["challenge"] as? String), Self.here))
      let back = try await browser.post(
        "/oauth/sign-in/passkey", Browser.fields(of: page, ["credential": signed, "form_token": String(token)]))
      #expect(back.status == 303 && back.parameter("code") != nil, "\(back.text)")
    }
  }
}
