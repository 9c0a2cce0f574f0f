import AuthAPI
import Foundation
import GravityContracts
import GravityIdentity
import HTTPTypes
import Testbed
import Testing

@testable import AuthServer

/// A device without a browser, as RFC 8628 has it.
struct Device: Sendable {
  let auth: AuthFixture
  let id: String
  let codes: DeviceAuthorization

  static func client(_ auth: AuthFixture, _ more: [String: Any] = [:]) async throws -> CreatedClient {
    var fields: [String: Any] = [
      "name": "TV <app>", "authentication": "none", "grants": [Client.Grant.deviceCode.rawValue, "refresh_token"],
      "scopes": ["openid", "profile", "offline_access", "orders:read"],
    ]
    fields.merge(more) { $1 }
    return try await auth.newClient(fields)
  }

  static func begin(
    _ auth: AuthFixture, scope: String = "openid offline_access", _ more: [String: String] = [:]
  ) async throws -> Device {
    let id = try await client(auth).client.id.lowercased
    let reply = try await auth.form(
      AuthAPI.deviceAuthorization, ["scope": scope].merging(more) { $1 }, .identifier(id))
    #expect(reply.headers[.cacheControl] == "no-store")
    return Device(auth: auth, id: id, codes: try reply.value)
  }

  func poll() async throws -> Testbed.Reply<TokenReply> {
    try await auth.form(
      AuthAPI.token, ["grant_type": Client.Grant.deviceCode.rawValue, "device_code": codes.deviceCode], .identifier(id))
  }

  /// Signs somebody in at the address of the QR code, up to the page that asks.
  func ask(_ browser: Browser, _ email: String = "a@example.org", code: String? = nil) async throws -> Browser.Answer {
    var page = try await browser.get("/oauth/device?user_code=\(codes.userCode)")
    if page.text.contains("name=\"password\"") {
      let there = try await browser.post(
        "/oauth/sign-in", Browser.fields(of: page, ["email": email, "password": AuthFixture.password]))
      #expect(there.status == 303 && there.location == "/oauth/device?user_code=\(codes.userCode)")
      page = try await browser.get(there.location)
    }
    #expect(page.text.contains("value=\"\(codes.userCode)\""))
    return try await browser.post(
      "/oauth/device", Browser.fields(of: page, ["user_code": code ?? codes.userCode]))
  }

  func decide(_ browser: Browser, _ page: Browser.Answer, _ decision: String) async throws -> Browser.Answer {
    try await browser.post(
      "/oauth/device/decision", Browser.fields(of: page, ["user_code": codes.userCode, "decision": decision]))
  }
}

@Suite struct DeviceTests {
  @Test("a device gets tokens, once, after somebody let it in", arguments: Engine.available)
  func whole(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { $0.issuer = "http://id.example.org" }) { auth in
      let user = try await auth.register("a@example.org", name: "Ann").value
      let device = try await Device.begin(auth)
      #expect(device.codes.verificationURI == "http://id.example.org/oauth/device")
      #expect(device.codes.verificationURIComplete.hasSuffix("?user_code=\(device.codes.userCode)"))
      #expect(device.codes.expiresIn == 600 && device.codes.interval == 5)
      #expect(try await device.poll().error == "authorization_pending")

      let browser = Browser(auth)
      // Case, dashes and blanks do not matter.
      let page = try await device.ask(
        browser, code: " " + device.codes.userCode.lowercased().replacing("-", with: "") + " ")
      #expect(page.status == 200, "\(page.text)")
      for part in ["TV &lt;app&gt;", device.codes.userCode, "a@example.org", "stay signed in", "somebody sent you"] {
        #expect(page.text.contains(part), "\(part)")
      }
      #expect(page.headers[HTTPField.Name("X-Frame-Options")!] == "DENY" && page.headers[.cacheControl] == "no-store")
      let done = try await device.decide(browser, page, "allow")
      #expect(done.status == 200 && done.text.contains("connected"), "\(done.text)")

      let reply = try await device.poll()
      let tokens = try reply.value
      #expect(tokens.scope == "openid offline_access" && tokens.refreshToken != nil)
      let claims = try AuthorizationTests.claims(of: #require(tokens.idToken))
      #expect(claims.sub == user.id?.lowercased && claims.aud == device.id && claims.amr == ["pwd"])
      let principal = try await auth.service.verifier.verify(tokens.accessToken)
      #expect(principal.clientID == device.id && principal.sessionID == claims.sid)
      #expect(try await device.poll().error == "invalid_grant", "consumed")
      #expect(try await device.decide(browser, page, "allow").status == 400, "decided")
      let next = try await auth.form(
        AuthAPI.token, ["grant_type": "refresh_token", "refresh_token": #require(tokens.refreshToken)],
        .identifier(device.id))
      #expect(next.status == 200)
      #expect(!auth.log.lines.contains { $0.contains(device.codes.deviceCode) || $0.contains(device.codes.userCode) })
    }
  }

  @Test("of two questions at the same moment one gets the tokens", arguments: Engine.available)
  func atomic(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let device = try await Device.begin(auth)
      let browser = Browser(auth)
      _ = try await device.decide(browser, try await device.ask(browser), "allow")
      let replies = try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<8 {
          group.addTask {
            let reply = try await device.poll()
            return reply.status == 200 ? "tokens" : reply.error ?? "\(reply.status)"
          }
        }
        return try await group.reduce(into: [:]) { counts, reply in counts[reply, default: 0] += 1 }
      }
      #expect(replies == ["tokens": 1, "invalid_grant": 7])
    }
  }

  @Test(
    "a device that asks too soon waits five seconds longer each time, and the wait is kept", arguments: Engine.available
  )
  func slowDown(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let device = try await Device.begin(auth)
      func ask(after seconds: TimeInterval) async throws -> String? {
        auth.clock.advance(seconds)
        return try await device.poll().error
      }
      #expect(try await ask(after: 0) == "authorization_pending")
      #expect(try await ask(after: 5) == "authorization_pending")
      #expect(try await ask(after: 4) == "slow_down")
      #expect(try await ask(after: 9) == "slow_down", "ten by now")
      #expect(try await ask(after: 15) == "authorization_pending")
      #expect(try await ask(after: 14) == "slow_down", "fifteen for good")
      #expect(try await ask(after: 20) == "authorization_pending")
    }
  }

  @Test("a device that is refused, or that nobody let in in time, is told so", arguments: Engine.available)
  func deniedAndExpired(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let browser = Browser(auth)
      let denied = try await Device.begin(auth)
      let page = try await denied.decide(browser, try await denied.ask(browser), "deny")
      #expect(page.text.contains("was not let in"))
      #expect(try await denied.poll().error == "access_denied")
      let late = try await Device.begin(auth)
      let question = try await late.ask(browser)
      auth.clock.advance(601)
      #expect(try await late.poll().error == "expired_token")
      #expect(try await late.decide(browser, question, "allow").status == 400)
    }
  }

  @Test("codes are of one client, and only of one that may", arguments: Engine.available)
  func clients(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let device = try await Device.begin(auth)
      let other = try await Device.client(auth).client.id.lowercased
      let theirs = try await auth.form(
        AuthAPI.token,
        ["grant_type": Client.Grant.deviceCode.rawValue, "device_code": device.codes.deviceCode], .identifier(other))
      #expect(theirs.error == "invalid_grant")
      let server = try await auth.newServer(["orders:read"])
      let refused = try await auth.form(AuthAPI.deviceAuthorization, [:], .basic(server.id, server.secret))
      #expect(refused.status == 400 && refused.error == "unauthorized_client")
      #expect(
        try await auth.form(AuthAPI.deviceAuthorization, ["scope": "accounts:write"], .identifier(device.id)).error
          == "invalid_scope")
      #expect(try await auth.form(AuthAPI.deviceAuthorization, [:], .identifier("x")).status == 401)
      // Who let it in is suspended before the device asks.
      let browser = Browser(auth)
      _ = try await device.decide(browser, try await device.ask(browser), "allow")
      let administrator = try await auth.administrator()
      let id = try await auth.login("a@example.org").value.accessToken
      let account = try await auth.send(AuthAPI.me, token: id).value.id.lowercased
      _ = try await auth.send(
        AuthAPI.updateAccount, "/api/v1/auth/accounts/\(account)", ["status": "suspended"], token: administrator)
      #expect(try await device.poll().error == "invalid_grant")
    }
  }

  @Test("guessing codes is slowed down for an account, also after a right one", arguments: Engine.available)
  func guessing(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let device = try await Device.begin(auth)
      let browser = Browser(auth)
      let wrong = "BBBB-BBBB"
      try #require(device.codes.userCode != wrong)
      // What can be no code is not counted.
      for _ in 0..<3 { #expect(try await device.ask(browser, code: "AEIOU").status == 400) }
      for _ in 0..<5 { #expect(try await device.ask(browser, code: wrong).status == 400) }
      #expect(try await device.ask(browser).status == 200)
      #expect(try await device.ask(browser, code: wrong).status == 400)
      let page = try await device.ask(browser)
      #expect(page.status == 429 && page.headers[.retryAfter] == "1" && page.text.contains("Too many"))
      auth.clock.advance(2)
      #expect(try await device.ask(browser).status == 200)
    }
  }

  @Test("neither another site's form nor another browser's lets a device in", arguments: [Engine.available[0]])
  func forgery(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      try await auth.register("b@example.org")
      let device = try await Device.begin(auth)
      let (mine, theirs) = (Browser(auth), Browser(auth))
      let page = try await device.ask(mine)
      _ = try await device.ask(theirs, "b@example.org")
      #expect(try await device.decide(theirs, page, "allow").status == 403)
      let fields = Browser.fields(of: page, ["user_code": device.codes.userCode, "decision": "allow"])
      let cross = try await mine.post("/oauth/device/decision", fields, headers: ["Sec-Fetch-Site": "cross-site"])
      #expect(cross.status == 403)
      let other = fields.merging(["user_code": "BBBB-BBBB"]) { $1 }
      #expect(try await mine.post("/oauth/device/decision", other).status == 403, "the token is over the code")
      #expect(try await mine.post("/oauth/device", ["user_code": device.codes.userCode]).status == 403)
      #expect(try await device.poll().error == "authorization_pending")
    }
  }

  @Test("a code is eight consonants, read whatever its case and dashes are")
  func userCodes() {
    for bytes in [[UInt8](repeating: 0, count: 64), [UInt8](repeating: 255, count: 64), Array(0..<64)] {
      let code = UserCode(random: bytes)
      #expect(UserCode(code.grouped) == code && UserCode(code.text.lowercased()) == code)
      #expect(code.grouped.utf8.count == 9 && code.text.allSatisfy { "BCDFGHJKLMNPQRSTVWXZ".contains($0) })
    }
    for text in ["", "BCDF-GHJ", "BCDF-GHJKL", "BCDF-GHJA", "BCDF-GHJ1", String(repeating: "-", count: 100)] {
      #expect(UserCode(text) == nil, "\(text)")
    }
  }

  @Test("what expired is deleted, after a while in which devices are told so", arguments: Engine.available)
  func sweep(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let device = try await Device.begin(auth)
      let maintenance = try #require(auth.service.tasks as? Maintenance)
      auth.clock.advance(601)
      try await maintenance.sweep()
      #expect(try await device.poll().error == "expired_token")
      auth.clock.advance(3600)
      try await maintenance.sweep()
      #expect(try await device.poll().error == "invalid_grant")
    }
  }

  @Test(
    "a device's tokens say how and when whoever let it in had signed in, not when they let it in",
    arguments: Engine.available)
  func assurance(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let browser = Browser(auth)
      let first = try await Device.begin(auth)
      let signedInAt = Int64(auth.clock.now.timeIntervalSince1970)
      #expect(try await first.decide(browser, first.ask(browser), "allow").status == 200)
      auth.clock.advance(100)
      let claims = try AuthorizationTests.claims(of: #require(try await first.poll().value.idToken))
      #expect(claims.amr == ["pwd"] && claims.acr == "aal1" && claims.authTime == signedInAt)

      // One that asks for more gets a page to sign in at (RFC 9470 §4).
      let recent = try await Device.begin(auth, ["max_age": "50"])
      let page = try await browser.post(
        "/oauth/device",
        Browser.fields(
          of: browser.get("/oauth/device?user_code=\(recent.codes.userCode)"), ["user_code": recent.codes.userCode]))
      #expect(page.text.contains("name=\"password\""), "the sign-in is 100 s old")
      let there = try await browser.post(
        "/oauth/sign-in", Browser.fields(of: page, ["email": "a@example.org", "password": AuthFixture.password]))
      #expect(there.status == 303)
      #expect(try await recent.decide(browser, recent.ask(browser), "allow").status == 200)
      #expect(try await recent.poll().status == 200)

      let strong = try await Device.begin(auth, ["acr_values": "aal2"])
      let refused = try await strong.ask(browser)
      #expect(refused.status == 403 && refused.text.contains("your account has none"))
      #expect(try await strong.poll().error == "authorization_pending")
      let bad = try await auth.form(
        AuthAPI.deviceAuthorization, ["scope": "openid", "max_age": "soon"], .identifier(strong.id))
      #expect(bad.error == "invalid_request")
    }
  }

  @Test("a device that asks for two factors gets them from whoever has them", arguments: Engine.available)
  func secondFactor(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.enrol("a@example.org")
      let device = try await Device.begin(auth, ["acr_values": "aal2"])
      let browser = Browser(auth)
      let page = try await browser.get("/oauth/device?user_code=\(device.codes.userCode)")
      let asked = try await browser.post(
        "/oauth/sign-in", Browser.fields(of: page, ["email": user.email, "password": AuthFixture.password]))
      let start = try #require(asked.text.range(of: "name=\"challenge\" value=\""))
      let challenge = String(asked.text[start.upperBound...].prefix { $0 != "\"" })
      let there = try await browser.post(
        "/oauth/second-factor",
        Browser.fields(of: asked, ["challenge": challenge, "code": user.authenticator.code(at: auth.clock.now)]))
      #expect(there.status == 303, "\(there.text)")
      #expect(try await device.decide(browser, device.ask(browser), "allow").status == 200)
      let claims = try AuthorizationTests.claims(of: #require(try await device.poll().value.idToken))
      #expect(claims.amr == ["pwd", "otp", "mfa"] && claims.acr == "aal2")
    }
  }
}
