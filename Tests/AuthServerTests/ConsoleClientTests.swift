import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Testbed
import Testing

@testable import AuthServer

/// The client that the platform has for its own console, and what people get by it.
@Suite struct ConsoleClientTests {
  private static let issuer = "http://127.0.0.1:8000"
  private static let redirect = issuer + ConsoleClient.path
  private static let path = "/api/v1/auth/clients/\(ConsoleClient.id.lowercased)"
  /// As the console asks: for everything, by leaving the scope out.
  private static let asked: [String: String?] = ["redirect_uri": redirect, "scope": nil]
  private static let console = App(id: ConsoleClient.id.lowercased, secret: nil)

  private static func run(
    on engine: Engine, _ body: @escaping @Sendable (AuthFixture) async throws -> Void
  ) async throws {
    try await AuthFixture.run(on: engine, { $0.issuer = issuer }, body)
  }

  private static func restart(_ auth: AuthFixture, at issuer: String) async throws {
    var configuration = auth.service.core.configuration
    configuration.issuer = issuer
    _ = try await AuthFixture.instance(
      auth.database, auth.masterKey, configuration, auth.mailbox, auth.clock, auth.log)
  }

  private static func row(_ auth: AuthFixture) async throws -> ClientRow? {
    try await auth.database.read { try ClientStore($0).find(ConsoleClient.id) }
  }

  private static func signIn(
    _ auth: AuthFixture, _ browser: Browser? = nil, as email: String = "a@example.org"
  ) async throws -> TokenReply {
    let back = try await console.letIn(browser ?? Browser(auth), email, asked)
    #expect(back.location.hasPrefix(redirect + "?"), "\(back.text)")
    #expect(back.parameter("iss") == issuer && back.parameter("state") == "st&te")
    return try await console.exchange(auth, #require(back.parameter("code")), ["redirect_uri": redirect]).value
  }

  @Test("it is there from the start, and goes where the platform goes", arguments: Engine.available)
  func seeded(_ engine: Engine) async throws {
    try await Self.run(on: engine) { auth in
      let made = try await auth.send(AuthAPI.client, Self.path, token: auth.administrator()).value
      #expect(made.builtIn && made.firstParty && made.enabled && made.authentication == .known(.none))
      #expect(made.redirectURIs == [Self.redirect] && made.grants == [.known(.authorizationCode)])
      #expect(try await auth.send(AuthAPI.clients, token: auth.administrator()).value.items == [made])
      try await Self.restart(auth, at: Self.issuer)
      #expect(try await Self.row(auth)?.version == 1, "nothing was to be done")
      try await Self.restart(auth, at: "https://id.example.org")
      #expect(try await Self.row(auth)?.redirectURIs == ["https://id.example.org/console/signed-in"])
      // Nobody comes back to an address like these; and a code must not go to a former one.
      for issuer in ["http://id.example.org", "gravity"] {
        try await Self.restart(auth, at: issuer)
        #expect(try await Self.row(auth)?.redirectURIs == [])
      }
      try await Self.restart(auth, at: Self.issuer)
      #expect(try await Self.row(auth)?.redirectURIs == [Self.redirect])
    }
    try await AuthFixture.run(on: engine) { auth in
      let row = try await Self.row(auth)
      #expect(row == nil, "nobody would come back to this issuer")
    }
  }

  @Test("it can be switched off and on, and is not changed or deleted", arguments: Engine.available)
  func protected(_ engine: Engine) async throws {
    try await Self.run(on: engine) { auth in
      let root = try await auth.administrator()
      for change: [String: Any] in [
        ["name": "Mine"], ["redirect_uris": ["https://evil.example/"]], ["grants": ["client_credentials"]],
        ["scopes": []], ["first_party": false, "enabled": false],
      ] {
        let refused = try await auth.send(AuthAPI.updateClient, Self.path, change, token: root)
        #expect(refused.status == 409 && refused.code == "client_protected")
      }
      #expect(try await auth.send(AuthAPI.deleteClient, Self.path, token: root).code == "client_protected")
      #expect(
        try await auth.send(AuthAPI.createClientSecret, "\(Self.path)/secrets", token: root).code == "no_secrets")

      let off = try await auth.send(AuthAPI.updateClient, Self.path, ["enabled": false], token: root)
      #expect(try !off.value.enabled)
      try await Self.restart(auth, at: Self.issuer)
      #expect(try await Browser(auth).get(Self.console.address(Self.asked)).text.contains("is not known here"))
      #expect(try await auth.send(AuthAPI.updateClient, Self.path, ["enabled": true], token: root).status == 200)
      try await auth.register("a@example.org")
      #expect(try await Self.signIn(auth).refreshToken != nil)
      // By hand, past everything.
      try await auth.database.write { try ClientStore($0).delete(ConsoleClient.id) }
      try await Self.restart(auth, at: Self.issuer)
      #expect(try await Self.row(auth)?.enabled == true)
    }
  }

  @Test("codes go to the console's own address, not even to another port of the machine")
  func redirects() async throws {
    try await Self.run(on: .sqlite) { auth in
      for address in [
        "http://127.0.0.1:9/console/signed-in", "http://localhost:8000/console/signed-in", Self.redirect + "?a=b",
        "http://127.0.0.1:8000/console/", "https://evil.example/console/signed-in",
      ] {
        let page = try await Browser(auth).get(Self.console.address(["redirect_uri": address, "scope": nil]))
        #expect(page.status == 400 && page.location.isEmpty, "\(address)")
      }
    }
  }

  @Test("what people get at the console is a login of their own", arguments: Engine.available)
  func ownLogin(_ engine: Engine) async throws {
    try await Self.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let tokens = try await Self.signIn(auth)
      let principal = try await auth.service.verifier.verify(tokens.accessToken)
      #expect(principal.clientID == nil && principal.scope == nil && principal.methods == ["pwd"])
      #expect(tokens.idToken == nil && tokens.scope == "*:* account")
      let first = try #require(tokens.refreshToken)
      let form = ["grant_type": "refresh_token", "refresh_token": first]
      #expect(try await auth.form(AuthAPI.token, form, Self.console.proof).error == "unauthorized_client")
      let next = try await auth.refresh(first).value
      auth.clock.advance(3_600)
      let late = try await auth.refresh(next.refreshToken).value
      let key = ["name": "k", "scopes": ["account"]] as [String: Any]
      let refused = try await auth.send(AuthAPI.createAPIKey, nil, key, token: late.accessToken)
      #expect(refused.code == "insufficient_user_authentication" && refused.text.contains("\"password\""))
      let proof = ["password": AuthFixture.password]
      let stepped = try await auth.send(AuthAPI.stepUp, nil, proof, token: late.accessToken).value
      #expect(try await auth.send(AuthAPI.createAPIKey, nil, key, token: stepped.accessToken).status == 201)
      #expect(try await auth.send(AuthAPI.logout, token: stepped.accessToken).status == 204)
      #expect(try await auth.refresh(late.refreshToken).code == "invalid_grant")
    }
  }

  @Test("an administrator may at the console what their roles grant")
  func permissions() async throws {
    try await Self.run(on: .sqlite) { auth in
      let tokens = try await Self.signIn(auth, as: "root@example.org")
      #expect(try await auth.send(AuthAPI.accounts, token: tokens.accessToken).status == 200)
    }
  }

  @Test("a sign-in for the console leaves none in the browser, and none there lets in", arguments: Engine.available)
  func noSingleSignOn(_ engine: Engine) async throws {
    try await Self.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let (browser, app) = (Browser(auth), try await App.register(auth, ["first_party": true]))
      _ = try await app.letIn(browser, "a@example.org")
      #expect(try await browser.get(app.address()).parameter("code") != nil, "the app goes by the browser's session")
      #expect(try await browser.get(Self.console.address(Self.asked)).text.contains("name=\"password\""))
      let quiet = try await browser.get(Self.console.address(Self.asked.merging(["prompt": "none"]) { $1 }))
      #expect(quiet.parameter("error") == "login_required")

      let tokens = try await Self.signIn(auth, browser)
      #expect(try await browser.get(app.address()).text.contains("name=\"password\""))
      let sessions = try await auth.send(AuthAPI.sessions, token: tokens.accessToken).value.items
      // The browser's former one, which has no cookie any more, and the console's.
      #expect(sessions.count == 2 && sessions.allSatisfy { $0.clientID == nil })
    }
  }

  @Test("a code that comes again ends the session; a wrong verifier opens none", arguments: Engine.available)
  func codes(_ engine: Engine) async throws {
    try await Self.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let redirect = ["redirect_uri": Self.redirect]
      let code = try await Self.console.code(auth, "a@example.org", Self.asked)
      let tokens = try await Self.console.exchange(auth, code, redirect).value
      #expect(try await Self.console.exchange(auth, code, redirect).error == "invalid_grant")
      #expect(try await auth.refresh(#require(tokens.refreshToken)).code == "invalid_grant")
      #expect(try await !auth.isAccepted(tokens.accessToken))
      let other = try await Self.console.code(auth, "a@example.org", Self.asked)
      let stolen = redirect.merging(["code_verifier": String(repeating: "a", count: 43)]) { $1 }
      #expect(try await Self.console.exchange(auth, other, stolen).error == "invalid_grant")
    }
  }

  @Test(
    "whoever has an account by another provider alone gets in, and does what is their own", arguments: Engine.available)
  func federated(_ engine: Engine) async throws {
    let issuer = "https://id.example.org"
    try await FakeProvider.run(on: engine, { $0.issuer = issuer }) { auth, fake in
      let metadata = try await auth.send(AuthAPI.serverMetadata).value
      #expect(metadata.identityProviders == ["Fake & Co"])
      let redirect = issuer + ConsoleClient.path
      let ann = FakeProvider.Person(subject: "ann-1", email: "ann@example.org")
      let more: [String: String?] = ["redirect_uri": redirect, "scope": nil, "prompt": "select_account"]
      let back = try await FederationTests.signIn(auth, fake, as: ann, for: Self.console, more)
      let code = try #require(back.parameter("code"), "\(back.text)")
      let tokens = try await Self.console.exchange(auth, code, ["redirect_uri": redirect]).value
      #expect(try await auth.service.verifier.verify(tokens.accessToken).methods == ["fed"])
      #expect(try await auth.send(AuthAPI.me, token: tokens.accessToken).value.email == "ann@example.org")
      #expect(try await auth.send(AuthAPI.enrolTOTP, token: tokens.accessToken).status == 201)
      #expect(try await auth.refresh(#require(tokens.refreshToken)).status == 200)
    }
  }

  @Test("the console asks as that client, and for an answer at that address")
  func sameInTheConsole() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = root.appending(path: "Sources/Console/Files/assets/sign-in-elsewhere.js")
    let text = try String(contentsOf: file, encoding: .utf8)
    #expect(text.contains("\"\(ConsoleClient.id.lowercased)\""))
    #expect(ConsoleClient.path == "/console/signed-in" && text.contains("`${base}signed-in`"))
  }
}
