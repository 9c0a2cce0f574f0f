import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Testbed
import Testing

@testable import AuthServer

/// Somebody opens an account with another's address, leaves themselves ways in, and waits for its owner to come.
@Suite struct PreHijackingTests {
  private static let email = "ann@example.org"
  private static let password = "a whole new one"

  /// What Mallory has of an account that nobody proved.
  private struct Planted: Sendable {
    var user: Enrolled
    var app: App
    /// Of the app, which they let in.
    var grant: TokenReply
    /// Through the challenge to the password, not through that to the code.
    var challenge: String
    var key: String
  }

  private static func plant(_ auth: AuthFixture) async throws -> Planted {
    let (id, tokens) = try await auth.newUser(email)
    let app = try await App.register(auth)
    let grant = try await app.exchange(auth, app.code(auth, email, ["scope": "openid offline_access account"])).value
    let made = try await auth.send(
      AuthAPI.createAPIKey, nil, ["name": "trap", "scopes": ["account"]], token: tokens.accessToken
    ).value
    try await auth.database.write { transaction in
      let row = LinkedIdentityRow(
        id: UUID.v7(), accountID: id, .init(issuer: "https://other.example", subject: "mallory"), email: nil,
        linkedAt: auth.clock.now)
      _ = try LinkedIdentityStore(transaction).insert(row)
    }
    let user = try await auth.enrol(id, email, tokens)
    return Planted(
      user: user, app: app, grant: grant, challenge: try await auth.challenge(email), key: made.secret)
  }

  /// How many rows of each kind the account has.
  private static func left(_ id: UUID, _ auth: AuthFixture) async throws -> [String: Int] {
    try await auth.database.read { transaction in
      var found: [String: Int] = [:]
      let tables: [(String, SQL)] = [
        ("factors", "totp_factors"), ("recovery codes", "recovery_codes"), ("keys", "api_keys"),
        ("links", "linked_identities"), ("consents", "consents"), ("challenges", "second_factor_challenges"),
        ("tokens", "one_time_tokens"), ("visits", "provider_visits"),
      ]
      for (name, table) in tables {
        found[name] = try transaction.scalar(
          "SELECT count(*) FROM \(table) WHERE account_id = \(id)", as: Int.self)
      }
      found["sessions"] = try SessionStore(transaction).countOpen(of: id, now: auth.clock.now)
      return found.filter { $0.value > 0 }
    }
  }

  private static func expectNothing(
    of planted: Planted, told address: String = email, _ auth: AuthFixture
  ) async throws {
    #expect(try await left(planted.user.id, auth).isEmpty)
    #expect(try await !auth.isAccepted(planted.user.tokens.accessToken))
    #expect(try await auth.refresh(planted.user.tokens.refreshToken).code == "invalid_grant")
    let refreshed = try await auth.form(
      AuthAPI.token, ["grant_type": "refresh_token", "refresh_token": #require(planted.grant.refreshToken)],
      planted.app.proof)
    #expect(refreshed.error == "invalid_grant")
    let signer = try await ServiceTokenSigner(service: "gateway", masterKey: auth.masterKey, now: { auth.clock.now })
    let exchanged = try await auth.send(
      AuthAPI.exchangeAPIKey, nil, ["key": planted.key], token: try await signer.token())
    #expect(exchanged.code == "invalid_api_key")
    let code = planted.user.authenticator.code(at: auth.clock.now)
    #expect(try await auth.complete(planted.challenge, code).code == "invalid_challenge")
    #expect(try await auth.recordedEvents("mfa.removed.v1", about: planted.user.id).count == 1)
    while try await auth.service.mail.deliverDue() > 0 {}
    let told = auth.mailbox.all.filter { $0.kind == .secondFactorRemoved }
    #expect(told.map(\.email) == [address] && told.allSatisfy { $0.contact != nil && $0.token == nil })
  }

  private static func recover(_ auth: AuthFixture, _ email: String = email) async throws {
    _ = try await auth.send(AuthAPI.recover, nil, ["email": email])
    let reply = try await auth.send(
      AuthAPI.completeRecovery, nil, ["token": auth.mailedToken(.recovery), "new_password": password])
    #expect(reply.status == 204, "\(reply.text)")
  }

  private static func mailedProof(_ auth: AuthFixture) async throws -> String {
    _ = try await auth.send(AuthAPI.resendVerification, nil, ["email": email])
    return try await auth.mailedToken(.verification)
  }

  @Test(
    "who recovers an account that nobody had proved has it alone, and their own second factor stays theirs",
    arguments: Engine.available)
  func recovery(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let planted = try await Self.plant(auth)
      try await Self.recover(auth)
      try await Self.expectNothing(of: planted, auth)
      #expect(try await auth.login(Self.email).status == 401)
      let tokens = try await auth.login(Self.email, Self.password).value
      let me = try await auth.send(AuthAPI.me, token: tokens.accessToken).value
      #expect(me.isEmailVerified == true && me.roles == ["user"])

      // The address is proved by now, so a mailbox alone is no way past a factor.
      _ = try await auth.enrol(planted.user.id, Self.email, tokens)
      try await Self.recover(auth)
      #expect(try await auth.login(Self.email, Self.password).code == "mfa_required")
      #expect(try await auth.recordedEvents("mfa.removed.v1", about: planted.user.id).count == 1)
    }
  }

  @Test(
    "who proves an address without being signed in has the account without what was left there",
    arguments: Engine.available)
  func verification(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let planted = try await Self.plant(auth)
      let other = try await auth.newUser("bob@example.org").tokens.accessToken
      let token = try await Self.mailedProof(auth)
      // Somebody else's sign-in is none to this account.
      #expect(try await auth.send(AuthAPI.verify, nil, ["token": token], token: other).status == 204)
      try await Self.expectNothing(of: planted, auth)
      let tokens = try await auth.login(Self.email)
      #expect(tokens.status == 200, "the password stays: \(tokens.text)")
      #expect(try await auth.recordedEvents("user.verified.v1", about: planted.user.id).count == 1)
    }
  }

  @Test(
    "who proves the address of the account that they are signed in to keeps it as it is", arguments: Engine.available)
  func ownVerification(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await Self.plant(auth).user
      let before = try await Self.left(user.id, auth)
      let token = try await Self.mailedProof(auth)
      let stale = try await auth.send(AuthAPI.verify, nil, ["token": token], token: "stale")
      #expect(stale.status == 401 && stale.code == "unauthenticated", "nothing ends by a token that is too old")
      #expect(
        try await auth.send(AuthAPI.verify, nil, ["token": token], token: user.tokens.accessToken).status == 204)
      #expect(try await Self.left(user.id, auth) == before)
      #expect(try await auth.isAccepted(user.tokens.accessToken))
      #expect(try await auth.login(Self.email).code == "mfa_required")
      try await Self.recover(auth)
      #expect(try await auth.login(Self.email, Self.password).code == "mfa_required")
    }
  }

  @Test(
    "who proves another address of an account that nobody had proved has it without what was left there",
    arguments: Engine.available)
  func emailChange(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let planted = try await Self.plant(auth)
      let mallory = try await auth.login(planted.user).accessToken
      let asked = try await auth.send(
        AuthAPI.changeEmail, nil, ["new_email": "victim@example.org", "current_password": AuthFixture.password],
        token: mallory)
      #expect(asked.status == 202, "\(asked.text)")
      let token = try await auth.mailedToken(.emailChange)
      let stale = try await auth.send(AuthAPI.confirmEmail, nil, ["token": token], token: "stale")
      #expect(stale.status == 401 && stale.code == "unauthenticated", "nothing ends by a token that is too old")
      #expect(try await auth.send(AuthAPI.confirmEmail, nil, ["token": token]).status == 204)
      try await Self.expectNothing(of: planted, told: "victim@example.org", auth)
      #expect(try await !auth.isAccepted(mallory))
      let tokens = try await auth.login("victim@example.org")
      #expect(tokens.status == 200, "the password stays: \(tokens.text)")
      #expect(try await auth.send(AuthAPI.me, token: tokens.value.accessToken).value.isEmailVerified == true)
    }
  }

  @Test("who proves another address while signed in to the account keeps it as it is", arguments: Engine.available)
  func ownEmailChange(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await Self.plant(auth).user
      let access = try await auth.login(user).accessToken
      let before = try await Self.left(user.id, auth)
      _ = try await auth.send(
        AuthAPI.changeEmail, nil, ["new_email": "new@example.org", "current_password": AuthFixture.password],
        token: access)
      let token = try await auth.mailedToken(.emailChange)
      #expect(try await auth.send(AuthAPI.confirmEmail, nil, ["token": token], token: access).status == 204)
      #expect(try await Self.left(user.id, auth) == before)
      #expect(try await auth.isAccepted(access))
      #expect(try await auth.login("new@example.org").code == "mfa_required")
    }
  }

  @Test("a mailbox alone does not open what an administrator's second factor guards", arguments: Engine.available)
  func administrator(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let tokens = try await auth.login("root@example.org").value
      let id = try await auth.send(AuthAPI.me, token: tokens.accessToken).value.id
      let root = try await auth.enrol(id, "root@example.org", tokens)
      try await Self.recover(auth, root.email)
      #expect(try await auth.login(root.email, Self.password).code == "mfa_required")
      #expect(try await auth.refresh(tokens.refreshToken).status == 401)
    }
  }

  @Test("a request that was let in before the account changed hands plants nothing after", arguments: Engine.available)
  func late(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let (id, tokens) = try await auth.newUser(Self.email)
      // As a request whose body takes its time.
      let principal = try await auth.service.verifier.verify(tokens.accessToken)
      try await Self.recover(auth)
      for plant in [
        { _ = try await auth.service.apiKeys.create(NewAPIKey(name: "trap", scopes: ["account"]), by: principal) },
        { _ = try await auth.service.secondFactors.enrol(principal) },
        {
          let (code, device) = (OneTimeCode(code: "000000"), ClientDevice(address: "192.0.2.1", userAgent: nil))
          _ = try await auth.service.secondFactors.confirm(code, by: principal, from: device)
        },
      ] as [@Sendable () async throws -> Void] {
        let problem = await #expect(throws: Problem.self) { try await plant() }
        #expect(problem?.code == "token_revoked")
      }
      #expect(try await Self.left(id, auth).isEmpty)
    }
  }

  @Test(
    "a second factor that was begun before a recovery, or before its session ended, is not turned on after",
    arguments: Engine.available, [true, false])
  func lateFactor(_ engine: Engine, _ isRecovered: Bool) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let (id, tokens) = try await auth.newUser(Self.email)
      try await auth.prove(id)
      let stolen = try await auth.login(Self.email).value
      let enrolment = try await auth.send(AuthAPI.enrolTOTP, token: stolen.accessToken).value
      let planted = try #require(try await auth.database.read { try SecondFactorStore($0).find(id) })
      // As a request whose body takes its time.
      let principal = try await auth.service.verifier.verify(stolen.accessToken)
      if isRecovered {
        try await Self.recover(auth)
      } else {
        #expect(try await auth.send(AuthAPI.revokeSessions, token: tokens.accessToken).status == 204)
      }
      #expect(try await auth.database.read { try SecondFactorStore($0).find(id) } == nil, "it does not wait any more")
      // Nor would it if it did.
      let isPlanted = try await auth.database.write { try SecondFactorStore($0).put(planted) }
      #expect(isPlanted)
      let code = OneTimeCode(code: try Authenticator(enrolment.secret).code(at: auth.clock.now))
      let problem = await #expect(throws: Problem.self) {
        _ = try await auth.service.secondFactors.confirm(
          code, by: principal, from: ClientDevice(address: "192.0.2.1", userAgent: nil))
      }
      #expect(problem?.code == "token_revoked")
      #expect(try await auth.database.read { try SecondFactorStore($0).isEnrolled(id) } == false)
      let key = await #expect(throws: Problem.self) {
        _ = try await auth.service.apiKeys.create(NewAPIKey(name: "trap", scopes: ["account"]), by: principal)
      }
      #expect(key?.code == "token_revoked")
    }
  }

  @Test(
    "who had the address of the first administrator before leaves nothing in the account", arguments: Engine.available)
  func firstAdministrator(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, administrator: false) { auth in
      let user = try await auth.enrol(Self.email)
      try await auth.database.write { transaction in
        try APIKeyStore(transaction).insert(
          APIKeyRow(
            id: UUID.v7(), accountID: user.id, name: "trap", hash: [1], scopes: ["*:*"], createdAt: auth.clock.now,
            expiresAt: nil))
      }
      _ = try await auth.service.bootstrapAdministrator(email: Self.email, password: Self.password)
      #expect(try await Self.left(user.id, auth).isEmpty)
      #expect(try await auth.login(Self.email, Self.password).status == 200)
    }
  }
}
