import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import GravityPersonalData
import HTTPTypes
import Testbed
import Testing

@testable import AuthServer

/// What people do with the providers of their own accounts.
@Suite struct LinkedIdentityTests {
  private static let ann = FakeProvider.Person(subject: "ann-1", email: "ann@elsewhere.example", isVerified: false)

  /// Opens the address of a link, and goes on to the provider.
  private static func open(
    _ link: IdentityLink, _ browser: Browser, _ fake: FakeProvider, as person: FakeProvider.Person
  ) async throws -> Browser.Answer {
    let page = try await browser.get(String(link.uri.dropFirst("http://id.example.org".count)))
    #expect(page.status == 200 && page.text.contains("ann@example.org"), "\(page.text)")
    let away = try await browser.follow(page, to: "fake")
    #expect(away.status == 303, "\(away.text)")
    return try await browser.get(try fake.signIn(away.location, as: person))
  }

  private static func list(_ auth: AuthFixture, _ token: String) async throws -> LinkedIdentityList {
    try await auth.send(AuthAPI.identities, token: token).value
  }

  private static func link(_ auth: AuthFixture, _ token: String) async throws -> Reply<IdentityLink> {
    try await auth.send(AuthAPI.linkIdentity, nil, ["provider": "fake"], token: token)
  }

  private static func unlink(_ auth: AuthFixture, _ id: UUID, _ token: String) async throws -> Reply<Empty> {
    try await auth.send(AuthAPI.unlinkIdentity, "/api/v1/auth/identities/\(id.lowercased)", token: token)
  }

  @Test("somebody connects a provider, signs in with it, and disconnects it", arguments: Engine.available)
  func whole(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let (id, tokens) = try await auth.newUser("ann@example.org")
      let before = try await Self.list(auth, tokens.accessToken)
      #expect(before.items.isEmpty && before.providers == [SignInProvider(name: "fake", displayName: "Fake & Co")])
      let reply = try await Self.link(auth, tokens.accessToken)
      #expect(reply.status == 201 && reply.headers[.cacheControl] == "no-store")
      let link = try reply.value
      #expect(link.expiresIn == 600)
      let browser = Browser(auth)
      let done = try await Self.open(link, browser, fake, as: Self.ann)
      #expect(done.status == 200 && done.text.contains("is connected") && !browser.hasSession)
      #expect(
        try await browser.get(String(link.uri.dropFirst("http://id.example.org".count))).status == 400, "it works once")
      let told = try await auth.send(AuthAPI.identities, token: tokens.accessToken)
      let item = try #require(try told.value.items.first)
      #expect(told.text.contains("\"\(item.id.lowercased)\""), "in small letters, as all ids")
      #expect(item.provider == "fake" && item.email == "ann@elsewhere.example" && item.lastUsedAt == nil)
      #expect(try await auth.recordedEvents("identity.linked.v1", about: id).count == 1)
      try await auth.service.mail.deliverDue()
      #expect(auth.mailbox.all.map(\.kind) == [.identityLinked])

      // An unproved address is no matter by now: the person is known.
      #expect(try await FederationTests.signIn(auth, fake, as: Self.ann).status == 303)
      #expect(try await Self.list(auth, tokens.accessToken).items.first?.lastUsedAt != nil)
      #expect(try await Self.link(auth, tokens.accessToken).code == "already_linked")

      let (_, bob) = try await auth.newUser("bob@example.org")
      #expect(try await Self.unlink(auth, item.id, bob.accessToken).status == 404)
      #expect(try await Self.unlink(auth, item.id, tokens.accessToken).status == 204)
      #expect(try await auth.recordedEvents("identity.unlinked.v1", about: id).count == 1)
      #expect(try await FederationTests.signIn(auth, fake, as: Self.ann).status == 403)
    }
  }

  @Test("the last way in stays, until there is another", arguments: Engine.available)
  func lastWayIn(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let app = try await App.register(auth, ["first_party": true])
      let person = FakeProvider.Person(subject: "1", email: "ann@example.org")
      let back = try await FederationTests.signIn(auth, fake, as: person, for: app, ["scope": "openid account"])
      let token = try await app.exchange(auth, #require(back.parameter("code"))).value.accessToken
      let item = try #require(try await Self.list(auth, token).items.first)
      #expect(try await Self.unlink(auth, item.id, token).code == "last_way_in")
      auth.clock.advance(601)
      let stale = try await Self.unlink(auth, item.id, token)
      #expect(stale.code == "insufficient_user_authentication" && stale.text.contains("Sign in again"))
      #expect(stale.problem?.extensions["methods"] == .array([]), "there is nothing to step up by")
      auth.clock.advance(-601)
      // Another one, of a provider that is not there any more, lets nobody in.
      try await auth.database.write { transaction in
        let account = try #require(try AccountStore(transaction).find(email: "ann@example.org"))
        let link = LinkedIdentityRow(
          id: UUID.v7(), accountID: account.id, .init(issuer: "https://gone.example", subject: "1"), email: nil,
          linkedAt: auth.clock.now)
        _ = try LinkedIdentityStore(transaction).insert(link)
      }
      #expect(try await Self.unlink(auth, item.id, token).status == 409)
      _ = try await auth.send(AuthAPI.recover, nil, ["email": "ann@example.org"])
      try await auth.service.mail.deliverDue()
      let mailed = try #require(auth.mailbox.all.last?.token)
      #expect(
        try await auth.send(
          AuthAPI.completeRecovery, nil, ["token": mailed, "new_password": AuthFixture.password]
        ).status == 204)
      let own = try await auth.login("ann@example.org").value
      #expect(try await Self.unlink(auth, item.id, own.accessToken).status == 204)
    }
  }

  @Test(
    "a link is its owner's: not a client's, not after ten minutes, a new password, or in secret",
    arguments: Engine.available)
  func bound(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let (_, tokens) = try await auth.newUser("ann@example.org")
      let app = try await App.register(auth)
      let code = try await app.code(auth, "ann@example.org", ["scope": "openid account"])
      let theirs = try await app.exchange(auth, code).value.accessToken
      #expect(try await Self.link(auth, theirs).code == "login_required")
      #expect(
        try await auth.send(AuthAPI.linkIdentity, nil, ["provider": "none"], token: tokens.accessToken).status == 404)

      // Whoever is led past the page that names the account gets nowhere, and neither does another site's page.
      let link = try await Self.link(auth, tokens.accessToken).value
      let path = String(link.uri.dropFirst("http://id.example.org".count))
      let ticket = try #require(path.split(separator: "=").last)
      #expect(try await Browser(auth).get("/oauth/providers/fake?ticket=\(ticket)").status == 403)
      let browser = Browser(auth)
      let page = try await browser.get(path)
      let start = try #require(page.text.range(of: "href=\"/oauth/providers/fake?"))
      let next = String(page.text[start.lowerBound...].dropFirst(6).prefix { $0 != "\"" }).replacing("&amp;", with: "&")
      #expect(try await browser.get(next, headers: ["Sec-Fetch-Site": "cross-site"]).status == 403)

      auth.clock.advance(601)
      #expect(try await browser.get(path).status == 400)
      #expect(try await Self.link(auth, tokens.accessToken).code == "insufficient_user_authentication")

      let again = try await auth.login("ann@example.org").value
      let second = try await Self.link(auth, again.accessToken).value
      let changed = try await auth.send(
        AuthAPI.changePassword, nil,
        ["current_password": AuthFixture.password, "new_password": "another horse battery"], token: again.accessToken)
      #expect(changed.status == 204)
      #expect(try await browser.get(String(second.uri.dropFirst("http://id.example.org".count))).status == 400)
    }
  }

  @Test("a person of a provider belongs to one account", arguments: Engine.available)
  func taken(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      #expect(
        try await FederationTests.signIn(
          auth, fake, as: FakeProvider.Person(subject: "ann-1", email: "first@example.org")
        ).status == 303)
      let (_, tokens) = try await auth.newUser("ann@example.org")
      let link = try await Self.link(auth, tokens.accessToken).value
      let page = try await Self.open(link, Browser(auth), fake, as: Self.ann)
      #expect(page.status == 409 && page.text.contains("connected with another account here"))
      #expect(try await Self.list(auth, tokens.accessToken).items.isEmpty)
    }
  }

  @Test("whoever proves an address by mail leaves nothing of who opened the account", arguments: Engine.available)
  func recovery(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      let (_, tokens) = try await auth.newUser("ann@example.org")
      let link = try await Self.link(auth, tokens.accessToken).value
      let mallory = FakeProvider.Person(subject: "mallory", email: "m@example.org", isVerified: false)
      #expect(try await Self.open(link, Browser(auth), fake, as: mallory).status == 200)
      _ = try await auth.send(AuthAPI.recover, nil, ["email": "ann@example.org"])
      try await auth.service.mail.deliverDue()
      let mailed = try #require(auth.mailbox.all.compactMap(\.token).last)
      #expect(
        try await auth.send(
          AuthAPI.completeRecovery, nil, ["token": mailed, "new_password": "another horse battery"]
        ).status == 204)
      #expect(try await FederationTests.signIn(auth, fake, as: mallory).status == 403)
    }
  }

  @Test("what is known of somebody's providers goes with them, and is told to them", arguments: Engine.available)
  func personalData(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, fake in
      #expect(
        try await FederationTests.signIn(
          auth, fake, as: FakeProvider.Person(subject: "ann-1", email: "ann@example.org")
        ).status == 303)
      let id = try #require(try await auth.database.read { try AccountStore($0).find(email: "ann@example.org") }).id
      let holder = auth.service.personalData
      let items = try await holder.items(PersonalDataQuery(userID: id, limit: 100), in: auth.database).items
      let kept = try #require(items.first { $0.kind == "linked_identity" })
      let text = String(decoding: try WireFormat.makeEncoder().encode(kept), as: UTF8.self)
      #expect(text.contains("ann-1") && text.contains("ann@example.org"))
      try await auth.database.write { try holder.erase(id, in: $0) }
      let receipt = try #require(try await PersonalDataTests.receipts(of: id, auth).first)
      #expect(receipt.erased["linked_identities"] == 1 && receipt.isComplete)
      #expect(try await auth.database.rows("SELECT 1 FROM linked_identities").isEmpty)
    }
  }
}
