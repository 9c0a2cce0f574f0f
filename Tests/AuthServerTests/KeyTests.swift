import AuthAPI
@testable import AuthServer
import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity
import HTTPTypes
import Testbed
import Testing

@Suite struct KeyTests {
  @Test("keys rotate when they are old, and tokens of the old key stay good", arguments: Engine.available)
  func rotation(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { $0.signingKeyLifetime = 7200 }) { auth in
      let user = try await auth.newUser("a@example.org")
      let before = try await auth.send(AuthAPI.keys)
      #expect(before.headers[.cacheControl] == "public, max-age=300")
      let first = try before.value.keys
      #expect(first.count == 2, "active and next")
      auth.clock.advance(7199)
      try await auth.service.keys.maintain()
      let old = try await auth.refresh(user.tokens.refreshToken).value
      auth.clock.advance(1)
      try await auth.service.keys.maintain()
      try await auth.service.keys.maintain()
      let second = try await auth.send(AuthAPI.keys).value.keys
      #expect(second.count == 3 && Set(first).isSubset(of: Set(second)), "retired, active and next")
      let new = try await auth.refresh(old.refreshToken).value
      #expect(Self.keyID(old.accessToken) != Self.keyID(new.accessToken))
      #expect(first.contains { $0.kid == Self.keyID(new.accessToken) }, "published before it signed")
      #expect(try await auth.isAccepted(old.accessToken))
      #expect(try await auth.isAccepted(new.accessToken))
    }
  }

  @Test("a retired key goes when no token of it can live", arguments: Engine.available)
  func retirement(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let token = try await auth.newUser("a@example.org").tokens.accessToken
      try await auth.service.rotateSigningKey()
      #expect(try await auth.isAccepted(token))
      auth.clock.advance(24 * 3600)
      try await auth.service.keys.maintain()
      #expect(try await auth.send(AuthAPI.keys).value.keys.contains { $0.kid == Self.keyID(token) })
      auth.clock.advance(3600)
      try await auth.service.keys.maintain()
      #expect(try await !auth.send(AuthAPI.keys).value.keys.contains { $0.kid == Self.keyID(token) })
    }
  }

  @Test("three instances that start and rotate at once agree on the keys", arguments: Engine.available)
  func instances(_ engine: Engine) async throws {
    try await engine.withDatabase(AuthService.migrations) { database in
      let (clock, mailbox, log, masterKey) = (TestClock(), Mailbox(), RecordedLog(), MasterKey())
      var configuration = AuthConfiguration()
      configuration.passwordCost = 4
      let settings = configuration
      let services = try await withThrowingTaskGroup(of: AuthService.self) { group in
        for _ in 0..<3 {
          group.addTask { try await AuthFixture.instance(database, masterKey, settings, mailbox, clock, log) }
        }
        return try await group.reduce(into: [AuthService]()) { $0.append($1) }
      }
      func active() async throws -> Int {
        try await database.read { try $0.scalar("SELECT count(*) FROM signing_keys WHERE status = 'active'") ?? 0 }
      }
      #expect(try await active() == 1)
      clock.advance(settings.signingKeyLifetime)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for service in services { group.addTask { try await service.keys.maintain() } }
        try await group.waitForAll()
      }
      #expect(try await active() == 1)
      #expect(try await services[0].keys.published().keys.count == 3)
      // A token of one instance is good at another.
      _ = try await services[0].registrations.register(
        Registration(email: "a@example.org", password: AuthFixture.password, name: "A"))
      let device = ClientDevice(address: "192.0.2.1", userAgent: nil)
      let tokens = try await services[0].login.login(
        Credentials(email: "a@example.org", password: AuthFixture.password), from: device)
      let principal = try await services[1].verifier.verify(tokens.accessToken)
      // And a logout at one is known at the other as soon as it follows.
      try await services[0].sessions.logout(principal)
      try await services[1].revocations.follow()
      await #expect(throws: TokenRefusal(.revoked, "revoked")) {
        try await services[1].verifier.verify(tokens.accessToken)
      }
      // Also at one that starts later.
      let late = try await AuthFixture.instance(database, masterKey, settings, mailbox, clock, log)
      await #expect(throws: TokenRefusal(.revoked, "revoked")) { try await late.verifier.verify(tokens.accessToken) }
    }
  }

  @Test("private keys are sealed, and another master key cannot open them", arguments: Engine.available)
  func sealed(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      var configuration = AuthConfiguration()
      configuration.passwordCost = 4
      let other = try await AuthFixture.instance(
        auth.database, MasterKey(), configuration, auth.mailbox, auth.clock, auth.log)
      await #expect(throws: EnvelopeError.unknownKey) { try await other.signer() }
    }
  }

  @Test("the feed of revocations is for services, in order and in pages", arguments: Engine.available)
  func feed(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      _ = try await auth.send(AuthAPI.logout, token: user.tokens.accessToken)
      let root = try await auth.administrator()
      #expect(try await auth.send(AuthAPI.revocations).status == 401)
      #expect(try await auth.send(AuthAPI.revocations, token: root).status == 403, "not even for administrators")
      let service = try await ServiceTokenSigner(
        service: "gateway", masterKey: auth.masterKey, now: { [clock = auth.clock] in clock.now }
      ).token()
      let path = AuthAPI.revocations.path
      let all = try await auth.send(AuthAPI.revocations, path, token: service).value
      #expect(all.items.count == 2 && all.next == 2 && all.complete)
      let decoded = try WireFormat.makeDecoder().decode(
        [Revocation].self, from: WireFormat.makeEncoder().encode(all.items))
      #expect(decoded.count == 2, "the kit's type reads the wire's")
      let rest = try await auth.send(AuthAPI.revocations, "\(path)?after=1", token: service).value
      #expect(rest.items == [all.items[1]])
      #expect(try await auth.send(AuthAPI.revocations, "\(path)?after=2", token: service).value.items.isEmpty)
      #expect(try await auth.send(AuthAPI.revocations, "\(path)?after=-1", token: service).status == 422)
      auth.clock.advance(3 * 86_400)
      try await Maintenance(
        core: auth.service.core, keys: auth.service.keys, revocations: auth.service.revocations, mail: auth.service.mail
      ).sweep()
      let left = try await auth.database.read { try $0.scalar("SELECT count(*) FROM revocations") ?? -1 }
      #expect(left == 0)
      #expect(try await auth.service.revocations.feed(after: 0).next == 2, "numbers are not given out again")
    }
  }

  @Test("what is expired is deleted, what lives stays", arguments: Engine.available)
  func sweep(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      _ = try await auth.login("b@example.org", "wrong password")
      _ = try await auth.send(AuthAPI.recover, nil, ["email": "a@example.org"])
      try await auth.service.mail.deliverDue()
      let maintenance = Maintenance(
        core: auth.service.core, keys: auth.service.keys, revocations: auth.service.revocations, mail: auth.service.mail
      )
      let tables = ["sessions", "login_attempts", "trusted_origins", "one_time_tokens"]
      func counts() async throws -> [Int] {
        try await auth.database.read { transaction in
          try tables.map { try transaction.scalar("SELECT count(*) FROM \(SQL(stringLiteral: $0))") ?? 0 }
        }
      }
      try await maintenance.sweep()
      #expect(try await counts() == [1, 2, 1, 1])
      auth.clock.advance(100 * 86_400)
      try await maintenance.sweep()
      #expect(try await counts() == [0, 0, 0, 0])
      #expect(try await auth.refresh(user.tokens.refreshToken).code == "invalid_grant")
    }
  }

  @Test("every type of the interface can be described")
  func described() {
    #expect(OpenAPI(title: "auth", version: "1", endpoints: AuthAPI.endpoints).unknownTypes == [])
  }

  @Test("settings out of bounds are refused by name")
  func configuration() throws {
    var configuration = AuthConfiguration()
    try configuration.validate()
    configuration.recoveryTokenLifetime = 601
    let error = #expect(throws: AuthConfigurationError.self) { try configuration.validate() }
    #expect(error?.description.contains("recovery token lifetime") == true)
  }

  private static func keyID(_ token: String) -> String {
    let header = Data(base64URLEncoded: token.split(separator: ".")[0]) ?? Data()
    return (try? JSONSerialization.jsonObject(with: header) as? [String: Any])?["kid"] as? String ?? ""
  }
}
