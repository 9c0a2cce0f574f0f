import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Testbed
import Testing

@testable import AuthServer

/// What somebody was let in to and has not exchanged yet, when the owner ends sessions or the client gets less.
@Suite struct UnfinishedTests {
  private static let email = "a@example.org"

  /// A code and a device of a thief, who is signed in to an account.
  private struct Thief: Sendable {
    var app: App
    var code: String
    var device: Device

    static func begin(_ auth: AuthFixture) async throws -> Thief {
      let app = try await App.register(auth)
      let code = try await app.code(auth, email)
      let device = try await Device.begin(auth)
      let browser = Browser(auth)
      #expect(try await device.decide(browser, try await device.ask(browser, email), "allow").status == 200)
      return Thief(app: app, code: code, device: device)
    }

    func expectNothing(_ auth: AuthFixture, after what: String) async throws {
      let exchanged = try await app.exchange(auth, code)
      #expect(exchanged.status == 400 && exchanged.error == "invalid_grant", "\(what): \(exchanged.text)")
      let polled = try await device.poll()
      #expect(polled.status == 400 && polled.error == "invalid_grant", "\(what): \(polled.text)")
    }
  }

  @Test("a code and a device that were let in are of use as long as nothing ends", arguments: Engine.available)
  func nothing(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register(Self.email)
      let thief = try await Thief.begin(auth)
      #expect(try await thief.app.exchange(auth, thief.code).status == 200)
      #expect(try await thief.device.poll().status == 200)
    }
  }

  @Test("whoever ends the other sessions, or one, ends what was let in and not exchanged", arguments: Engine.available)
  func sessions(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let (id, tokens) = try await auth.newUser(Self.email)
      var thief = try await Thief.begin(auth)
      #expect(try await auth.send(AuthAPI.revokeSessions, token: tokens.accessToken).status == 204)
      try await thief.expectNothing(auth, after: "the others")
      #expect(try await auth.isAccepted(tokens.accessToken), "the owner's session goes on")

      let other = try await auth.login(Self.email).value.accessToken
      let session = try #require(try await auth.service.verifier.verify(other).sessionID)
      thief = try await Thief.begin(auth)
      #expect(
        try await auth.send(
          AuthAPI.revokeSession, "/api/v1/auth/sessions/\(session)", token: tokens.accessToken
        ).status == 204)
      try await thief.expectNothing(auth, after: "one")

      let again = try await auth.login(Self.email).value.accessToken
      let theirs = try #require(try await auth.service.verifier.verify(again).sessionID)
      thief = try await Thief.begin(auth)
      let path = "/api/v1/auth/accounts/\(id.lowercased)/sessions/\(theirs)"
      #expect(
        try await auth.send(AuthAPI.revokeAccountSession, path, token: auth.administrator()).status == 204)
      try await thief.expectNothing(auth, after: "one, by an administrator")
    }
  }

  @Test("a second factor that comes or goes ends what was let in before", arguments: Engine.available)
  func secondFactor(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let (id, tokens) = try await auth.newUser(Self.email)
      let thief = try await Thief.begin(auth)
      let user = try await auth.enrol(id, Self.email, tokens)
      try await thief.expectNothing(auth, after: "the factor came")

      let device = try await Device.begin(auth)
      try await auth.database.write { transaction in
        let store = DeviceStore(transaction)
        let row = try #require(try store.find(DeviceStore.hash(device.codes.deviceCode)))
        let account = try #require(try AccountStore(transaction).find(id))
        let approval = DeviceRow.Approval(
          accountID: id, epoch: account.epoch, authentication: .init(methods: ["pwd"], at: auth.clock.now))
        #expect(try store.approve(row.hash, by: approval))
      }
      let access = try await auth.login(user).accessToken
      #expect(try await auth.send(AuthAPI.removeTOTP, token: access).status == 204)
      #expect(try await device.poll().error == "invalid_grant")
    }
  }

  @Test("ways in that were begun end with the sessions", arguments: Engine.available)
  func waysIn(_ engine: Engine) async throws {
    try await FakeProvider.run(on: engine) { auth, _ in
      let (id, tokens) = try await auth.newUser(Self.email)
      let stolen = try await auth.login(Self.email).value.accessToken
      let link = try await auth.send(AuthAPI.linkIdentity, nil, ["provider": "fake"], token: stolen).value
      _ = try await auth.send(AuthAPI.enrolTOTP, token: stolen).value
      #expect(try await auth.send(AuthAPI.revokeSessions, token: tokens.accessToken).status == 204)
      let page = try await Browser(auth).get(String(link.uri.dropFirst("http://id.example.org".count)))
      #expect(page.status == 400, "\(page.text)")
      #expect(try await auth.database.read { try SecondFactorStore($0).find(id) } == nil)
    }
  }

  @Test("a client that gets less gets nothing for what it was let in to before", arguments: Engine.available)
  func lessScope(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register(Self.email)
      let thief = try await Thief.begin(auth)
      let root = try await auth.administrator()
      for (client, scopes) in [
        (thief.app.id, ["openid", "profile", "offline_access", "email"]), (thief.device.id, ["openid", "profile"]),
      ] {
        let path = "/api/v1/auth/clients/\(client)"
        #expect(try await auth.send(AuthAPI.updateClient, path, ["scopes": scopes], token: root).status == 200)
      }
      try await thief.expectNothing(auth, after: "less scope")
    }
  }

  @Test(
    "a session is opened for the client as it is, not as it was when it was let in",
    arguments: Engine.available, ["scopes", "grants", "enabled", "redirects"])
  func currentClient(_ engine: Engine, _ what: String) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register(Self.email)
      let thief = try await Thief.begin(auth)
      // As another instance changes it, of which this one has not heard: nothing else of it ends here.
      try await auth.database.write { transaction in
        let store = ClientStore(transaction)
        for id in [thief.app.id, thief.device.id] {
          let id = try #require(UUID(uuidString: id))
          var row = try #require(try store.find(id))
          switch what {
          case "scopes": row.scopes = ["email"]
          case "grants": row.grants = [.refreshToken]
          case "enabled": row.enabled = false
          default: row.redirectURIs = ["https://other.example/cb"]
          }
          _ = try store.update(row, at: auth.clock.now)
        }
      }
      // What authenticates is kept for a second by this instance, so it is asked past that.
      func current(_ id: String) async throws -> ClientRow {
        let id = try #require(UUID(uuidString: id))
        var row = try #require(try await auth.database.read { try ClientStore($0).find(id) })
        (row.enabled, row.grants) = (true, Client.Grant.allCases)
        return row
      }
      let device = ClientDevice(address: "192.0.2.1", userAgent: nil)
      let codes = CodeExchange(core: auth.service.core, revocations: auth.service.revocations)
      var request = TokenRequest()
      (request.code, request.redirectURI, request.codeVerifier) = (thief.code, App.redirect, thief.app.verifier)
      let client = try await current(thief.app.id)
      let isCodeRefused = await Self.refusal { [request] in _ = try await codes.open(request, for: client, from: device)
      }
      #expect(isCodeRefused)
      guard what != "redirects" else { return }
      var poll = TokenRequest()
      poll.deviceCode = thief.device.codes.deviceCode
      let television = try await current(thief.device.id)
      let devices = auth.service.deviceGrant
      let isDeviceRefused = await Self.refusal { [poll] in
        _ = try await devices.open(poll, for: television, from: device)
      }
      #expect(isDeviceRefused)
    }
  }

  /// Whether it is refused as what is good no more.
  private static func refusal(of body: @Sendable () async throws -> Void) async -> Bool {
    do { try await body() } catch { return (error as? Problem)?.code == "invalid_grant" }
    return false
  }
}
