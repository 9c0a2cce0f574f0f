import AuthAPI
import Crypto
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import HTTPTypes
import Testbed
import Testing

@testable import AuthServer

/// Signing in with passkeys at the interface for programs, and proving again who one is.
@Suite struct PasskeySignInTests {
  @Test("a passkey signs in without an address and a password, and counts as two factors", arguments: Engine.available)
  func whole(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let (id, tokens) = try await auth.newUser("ann@example.org")
      let (phone, _) = try await auth.newPasskey(tokens.accessToken) { $0.flags |= 0b01000 }
      let options = try await auth.send(AuthAPI.passkeyLoginOptions).value
      #expect(options.rpId == SoftAuthenticator.domain && options.allowCredentials.isEmpty)
      #expect(options.userVerification == "required" && options.timeout == 300_000)
      auth.clock.advance(60)
      let reply = try await auth.login(
        passkey: phone.sign(options.challenge) {
          $0.flags |= 0b11000
          $0.count = 7
        })
      #expect(reply.status == 200 && reply.headers[.cacheControl] == "no-store", "\(reply.text)")
      let principal = try await auth.service.verifier.verify(reply.value.accessToken)
      #expect(principal.subject == id.lowercased && principal.methods == ["pop", "user", "mfa"])
      #expect(principal.assurance == "aal2" && principal.authenticatedAt == auth.clock.now.wholeSecond)
      #expect(try await auth.refresh(reply.value.refreshToken).status == 200)
      let used = try await auth.send(AuthAPI.passkeys, token: tokens.accessToken).value.items
      #expect(used.first?.lastUsedAt == auth.clock.now && used.first?.backedUp == true)
      let again = try await auth.login(passkey: phone.sign(options.challenge) { $0.count = 8 })
      #expect(again.status == 401 && again.code == "invalid_passkey", "the challenge is used up")
      #expect(try await auth.recordedEvents("login.succeeded.v1", about: id).count == 2)
    }
  }

  @Test("who has a second factor needs no code after a passkey", arguments: Engine.available)
  func enrolled(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let ann = try await auth.enrol("ann@example.org")
      let (phone, _) = try await auth.newPasskey(try await auth.login(ann).accessToken)
      let tokens = try await auth.login(phone).value
      #expect(try await auth.send(AuthAPI.renewRecoveryCodes, token: tokens.accessToken).status == 201)
      #expect(try await auth.login("ann@example.org").code == "mfa_required", "the password still does")
    }
  }

  @Test("what was not signed by the passkey, here, for this, is refused in one way", arguments: Engine.available)
  func faults(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine, { $0.backOff.accountAllowance = 100 }) { auth in
      let (id, tokens) = try await auth.newUser("ann@example.org")
      let (phone, _) = try await auth.newPasskey(tokens.accessToken)
      let bobs = try await auth.newPasskey(auth.newUser("bob@example.org").tokens.accessToken).authenticator
      let faults: [@Sendable (inout SoftAuthenticator.Use) -> Void] = [
        { $0.type = "webauthn.create" }, { $0.origin = "https://evil.example" },
        { $0.origin = "http://id.example.org" },
        { $0.more = ["crossOrigin": "true"] }, { $0.more = ["topOrigin": "\"https://evil.example\""] },
        { $0.domain = "evil.example" }, { $0.flags = 0b100 }, { $0.flags = 0b001 }, { $0.flags = 0b10101 },
        // It said that it is never backed up.
        { $0.flags = 0b01101 }, { $0.flags = 0b11101 }, { $0.following = [0xA0] },
      ]
      var answers: Set<String> = []
      for (index, change) in faults.enumerated() {
        let challenge = try await auth.passkeyChallenge()
        let reply = try await auth.login(passkey: phone.sign(challenge, change))
        #expect(reply.status == 401 && reply.code == "invalid_passkey", "\(index): \(reply.text)")
        answers.insert([reply.problem?.title, reply.problem?.detail].compactMap { $0 }.joined(separator: "/"))
        #expect(try await auth.login(passkey: phone.sign(challenge)).status == 401, "\(index): it is used up")
      }
      func refused(_ why: String, _ credential: [String: Any]) async throws {
        let reply = try await auth.login(passkey: credential)
        #expect(reply.status == 401 && reply.code == "invalid_passkey", "\(why): \(reply.text)")
        answers.insert([reply.problem?.title, reply.problem?.detail].compactMap { $0 }.joined(separator: "/"))
      }
      try await refused("unknown", SoftAuthenticator().sign(auth.passkeyChallenge(), handle: phone.handle))
      try await refused("no handle", nameless(phone).sign(auth.passkeyChallenge()))
      try await refused("another's handle", phone.sign(auth.passkeyChallenge(), handle: bobs.handle))
      try await refused("another key", phone.sign(auth.passkeyChallenge(), by: bobs.key))
      let made = try await auth.passkeyOptions(tokens.accessToken).challenge
      try await refused("a challenge to add one", phone.sign(made))
      let stepUp = try await auth.send(AuthAPI.passkeyStepUpOptions, token: tokens.accessToken).value.challenge
      try await refused("a challenge to step up", phone.sign(stepUp))
      try await refused("no challenge of ours", phone.sign(Data(repeating: 1, count: 32).base64URLEncodedString()))
      let late = try await auth.passkeyChallenge()
      auth.clock.advance(301)
      try await refused("too late", phone.sign(late))
      #expect(answers.count == 1, "\(answers)")
      #expect(try await auth.recordedEvents("login.failed.v1", about: id).count >= faults.count)
      #expect(try await auth.login(phone).status == 200, "nothing of that hurt it")
    }
  }

  private func nameless(_ authenticator: SoftAuthenticator) -> SoftAuthenticator {
    var copy = authenticator
    copy.handle = nil
    return copy
  }

  @Test("whatever else comes is refused, and breaks nothing", arguments: Engine.available)
  func malformed(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let token = try await auth.newUser("ann@example.org").tokens.accessToken
      let (phone, _) = try await auth.newPasskey(token)
      let good = try phone.sign(try await auth.passkeyChallenge())
      let values: [Any] = [
        "", "!", "A", "AA", String(repeating: "A", count: 100_000), "=", "+/+/", 1, NSNull(), [1], [String: Any](),
      ]
      for name in ["clientDataJSON", "authenticatorData", "signature", "userHandle"] {
        for value in values {
          var credential = good
          var response = try #require(credential["response"] as? [String: Any])
          response[name] = value
          credential["response"] = response
          let status = try await auth.login(passkey: credential).status
          #expect([401, 422, 429].contains(status), "\(name) \(value): \(status)")
        }
      }
      for (name, value) in [("id", "AA"), ("id", ""), ("type", "password"), ("response", NSNull())] as [(String, Any)] {
        var credential = good
        credential[name] = value
        let status = try await auth.login(passkey: credential, address: "198.51.100.9").status
        #expect([401, 422, 429].contains(status), "\(name) \(value): \(status)")
      }
      let made = phone.make(try await auth.passkeyOptions(token).challenge)
      for name in ["clientDataJSON", "attestationObject"] {
        for value in values {
          var credential = made
          var response = try #require(credential["response"] as? [String: Any])
          response[name] = value
          credential["response"] = response
          #expect([400, 422].contains(try await auth.register(credential, token).status), "\(name) \(value)")
        }
      }
    }
  }

  @Test("a counter that goes back is refused and told; one that never counts is fine", arguments: Engine.available)
  func counter(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let (id, tokens) = try await auth.newUser("ann@example.org")
      let (key, passkey) = try await auth.newPasskey(tokens.accessToken) { $0.count = 5 }
      #expect(try await auth.login(key) { $0.count = 6 }.status == 200)
      for count in [6, 5, 0] as [UInt32] {
        let reply = try await auth.login(key) { $0.count = count }
        #expect(reply.status == 401 && reply.code == "invalid_passkey", "\(count): \(reply.text)")
      }
      let told = try await auth.recordedEvents("passkey.clone_suspected.v1", about: id)
      #expect(told.count == 3 && told.allSatisfy { $0.contains(passkey.id.lowercased) })
      #expect(try await auth.login(key) { $0.count = .max }.status == 200)
      let (phone, _) = try await auth.newPasskey(tokens.accessToken)
      for _ in 0..<2 { #expect(try await auth.login(phone).status == 200) }
    }
  }

  @Test("of two sign-ins with one counter at once, one is let in", arguments: Engine.available)
  func race(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let (key, _) = try await auth.newPasskey(auth.newUser("ann@example.org").tokens.accessToken)
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<4 { group.addTask { try await auth.login(key) { $0.count = 1 }.status } }
        return try await group.reduce(into: [Int]()) { $0.append($1) }
      }
      #expect(statuses.sorted() == [200, 401, 401, 401], "\(statuses)")
    }
  }

  @Test("who is suspended, deleted or whose passkey was removed stays out", arguments: Engine.available)
  func stopped(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let (id, tokens) = try await auth.newUser("ann@example.org")
      let (phone, _) = try await auth.newPasskey(tokens.accessToken)
      let (key, removed) = try await auth.newPasskey(tokens.accessToken)
      let path = "/api/v1/auth/passkeys/\(removed.id.lowercased)"
      #expect(try await auth.send(AuthAPI.removePasskey, path, token: tokens.accessToken).status == 204)
      #expect(try await auth.login(key).status == 401)
      let root = try await auth.administrator()
      let account = "/api/v1/auth/accounts/\(id.lowercased)"
      func become(_ status: String) async throws {
        let reply = try await auth.send(AuthAPI.updateAccount, account, ["status": status], token: root)
        #expect(reply.status == 200, "\(reply.text)")
      }
      try await become("suspended")
      let reply = try await auth.login(phone)
      #expect(reply.status == 403 && reply.code == "account_suspended", "\(reply.text)")
      try await become("active")
      #expect(try await auth.login(phone).status == 200)
      try await become("deleted")
      #expect(try await auth.login(phone).status == 401)
      #expect(try await auth.database.rows("SELECT 1 FROM passkeys").isEmpty)
    }
  }

  @Test("failures slow down who fails, and nobody else", arguments: Engine.available)
  func guessing(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let tokens = try await auth.newUser("ann@example.org").tokens
      let (phone, _) = try await auth.newPasskey(tokens.accessToken)
      let thief = P256.Signing.PrivateKey()
      #expect(try await auth.login(phone).status == 200, "here its owner signed in before")
      var codes: [String] = []
      for _ in 0..<7 {
        let forged = try phone.sign(try await auth.passkeyChallenge(), by: thief)
        codes.append(try await auth.login(passkey: forged, address: "203.0.113.5").code ?? "")
      }
      #expect(codes.first == "invalid_passkey" && codes.last == "too_many_attempts", "\(codes)")
      #expect(try await auth.login(phone).status == 200, "from where they did before")
      #expect(
        try await auth.login("ann@example.org", address: "203.0.113.5").status == 200, "the password counts apart")
    }
  }

  @Test("a passkey is a step-up, for its owner only", arguments: Engine.available)
  func stepUp(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let ann = try await auth.newUser("ann@example.org").tokens
      let bob = try await auth.newUser("bob@example.org").tokens
      #expect(try await auth.send(AuthAPI.passkeyStepUpOptions, token: ann.accessToken).code == "no_passkey")
      let (phone, _) = try await auth.newPasskey(ann.accessToken)
      let (other, _) = try await auth.newPasskey(bob.accessToken)
      auth.clock.advance(601)
      let stale = try await auth.send(
        AuthAPI.createAPIKey, nil, ["name": "k", "scopes": ["account"]], token: ann.accessToken)
      #expect(stale.code == "insufficient_user_authentication" && stale.problem?.detail?.contains("a passkey") == true)
      let methods = JSONValue.array([.string("password"), .string("passkey")])
      #expect(stale.problem?.extensions["methods"] == methods)
      let removal = try await auth.send(AuthAPI.passkeyOptions, token: ann.accessToken)
      #expect(
        removal.problem?.extensions["methods"] == methods && removal.problem?.extensions["max_age"] == .integer(600))
      func challenge() async throws -> String {
        let options = try await auth.send(AuthAPI.passkeyStepUpOptions, token: ann.accessToken).value
        #expect(options.allowCredentials.map(\.id) == [Data(phone.credentialID).base64URLEncodedString()])
        return options.challenge
      }
      func stepUp(_ credential: [String: Any], _ token: String) async throws -> Reply<SteppedUp> {
        try await auth.send(AuthAPI.stepUp, nil, ["passkey": credential], token: token)
      }
      #expect(try await stepUp(other.sign(challenge()), ann.accessToken).code == "invalid_passkey")
      #expect(try await stepUp(phone.sign(challenge()), bob.accessToken).code == "invalid_passkey")
      #expect(try await stepUp(phone.sign(auth.passkeyChallenge()), ann.accessToken).code == "invalid_passkey")
      let reply = try await stepUp(phone.sign(challenge()), ann.accessToken)
      #expect(reply.status == 200 && reply.headers[.cacheControl] == "no-store", "\(reply.text)")
      let stepped = try reply.value.accessToken
      let principal = try await auth.service.verifier.verify(stepped)
      #expect(principal.methods == ["pwd", "pop", "user", "mfa"] && principal.assurance == "aal2")
      let made = try await auth.send(AuthAPI.createAPIKey, nil, ["name": "k", "scopes": ["account"]], token: stepped)
      #expect(made.status == 201, "\(made.text)")
    }
  }

  @Test("who has no password keeps the last passkey; an administrator takes all away", arguments: Engine.available)
  func lastWayIn(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let (id, tokens) = try await auth.newUser("ann@example.org")
      let (phone, passkey) = try await auth.newPasskey(tokens.accessToken)
      _ = try await auth.database.write { try $0.execute("UPDATE accounts SET password_hash = NULL WHERE id = \(id)") }
      let token = try await auth.login(phone).value.accessToken
      let path = "/api/v1/auth/passkeys/\(passkey.id.lowercased)"
      #expect(try await auth.send(AuthAPI.removePasskey, path, token: token).code == "last_way_in")
      let root = try await auth.administrator()
      let account = "/api/v1/auth/accounts/\(id.lowercased)"
      #expect(try await auth.send(AuthAPI.accountSecurity, "\(account)/security", token: root).value.passkeys == 1)
      let factor = "\(account)/second-factor"
      #expect(try await auth.send(AuthAPI.resetSecondFactor, factor, token: root).status == 204)
      #expect(try await auth.send(AuthAPI.resetSecondFactor, factor, token: root).code == "not_enrolled")
      #expect(try await auth.login(phone).status == 401)
      #expect(try await !auth.isAccepted(token))
      let removed = try await auth.recordedEvents("passkey.removed.v1", about: id)
      #expect(removed.count == 1 && removed[0].contains(passkey.id.lowercased))
      try await auth.service.mail.deliverDue()
      #expect(auth.mailbox.all.map(\.kind) == [.passkeyAdded, .passkeyRemoved])
    }
  }

  @Test("who comes by the mail of an address that nobody proved finds no passkey there", arguments: Engine.available)
  func recovery(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let token = try await auth.newUser("ann@example.org").tokens.accessToken
      let (phone, _) = try await auth.newPasskey(token)
      func recover(_ password: String) async throws {
        #expect(try await auth.send(AuthAPI.recover, nil, ["email": "ann@example.org"]).status == 202)
        try await auth.service.mail.deliverDue()
        let mailed = try #require(auth.mailbox.all.last { $0.kind == .recovery }?.token)
        let fields = ["token": mailed, "new_password": password]
        #expect(try await auth.send(AuthAPI.completeRecovery, nil, fields).status == 204)
      }
      try await recover("another horse battery")
      #expect(try await auth.login(phone).status == 401)
      let again = try await auth.login("ann@example.org", "another horse battery").value.accessToken
      let (own, _) = try await auth.newPasskey(again)
      try await recover("a third horse battery")
      #expect(try await auth.login(own).status == 200, "the address is proved by now")
    }
  }
}

extension Date {
  /// As tokens have it.
  fileprivate var wholeSecond: Date { Date(timeIntervalSince1970: timeIntervalSince1970.rounded(.down)) }
}
