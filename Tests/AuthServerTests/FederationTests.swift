import AuthAPI
import Crypto
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import HTTPTypes
import OpenIDEngine
import Testbed
import Testing

@testable import AuthServer

/// Signing in with another provider, over sockets.
@Suite struct FederationTests {
  private typealias Person = FakeProvider.Person
  private static let ann = Person(subject: "ann-1", email: "Ann@Example.org")

  /// Signs in at an app of the platform's own with the provider.
  static func signIn(
    _ auth: AuthFixture, _ fake: FakeProvider, as person: FakeProvider.Person, _ browser: Browser? = nil,
    for app: App? = nil, _ more: [String: String?] = [:]
  ) async throws -> Browser.Answer {
    let browser = browser ?? Browser(auth)
    let asking: App
    if let app { asking = app } else { asking = try await App.register(auth, ["first_party": true]) }
    return try await browser.get(try fake.signIn(try await browser.go(to: "fake", for: asking, more), as: person))
  }

  private static func account(_ email: String, _ auth: AuthFixture) async throws -> AccountRow? {
    try await auth.database.read { try AccountStore($0).find(email: email) }
  }

  private static func count(_ type: String, _ auth: AuthFixture) async throws -> Int {
    try await auth.database.rows("SELECT count(*) FROM outbox WHERE type = \(type)").first?.get(0) ?? 0
  }

  @Test("who is new gets an account, and is known again by issuer and subject", arguments: Engine.available)
  func newcomer(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let app = try await App.register(auth, ["first_party": true])
      let browser = Browser(auth)
      let page = try await browser.get(app.address())
      #expect(page.text.contains("Continue with Fake &amp; Co") && !page.text.contains("<script"))
      let away = try await browser.follow(page, to: "fake")
      #expect(away.status == 303 && away.parameter("state")?.count == 43 && away.parameter("nonce")?.count == 43)
      #expect(away.parameter("code_challenge")?.count == 43 && away.parameter("prompt") == nil)
      let back = try await browser.get(try fake.signIn(away.location, as: Self.ann))
      #expect(back.status == 303 && browser.hasSession, "\(back.text)")
      let tokens = try await app.exchange(auth, #require(back.parameter("code"))).value
      let claims = try AuthorizationTests.claims(of: #require(tokens.idToken))
      #expect(claims.amr == ["fed"] && claims.acr == "aal1")
      #expect(claims.authTime == Int64(auth.clock.now.timeIntervalSince1970) - 20, "as the provider says")

      let account = try #require(try await Self.account("ann@example.org", auth))
      #expect(account.id.lowercased == claims.sub && account.status == .active && account.emailVerified)
      #expect(account.name == "Ann of Fake" && account.passwordHash == nil)
      for type in ["user.registered.v1", "user.verified.v1", "login.succeeded.v1", "identity.linked.v1"] {
        #expect(try await !auth.recordedEvents(type, about: account.id).isEmpty, "\(type)")
      }
      #expect(try await auth.login("ann@example.org", "").status == 401, "there is no password")

      var renamed = Self.ann
      renamed.email = "ann@elsewhere.example"
      renamed.isVerified = false
      let again = try await app.exchange(
        auth, #require(try await Self.signIn(auth, fake, as: renamed, for: app).parameter("code"))
      ).value
      #expect(try AuthorizationTests.claims(of: #require(again.idToken)).sub == claims.sub)
      #expect(try await Self.account("ann@elsewhere.example", auth) == nil, "the account keeps its own address")
      for secret in fake.secrets { #expect(!auth.log.lines.contains { $0.contains(secret) }) }
    }
  }

  @Test("an address that the ID token does not tell is asked for; verified may be a text", arguments: Engine.available)
  func userInfo(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      fake.behave { $0.hidesAddress = true }
      var ann = Self.ann
      ann.isVerified = "true"
      let back = try await Self.signIn(auth, fake, as: ann)
      let account = try await Self.account("ann@example.org", auth)
      #expect(back.status == 303 && account?.emailVerified == true)
    }
  }

  @Test(
    "an account whose address was proved is linked, its password stays, and its owner is told",
    arguments: Engine.available)
  func linked(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let (id, tokens) = try await auth.newUser("ann@example.org")
      try await auth.prove(id)
      #expect(try await Self.signIn(auth, fake, as: Self.ann).status == 303)
      #expect(try await auth.login("ann@example.org").status == 200)
      #expect(try await auth.refresh(tokens.refreshToken).status == 200)
      try await auth.service.mail.deliverDue()
      let told = try #require(auth.mailbox.all.first { $0.kind == .identityLinked })
      #expect(told.email == "ann@example.org" && told.contact != nil && told.token == nil)
      // The provider gave the address to somebody else since.
      let other = try await Self.signIn(auth, fake, as: Person(subject: "ann-2", email: "ann@example.org"))
      #expect(other.status == 409 && other.text.contains("role=\"alert\""))
    }
  }

  @Test(
    "who opened an account with somebody's address and never proved it is out when its owner comes",
    arguments: Engine.available, [false, true])
  func preHijacking(_ engine: Engine, _ isVerifying: Bool) async throws {
    try await FakeProvider.run(on: engine, { $0.requiresEmailVerification = isVerifying }) { auth, fake in
      try await auth.register("ann@example.org", name: "Mallory")
      let before = try #require(try await Self.account("ann@example.org", auth))
      var stolen: Tokens?
      if !isVerifying {
        stolen = try await auth.login("ann@example.org").value
        _ = try await auth.send(
          AuthAPI.createAPIKey, nil, ["name": "trap", "scopes": ["account"]], token: stolen?.accessToken)
        // Another provider's person, by whom the account could be entered later.
        try await auth.database.write { transaction in
          let link = LinkedIdentityRow(
            id: UUID.v7(), accountID: before.id, .init(issuer: "https://other.example", subject: "m"), email: nil,
            linkedAt: auth.clock.now)
          _ = try LinkedIdentityStore(transaction).insert(link)
        }
      }
      #expect(try await Self.signIn(auth, fake, as: Self.ann).status == 303)
      let row = try #require(try await Self.account("ann@example.org", auth))
      #expect(row.id == before.id && row.emailVerified && row.status == .active)
      #expect(row.passwordHash == nil && row.name == "Ann of Fake")
      #expect(try await auth.login("ann@example.org").status == 401)
      if let stolen {
        #expect(try await auth.refresh(stolen.refreshToken).status == 401)
        #expect(try await !auth.isAccepted(stolen.accessToken))
      }
      let (keys, links) = try await auth.database.read {
        (
          try APIKeyStore($0).list(of: row.id, before: nil, limit: 10).count,
          try LinkedIdentityStore($0).list(of: row.id).map(\.issuer)
        )
      }
      #expect(keys == 0 && links == [fake.issuer])
      #expect(try await auth.recordedEvents("user.verified.v1", about: row.id).count == (isVerifying ? 1 : 0))
    }
  }

  @Test("an address that the provider does not vouch for opens and links nothing", arguments: Engine.available)
  func unproved(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      try await auth.register("bob@example.org")
      let people = [
        Person(subject: "1", email: "new@example.org", isVerified: false),
        Person(subject: "2", email: "bob@example.org", isVerified: "yes"),
        Person(subject: "3", email: nil), Person(subject: "4", email: "no address"),
      ]
      for person in people {
        let browser = Browser(auth)
        let page = try await Self.signIn(auth, fake, as: person, browser)
        #expect(page.status == 403 && page.text.contains("role=\"alert\"") && !browser.hasSession, "\(person)")
        #expect(page.text.contains("does not say that your e-mail address is yours"))
        #expect(page.text.contains("name=\"password\""), "there is another way on")
      }
      #expect(try await Self.account("new@example.org", auth) == nil)
      #expect(try await auth.database.rows("SELECT 1 FROM linked_identities").isEmpty)
      #expect(try await Self.count("login.failed.v1", auth) == people.count)
    }
  }

  @Test(
    "whoever may do more than others is never linked by an address, nor is an unproved second factor",
    arguments: Engine.available)
  func privileged(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let user = try await auth.enrol("bob@example.org")
      for email in ["root@example.org", user.email] {
        let page = try await Self.signIn(auth, fake, as: Person(subject: email, email: email))
        #expect(page.status == 403 && page.text.contains("connect Fake &amp; Co with your account"), "\(email)")
      }
      #expect(try await auth.login("root@example.org").status == 200, "nothing was cleared")
      #expect(try await auth.challenge(user.email).hasPrefix("gmc_"))
    }
  }

  @Test("a state is good once, in one browser, for ten minutes", arguments: Engine.available)
  func states(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let app = try await App.register(auth, ["first_party": true])
      let browser = Browser(auth)
      let back = try fake.signIn(try await browser.go(to: "fake", for: app), as: Self.ann)
      let other = Browser(auth)
      _ = try await other.get(app.address())
      for stranger in [other, Browser(auth)] {
        let page = try await stranger.get(back)
        #expect(page.status == 400 && !stranger.hasSession && page.text.contains("in another browser"))
      }
      #expect(try await browser.get(back).status == 303)
      #expect(try await browser.get(back).status == 400, "it comes again")

      let late = try fake.signIn(try await browser.go(to: "fake", for: app, ["prompt": "login"]), as: Self.ann)
      auth.clock.advance(601)
      #expect(try await browser.get(late).status == 400)
      try await auth.sweep()
      #expect(try await auth.database.rows("SELECT 1 FROM provider_visits").isEmpty)

      let parallel = Browser(auth)
      let path = try fake.signIn(try await parallel.go(to: "fake", for: app), as: Self.ann)
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<5 { group.addTask { try await parallel.get(path).status } }
        return try await group.reduce(into: [Int]()) { $0.append($1) }.sorted()
      }
      #expect(statuses == [303, 400, 400, 400, 400])
      for path in [
        "/oauth/providers/fake/callback?code=x",
        "/oauth/providers/fake/callback?code=x&state=\(String(repeating: "a", count: 43))",
      ] {
        #expect(try await parallel.get(path).status == 400)
      }
      #expect(try await parallel.get("/oauth/providers/none/callback?code=x&state=y").status == 404)
      #expect(try await parallel.get("/oauth/providers/fake?request=bm9uZQ").status == 400)
    }
  }

  @Test("of several who come first at once all get the same account", arguments: Engine.available)
  func together(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let app = try await App.register(auth, ["first_party": true])
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<4 {
          group.addTask { try await Self.signIn(auth, fake, as: Self.ann, for: app).status }
        }
        return try await group.reduce(into: [Int]()) { $0.append($1) }
      }
      #expect(statuses.allSatisfy { $0 == 303 }, "\(statuses)")
      #expect(try await auth.database.rows("SELECT 1 FROM linked_identities").count == 1)
    }
  }

  /// What a provider, or whoever stands in its place, does wrong.
  enum Wrong: CaseIterable, Sendable {
    case nonce, issuer, audience, audiences, party, expired, early, old, unsigned, symmetric, forged
    case noSubject, answeredByAnother, namesNobody, refused, broken
  }

  @Test("an answer that is not as it must be signs nobody in, and is told plainly", arguments: Engine.available)
  func wrong(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let app = try await App.register(auth, ["first_party": true])
      for wrong in Wrong.allCases {
        let browser = Browser(auth)
        fake.behave { behaviour in
          behaviour = FakeProvider.Behaviour(key: behaviour.key)
          Self.misbehave(wrong, &behaviour)
        }
        let failures = try await Self.count("login.failed.v1", auth)
        var back = try fake.signIn(try await browser.go(to: "fake", for: app), as: Self.ann)
        if wrong == .answeredByAnother { back = back.replacing("&iss=", with: "&iss=https%3A%2F%2Fevil.example&x=") }
        if wrong == .namesNobody { back = back.replacing("&iss=", with: "&x=") }
        let page = try await browser.get(back)
        #expect(page.status == 400 && page.text.contains("role=\"alert\"") && !browser.hasSession, "\(wrong)")
        #expect(page.text.contains("Fake &amp; Co") && page.text.contains("name=\"password\""), "\(wrong)")
        #expect(try await Self.count("login.failed.v1", auth) == failures + 1, "\(wrong)")
      }
      #expect(try await auth.database.rows("SELECT 1 FROM linked_identities").isEmpty)
      #expect(auth.log.lines.contains { $0.contains("provider.name") && $0.contains("fake") })
      for secret in fake.secrets { #expect(!auth.log.lines.contains { $0.contains(secret) }) }
    }
  }

  @Test(
    "a provider that says something wrong of itself is not believed, and one that is away is waited for a moment",
    arguments: Engine.available,
    [
      ["issuer": "https://evil.example"], ["token_endpoint": "http://192.0.2.1/token"],
      ["jwks_uri": "http://127.0.0.1:1/keys"],
    ])
  func metadata(_ engine: Engine, _ members: [String: String]) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let app = try await App.register(auth, ["first_party": true])
      let browser = Browser(auth)
      fake.behave { $0.metadata = members.mapValues { .string($0) } }
      var page = try await browser.follow(browser.get(app.address()), to: "fake")
      if page.status == 303 {
        #expect(members["jwks_uri"] != nil, "the keys are asked for last")
        page = try await browser.get(try fake.signIn(page.location, as: Self.ann))
      }
      #expect(page.status == 400 && page.text.contains("does not answer now") && !browser.hasSession)
      // Once it is as it should be, it is asked again: the metadata after a moment, the keys' address after an hour.
      fake.behave { $0.metadata = [:] }
      auth.clock.advance(3601)
      #expect(try await Self.signIn(auth, fake, as: Self.ann, for: app).status == 303)
    }
  }

  private static func misbehave(_ wrong: Wrong, _ behaviour: inout FakeProvider.Behaviour) {
    func change(_ name: String, _ value: JSONValue?) {
      behaviour.claims = { claims in
        var claims = claims
        claims[name] = value
        return claims
      }
    }
    func shift(_ name: String, _ seconds: Int64) {
      behaviour.claims = { claims in
        var claims = claims
        if case .integer(let time)? = claims[name] { claims[name] = .integer(time + seconds) }
        return claims
      }
    }
    switch wrong {
    case .nonce: change("nonce", "another")
    case .issuer: change("iss", "https://evil.example")
    case .audience: change("aud", "another client")
    case .audiences: change("aud", .array([.string(FakeProvider.client.id), "another client"]))
    case .party: change("azp", "another client")
    case .expired: shift("exp", -331)
    case .early: shift("iat", 60)
    case .old: shift("iat", -700)
    case .unsigned: behaviour.algorithm = "none"
    case .symmetric: behaviour.algorithm = "HS256"
    case .forged: behaviour.isForged = true
    case .noSubject: change("sub", "")
    case .answeredByAnother, .namesNobody: break
    case .refused: behaviour.tokenStatus = 400
    case .broken: behaviour.tokenStatus = 500
    }
  }

  @Test("a provider that takes another key is understood at once", arguments: Engine.available, ["k1", nil])
  func rotation(_ engine: Engine, _ keyID: String?) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      fake.behave { $0.keyID = keyID }
      let first = try await Self.signIn(auth, fake, as: Self.ann)
      #expect(first.status == 303)
      fake.behave { ($0.key, $0.keyID) = (P256.Signing.PrivateKey(), keyID.map { "\($0)2" }) }
      auth.clock.advance(6)
      #expect(try await Self.signIn(auth, fake, as: Self.ann).status == 303)
    }
  }

  @Test("who said no there is back at the sign-in page", arguments: Engine.available)
  func denied(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let app = try await App.register(auth, ["first_party": true])
      let browser = Browser(auth)
      let away = try await browser.follow(browser.get(app.address()), to: "fake")
      let state = try #require(away.parameter("state"))
      let page = try await browser.get(
        fake.callback([
          ("error", "access_denied"), ("error_description", "%3Cscript%3E"), ("state", state),
          ("iss", FormEncoding.encoded(fake.issuer)),
        ]))
      #expect(page.status == 403 && page.text.contains("did not sign you in") && !page.text.contains("<script"))
      #expect(try await Self.count("login.failed.v1", auth) == 0, "nobody tried anything")
      // The page goes on with what the app asked for.
      try await auth.register("bob@example.org")
      let back = try await browser.post(
        "/oauth/sign-in", Browser.fields(of: page, ["email": "bob@example.org", "password": AuthFixture.password]))
      #expect(back.status == 303 && back.parameter("code") != nil)
    }
  }

  @Test("a second factor is asked for after the provider, too", arguments: Engine.available)
  func secondFactor(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let user = try await auth.enrol("ann@example.org")
      try await auth.database.write { transaction in
        let link = LinkedIdentityRow(
          id: UUID.v7(), accountID: user.id, .init(issuer: fake.issuer, subject: Self.ann.subject), email: nil,
          linkedAt: auth.clock.now)
        _ = try LinkedIdentityStore(transaction).insert(link)
      }
      let app = try await App.register(auth, ["first_party": true])
      let browser = Browser(auth)
      let page = try await Self.signIn(auth, fake, as: Self.ann, browser, for: app, ["acr_values": "aal2"])
      #expect(page.status == 200 && page.text.contains("one-time-code") && !browser.hasSession)
      let start = try #require(page.text.range(of: "name=\"challenge\" value=\""))
      let challenge = String(page.text[start.upperBound...].prefix { $0 != "\"" })
      let back = try await browser.post(
        "/oauth/second-factor",
        Browser.fields(of: page, ["challenge": challenge, "code": user.authenticator.code(at: auth.clock.now)]))
      let tokens = try await app.exchange(auth, #require(back.parameter("code"), "\(back.text)")).value
      let claims = try AuthorizationTests.claims(of: #require(tokens.idToken))
      #expect(claims.amr == ["fed", "otp", "mfa"] && claims.acr == "aal2")
      #expect(claims.sub == user.id.lowercased)
    }
  }

  @Test("a suspended account stays out", arguments: Engine.available)
  func suspended(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      #expect(try await Self.signIn(auth, fake, as: Self.ann).status == 303)
      let id = try #require(try await Self.account("ann@example.org", auth)).id
      let root = try await auth.administrator()
      let path = "/api/v1/auth/accounts/\(id.lowercased)"
      #expect(try await auth.send(AuthAPI.updateAccount, path, ["status": "suspended"], token: root).status == 200)
      let page = try await Self.signIn(auth, fake, as: Self.ann)
      #expect(page.status == 403 && page.text.contains("The account is suspended"))
      #expect(try await auth.recordedEvents("login.failed.v1", about: id).count == 1)
      // Deleted, it is forgotten: who comes then is new.
      #expect(try await auth.send(AuthAPI.updateAccount, path, ["status": "deleted"], token: root).status == 200)
      #expect(try await Self.signIn(auth, fake, as: Self.ann).status == 303)
      #expect(try await Self.account("ann@example.org", auth)?.id != id)
    }
  }

  @Test("a device is let in by somebody who signs in with the provider", arguments: Engine.available)
  func device(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let device = try await Device.begin(auth)
      let browser = Browser(auth)
      let page = try await browser.get("/oauth/device?user_code=\(device.codes.userCode)")
      let away = try await browser.follow(page, to: "fake")
      let there = try await browser.get(try fake.signIn(away.location, as: Self.ann))
      #expect(there.status == 303 && there.location == "/oauth/device?user_code=\(device.codes.userCode)")
      #expect(try await device.decide(browser, device.ask(browser, "ann@example.org"), "allow").status == 200)
      let claims = try AuthorizationTests.claims(of: #require(try await device.poll().value.idToken))
      #expect(claims.amr == ["fed"])
    }
  }

  @Test("a provider that posts is answered as one that does not", arguments: Engine.available)
  func formPost(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine, answersByForm: true) { auth, fake in
      let app = try await App.register(auth, ["first_party": true])
      let browser = Browser(auth)
      let away = try await browser.go(to: "fake", for: app)
      #expect(URLComponents(string: away)?.queryItems?.first { $0.name == "response_mode" }?.value == "form_post")
      let asked = try #require(URLComponents(string: try fake.signIn(away, as: Self.ann)))
      var form = Dictionary((asked.queryItems ?? []).map { ($0.name, $0.value ?? "") }) { first, _ in first }
      form["user"] = "{\"name\":{\"firstName\":\"Ann\"}}"
      // As the provider's page posts it: none of the browser's cookies come along.
      let posted = try await Browser(auth).post(asked.path, form, headers: ["Sec-Fetch-Site": "cross-site"])
      #expect(posted.status == 303 && posted.location.hasPrefix("/oauth/providers/fake/callback?code="))
      #expect(!posted.location.contains("user=") && posted.headers[.setCookie] == nil)
      #expect(try await Browser(auth).get(posted.location).status == 400, "in another browser")
      let back = try await browser.get(posted.location)
      #expect(back.status == 303 && back.parameter("code") != nil && browser.hasSession, "\(back.text)")

      for (fields, status) in [
        ([:], 400), (["code": "x"], 400), (["state": "x", "code": String(repeating: "c", count: 7_000)], 400),
      ] as [([String: String], Int)] {
        #expect(try await browser.post(asked.path, fields).status == status)
      }
      #expect(try await browser.post("/oauth/providers/none/callback", ["state": "x"]).status == 404)
    }
  }

  @Test("whom a client wants to see anew shows the provider who they are", arguments: Engine.available)
  func anew(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let app = try await App.register(auth, ["first_party": true])
      let browser = Browser(auth)
      for (wish, prompt, age) in [
        (["max_age": "60"], nil, "60"), (["prompt": "login"], "login", "0"),
        (["prompt": "login", "max_age": "60"], "login", "0"),
      ] as [([String: String], String?, String)] {
        let away = try await browser.go(
          to: "fake", for: app, wish.merging(["prompt": prompt ?? "select_account"]) { $1 })
        let asked = URLComponents(string: away)?.queryItems ?? []
        #expect(asked.first { $0.name == "prompt" }?.value == prompt ?? "select_account")
        #expect(asked.first { $0.name == "max_age" }?.value == age)
        #expect(asked.first { $0.name == "claims" }?.value == #"{"id_token":{"auth_time":{"essential":true}}}"#)
        // Five minutes at the provider's page, at whose end they show who they are.
        auth.clock.advance(300)
        #expect(try await browser.get(try fake.signIn(away, as: Self.ann)).parameter("code") != nil)
      }
      let plain = try await browser.go(to: "fake", for: app, ["prompt": "select_account"])
      #expect(!plain.contains("max_age") && !plain.contains("claims"))
      for wish in [["max_age": "5", "prompt": "select_account"], ["prompt": "login"]] as [[String: String]] {
        for time in [{ $0 - 100 }, { _ in nil }] as [@Sendable (Int64) -> Int64?] {
          let old = try await browser.go(to: "fake", for: app, wish)
          fake.signIn(at: time)
          let page = try await browser.get(try fake.signIn(old, as: Self.ann))
          #expect(page.status == 403 && page.text.contains("just now"), "it let somebody through: \(page.text)")
        }
      }
    }
  }

  @Test(
    "who signs in with a provider that does not say when decides over nothing until they show who they are",
    arguments: Engine.available)
  func unknownTime(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      fake.signIn { _ in nil }
      let app = try await App.register(auth, ["first_party": true])
      let browser = Browser(auth)
      let back = try await Self.signIn(auth, fake, as: Self.ann, browser, for: app, ["scope": "openid account"])
      let tokens = try await app.exchange(auth, #require(back.parameter("code"))).value
      #expect(try await auth.isAccepted(tokens.accessToken), "they are in")
      #expect(try await auth.service.verifier.verify(tokens.accessToken).authenticatedAt == nil)
      #expect(try AuthorizationTests.claims(of: #require(tokens.idToken)).authTime == nil)
      let id = try await auth.send(AuthAPI.identities, token: tokens.accessToken).value.items[0].id.lowercased
      let unlinked = try await auth.send(
        AuthAPI.unlinkIdentity, "/api/v1/auth/identities/\(id)", token: tokens.accessToken)
      #expect(unlinked.code == "insufficient_user_authentication", "\(unlinked.text)")
      let again = try await browser.get(app.address(["max_age": "600"]))
      #expect(again.text.contains("name=\"password\""), "whoever asks for an age has them sign in again")
      #expect(try await browser.get(app.address(["scope": "openid account"])).status == 303, "nobody else does")
    }
  }

  @Test("a device that asks for a recent sign-in has the provider see them anew", arguments: Engine.available)
  func recentDevice(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let browser = Browser(auth)
      _ = try await Self.signIn(auth, fake, as: Self.ann, browser)
      auth.clock.advance(100)
      let device = try await Device.begin(auth, ["max_age": "60"])
      let page = try await device.ask(browser)
      #expect(page.text.contains("name=\"password\""), "the sign-in is too old: \(page.text)")
      let away = try await browser.follow(page, to: "fake").location
      #expect(away.contains("prompt=login") && away.contains("max_age=0"), "\(away)")
      #expect(try await browser.get(try fake.signIn(away, as: Self.ann)).status == 303)
      #expect(try await device.decide(browser, device.ask(browser), "allow").status == 200)
      #expect(try await device.poll().status == 200)
    }
  }

  @Test("settings by which nobody could come back are refused", arguments: Engine.available)
  func settings(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let provider = try fake.federated("fake", "Fake", auth.log)
      #expect(throws: AuthConfigurationError.self) { try FederatedProviders([provider], issuer: "gravity") }
      #expect(throws: AuthConfigurationError.self) {
        try FederatedProviders([provider, provider], issuer: "https://id.example.org")
      }
      for name in ["", "Fake", "1st", "a/b", String(repeating: "a", count: 33)] {
        #expect(throws: AuthConfigurationError.self) { try fake.federated(name, "Fake", auth.log) }
      }
      #expect(throws: AuthConfigurationError.self) { try fake.federated("fake", "", auth.log) }
    }
  }
}
