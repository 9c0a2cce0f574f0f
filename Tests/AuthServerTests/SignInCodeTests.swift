import AuthAPI
import Foundation
import GravityContracts
import GravityIdentity
import HTTPTypes
import Testbed
import Testing

@testable import AuthServer

/// The second factor at the pages of the authorization endpoint.
@Suite struct SignInCodeTests {
  private static func password(_ browser: Browser, _ page: Browser.Answer, _ email: String) async throws
    -> Browser.Answer
  {
    try await browser.post(
      "/oauth/sign-in", Browser.fields(of: page, ["email": email, "password": AuthFixture.password]))
  }

  /// Fills in the page that asks for a code.
  private static func code(_ browser: Browser, _ page: Browser.Answer, _ code: String) async throws -> Browser.Answer {
    let start = try #require(page.text.range(of: "name=\"challenge\" value=\""), "\(page.text)")
    let challenge = String(page.text[start.upperBound...].prefix { $0 != "\"" })
    return try await browser.post(
      "/oauth/second-factor", Browser.fields(of: page, ["challenge": challenge, "code": code]))
  }

  @Test("the page asks for a code after the password, and the tokens say so", arguments: Engine.available)
  func whole(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.enrol("a@example.org")
      let app = try await App.register(auth, ["first_party": true])
      let browser = Browser(auth)
      let page = try await Self.password(browser, browser.get(app.address(["acr_values": "aal2"])), user.email)
      #expect(page.status == 200 && !browser.hasSession, "the password alone opens nothing")
      for part in ["inputmode=\"numeric\"", "autocomplete=\"one-time-code\"", "<label for=\"code\">", "id=\"hint\""] {
        #expect(page.text.contains(part), "\(part)")
      }
      #expect(!page.text.contains("<script") && page.headers[.cacheControl] == "no-store")

      let wrong = try await Self.code(browser, page, user.authenticator.wrongCode(at: auth.clock.now))
      #expect(wrong.status == 401 && wrong.text.contains("role=\"alert\"") && wrong.text.contains("aria-invalid"))
      #expect(!browser.hasSession)
      let back = try await Self.code(browser, wrong, user.authenticator.code(at: auth.clock.now))
      #expect(back.status == 303 && browser.hasSession, "\(back.text)")
      let tokens = try await app.exchange(auth, #require(back.parameter("code"))).value
      let claims = try AuthorizationTests.claims(of: #require(tokens.idToken))
      #expect(claims.amr == ["pwd", "otp", "mfa"] && claims.acr == "aal2")
      #expect(claims.authTime == Int64(auth.clock.now.timeIntervalSince1970))
      let principal = try await auth.service.verifier.verify(tokens.accessToken)
      #expect(principal.assurance == "aal2" && principal.methods == ["pwd", "otp", "mfa"])
      let again = try await browser.get(app.address(["acr_values": "aal2"]))
      #expect(again.status == 303 && again.parameter("code") != nil, "the session is good enough")
      #expect(try await Self.code(browser, wrong, user.recoveryCodes[0]).status == 401, "the challenge is used up")
    }
  }

  @Test("a page's challenge opens no other door, nor another browser's page", arguments: Engine.available)
  func doors(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.enrol("a@example.org")
      let app = try await App.register(auth, ["first_party": true])
      let browser = Browser(auth)
      let page = try await Self.password(browser, browser.get(app.address()), user.email)
      let start = try #require(page.text.range(of: "name=\"challenge\" value=\""))
      let challenge = String(page.text[start.upperBound...].prefix { $0 != "\"" })
      #expect(try await auth.complete(challenge, user.recoveryCodes[0]).code == "invalid_challenge")
      let other = Browser(auth)
      _ = try await other.get(app.address())
      #expect(try await Self.code(other, page, user.recoveryCodes[0]).status == 403)
      let direct = try await auth.challenge(user.email)
      let swapped = try await browser.post(
        "/oauth/second-factor", Browser.fields(of: page, ["challenge": direct, "code": user.recoveryCodes[0]]))
      #expect(swapped.status == 403, "the form is of another challenge")
      #expect(try await Self.code(browser, page, user.recoveryCodes[0]).status == 303)
    }
  }

  @Test("acr_values and max_age are kept", arguments: Engine.available)
  func levels(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("plain@example.org")
      let app = try await App.register(auth, ["first_party": true])
      let plain = Browser(auth)
      let signedIn = try await Self.password(plain, plain.get(app.address(["acr_values": "aal2"])), "plain@example.org")
      #expect(signedIn.status == 303 && signedIn.parameter("error") == "unmet_authentication_requirements")
      #expect(signedIn.parameter("code") == nil && signedIn.parameter("state") == "st&te")
      for values in ["aal1", "aal2 aal1", "urn:unknown"] {
        #expect(try await plain.get(app.address(["acr_values": values])).parameter("code") != nil, "\(values)")
      }

      let user = try await auth.enrol("a@example.org")
      let browser = Browser(auth)
      let page = try await Self.password(browser, browser.get(app.address()), user.email)
      let first = try await Self.code(browser, page, user.authenticator.code(at: auth.clock.now))
      #expect(first.parameter("code") != nil)
      auth.clock.advance(120)
      #expect(
        try await browser.get(app.address(["max_age": "60", "prompt": "none"])).parameter("error") == "login_required")
      let older = try await browser.get(app.address(["max_age": "60"]))
      #expect(older.status == 200 && older.text.contains("name=\"password\""))
      let next = try await Self.password(browser, older, user.email)
      let back = try await Self.code(browser, next, user.authenticator.code(at: auth.clock.now))
      let tokens = try await app.exchange(auth, #require(back.parameter("code"))).value
      let claims = try AuthorizationTests.claims(of: #require(tokens.idToken))
      #expect(claims.authTime == Int64(auth.clock.now.timeIntervalSince1970) && claims.acr == "aal2")

      let metadata = try await auth.send(AuthAPI.openIDConfiguration).value
      #expect(metadata.acrValuesSupported == ["aal1", "aal2"])
    }
  }

  @Test("five wrong codes at the page lead back to the password", arguments: Engine.available)
  func tries(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { $0.backOff.accountAllowance = 100 }) { auth in
      let user = try await auth.enrol("a@example.org")
      let app = try await App.register(auth)
      let browser = Browser(auth)
      var page = try await Self.password(browser, browser.get(app.address()), user.email)
      for _ in 0..<5 {
        page = try await Self.code(browser, page, user.authenticator.wrongCode(at: auth.clock.now))
        #expect(page.status == 401)
      }
      #expect(page.text.contains("name=\"password\"") && !page.text.contains("name=\"code\""))
    }
  }
}
