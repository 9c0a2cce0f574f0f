import AuthAPI
import Crypto
import Foundation
import GravityContracts
import GravityData
import GravityPersonalData
import Testbed
import Testing

@testable import AuthServer

/// Adding, renaming and removing passkeys.
@Suite struct PasskeyTests {
  @Test(
    "a passkey is added, listed, renamed and removed; its owner and other services are told",
    arguments: Engine.available)
  func whole(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let (id, tokens) = try await auth.newUser("ann@example.org")
      let token = tokens.accessToken
      #expect(try await auth.send(AuthAPI.passkeys, token: token).value.items.isEmpty)
      let options = try await auth.passkeyOptions(token)
      #expect(options.rp == .init(id: SoftAuthenticator.domain, name: "Gravity"))
      #expect(options.user.name == "ann@example.org" && options.user.displayName == "Somebody")
      let handle = try #require(Data(base64URLEncoded: options.user.id))
      #expect(handle.count == 32 && !options.user.id.contains(id.lowercased))
      #expect(Data(base64URLEncoded: options.challenge)?.count == 32 && options.timeout == 300_000)
      #expect(options.pubKeyCredParams.map(\.alg) == [-7, -8, -257] && options.attestation == "none")
      #expect(options.authenticatorSelection == .init() && options.excludeCredentials.isEmpty)

      var phone = SoftAuthenticator()
      phone.handle = options.user.id
      let made = phone.make(options.challenge) {
        $0.flags |= 0b11000
        $0.transports = ["usb", "Nonsense", "internal", "usb"]
      }
      let reply = try await auth.register(made, name: " My phone ", token)
      #expect(reply.status == 201, "\(reply.text)")
      let passkey = try reply.value
      #expect(passkey.name == "My phone" && passkey.backedUp && passkey.transports == ["internal", "usb"])
      #expect(passkey.createdAt == auth.clock.now && passkey.lastUsedAt == nil)

      let key = try await auth.newPasskey(token).passkey
      #expect(key.name == "Passkey" && !key.backedUp)
      let second = try await auth.passkeyOptions(token)
      #expect(second.user.id == options.user.id && second.challenge != options.challenge)
      #expect(second.excludeCredentials.count == 2)
      #expect(second.excludeCredentials.first?.id == Data(phone.credentialID).base64URLEncodedString())
      let listed = try await auth.send(AuthAPI.passkeys, token: token).value.items
      #expect(listed == [passkey, key])

      let path = "/api/v1/auth/passkeys/\(key.id.lowercased)"
      let renamed = try await auth.send(AuthAPI.renamePasskey, path, ["name": "Key ring"], token: token)
      #expect(renamed.status == 200, "\(renamed.text)")
      #expect(try renamed.value.name == "Key ring")
      #expect(try await auth.send(AuthAPI.renamePasskey, path, ["name": " "], token: token).fields == ["name"])

      let other = try await auth.login("ann@example.org").value
      #expect(try await auth.send(AuthAPI.removePasskey, path, token: token).status == 204)
      #expect(try await auth.send(AuthAPI.removePasskey, path, token: token).status == 404)
      #expect(try await !auth.isAccepted(other.accessToken), "somebody may have opened it with that passkey")
      #expect(try await auth.isAccepted(token))
      #expect(try await auth.recordedEvents("passkey.added.v1", about: id).count == 2)
      let removed = try await auth.recordedEvents("passkey.removed.v1", about: id)
      #expect(removed.count == 1 && removed[0].contains(key.id.lowercased), "\(removed)")
      try await auth.service.mail.deliverDue()
      #expect(auth.mailbox.all.map(\.kind) == [.passkeyAdded, .passkeyAdded, .passkeyRemoved])
      #expect(auth.mailbox.all.allSatisfy { $0.contact != nil && $0.token == nil && $0.account == id })
    }
  }

  @Test("what is not made by this challenge, here, by a verified person, is refused", arguments: Engine.available)
  func faults(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let token = try await auth.newUser("ann@example.org").tokens.accessToken
      let faults: [(PasskeyFault, @Sendable (inout SoftAuthenticator.Use) -> Void)] = [
        (.ceremony, { $0.type = "webauthn.get" }), (.ceremony, { $0.type = "payment.get" }),
        (.origin, { $0.origin = "https://evil.example" }), (.origin, { $0.origin = "http://id.example.org" }),
        (.origin, { $0.origin = "https://id.example.org:8443" }), (.origin, { $0.origin = "https://id.example.org/" }),
        (.origin, { $0.origin = "https://sub.id.example.org" }),
        (.crossOrigin, { $0.more = ["crossOrigin": "true"] }),
        (.crossOrigin, { $0.more = ["topOrigin": "\"https://id.example.org\""] }),
        (.domain, { $0.domain = "example.org" }), (.domain, { $0.domain = "" }),
        (.notPresent, { $0.flags = 0b100 }), (.notVerified, { $0.flags = 0b001 }), (.backup, { $0.flags = 0b10101 }),
        (.challenge, { $0.challenge = Data(repeating: 7, count: 32).base64URLEncodedString() }),
        (.malformed, { $0.challenge = "AAAA" }), (.malformed, { $0.more = ["type": "\"webauthn.create\""] }),
        (.malformed, { $0.statement = [0xA1, 0x61, 0x61, 0x01] }), (.malformed, { $0.statement = [0xF6] }),
        (.malformed, { $0.following = [0] }), (.malformed, { $0.flags = 0b1000_0101 }),
        (.algorithm, { $0.publicKey = [0xA2, 0x01, 0x02, 0x03, 0x38, 0x22] }),
        (.key, { $0.publicKey = [0xA1, 0x01, 0x02] }),
      ]
      for (index, (fault, change)) in faults.enumerated() {
        let challenge = try await auth.passkeyOptions(token).challenge
        let authenticator = SoftAuthenticator()
        let reply = try await auth.register(authenticator.make(challenge, change), token)
        #expect(reply.status == 400 && reply.code == "invalid_passkey", "\(index) \(fault): \(reply.text)")
        #expect(reply.problem?.detail == fault.words, "\(index) \(fault): \(reply.text)")
        // What holds no challenge that can be read uses none up.
        if ![15, 16].contains(index), fault != .challenge {
          let again = try await auth.register(authenticator.make(challenge), token)
          #expect(again.problem?.detail == PasskeyFault.challenge.words, "\(index): a challenge is good for one try")
        }
      }
      #expect(try await auth.send(AuthAPI.passkeys, token: token).value.items.isEmpty)
    }
  }

  @Test("keys that are weak, malformed or hold more than they should are none")
  func keys() throws {
    let authenticator = SoftAuthenticator()
    let good = authenticator.publicKey
    #expect(throws: Never.self) { try CredentialPublicKey(kept: good) }
    func rsa(_ modulus: [UInt8], _ exponent: [UInt8]) -> [UInt8] {
      var key: [UInt8] = [0xA4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20]
      key += SoftAuthenticator.bytes(modulus)
      key.append(0x21)
      key += SoftAuthenticator.bytes(exponent)
      return key
    }
    func edwards(_ x: [UInt8]) -> [UInt8] {
      let head: [UInt8] = [0xA4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21]
      return head + SoftAuthenticator.bytes(x)
    }
    func number(_ size: Int) -> [UInt8] { [UInt8](repeating: 0xC5, count: size) }
    let real = Array(Curve25519.Signing.PrivateKey().publicKey.rawRepresentation)
    #expect(throws: Never.self) { try CredentialPublicKey(kept: rsa(number(256), [1, 0, 1])) }
    #expect(throws: Never.self) { try CredentialPublicKey(kept: edwards(real)) }
    var bad: [[UInt8]] = [[], [0xF6], [0xA0], Array(good.dropLast()), edwards(Array(real.dropLast()))]
    func add(_ change: (inout [UInt8]) -> Void) {
      var key = good
      change(&key)
      bad.append(key)
    }
    // Off the curve, another kind, another curve, a private part beside it.
    add { $0[$0.count - 1] ^= 1 }
    add { $0[2] = 3 }
    add { $0[6] = 2 }
    add {
      $0[0] = 0xA6
      $0 += [0x23, 0x41, 0x01]
    }
    bad += [rsa(number(128), [1, 0, 1]), rsa(number(513), [1, 0, 1]), rsa(number(256), [1]), rsa(number(256), [2])]
    bad += [rsa(number(256), [0, 1, 0, 1]), rsa(number(256), []), rsa([UInt8](repeating: 0, count: 256), [3])]
    for (index, bytes) in bad.enumerated() {
      #expect(throws: PasskeyFault.self, "\(index)") { try CredentialPublicKey(kept: bytes) }
    }
  }

  @Test("a challenge is of one account, one purpose and five minutes", arguments: Engine.available)
  func challenges(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let ann = try await auth.newUser("ann@example.org").tokens.accessToken
      let bob = try await auth.newUser("bob@example.org").tokens.accessToken
      let detail = PasskeyFault.challenge.words
      func refused(_ challenge: String, _ token: String) async throws -> Bool {
        try await auth.register(SoftAuthenticator().make(challenge), token).problem?.detail == detail
      }
      let annas = try await auth.passkeyOptions(ann).challenge
      #expect(try await refused(annas, bob), "another account's")
      let login = try await auth.passkeyChallenge()
      #expect(try await refused(login, ann), "one to log in")
      let mine = SoftAuthenticator()
      let made = mine.make(annas)
      let replies = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<3 {
          let body = try JSONSerialization.data(withJSONObject: made)
          group.addTask {
            let fields = try JSONSerialization.jsonObject(with: body) as? [String: Any]
            return try await auth.register(#require(fields), ann).status
          }
        }
        return try await group.reduce(into: [Int]()) { $0.append($1) }
      }
      #expect(replies.sorted() == [201, 400, 400], "good once, whoever comes at the same moment")

      let late = try await auth.passkeyOptions(ann).challenge
      auth.clock.advance(301)
      #expect(try await refused(late, ann), "too old")
      let before = try await auth.login("ann@example.org").value.accessToken
      let stale = try await auth.passkeyOptions(before).challenge
      #expect(
        try await auth.send(
          AuthAPI.changePassword, nil,
          ["current_password": AuthFixture.password, "new_password": "another horse battery"], token: before
        ).status == 204)
      let after = try await auth.login("ann@example.org", "another horse battery").value.accessToken
      #expect(try await refused(stale, after), "of before the password was changed")
      try await auth.sweep()
      auth.clock.advance(301)
      try await auth.sweep()
      #expect(try await auth.database.rows("SELECT 1 FROM passkey_challenges").isEmpty)
    }
  }

  @Test("a credential is one account's, also where somebody else shows it first", arguments: Engine.available)
  func taken(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let ann = try await auth.newUser("ann@example.org").tokens.accessToken
      let bob = try await auth.newUser("bob@example.org").tokens.accessToken
      let (authenticator, passkey) = try await auth.newPasskey(ann)
      for token in [ann, bob] {
        let challenge = try await auth.passkeyOptions(token).challenge
        let reply = try await auth.register(authenticator.make(challenge), token)
        #expect(reply.status == 409 && reply.code == "passkey_exists", "\(reply.text)")
      }
      let path = "/api/v1/auth/passkeys/\(passkey.id.lowercased)"
      #expect(try await auth.send(AuthAPI.renamePasskey, path, ["name": "Mine"], token: bob).status == 404)
      #expect(try await auth.send(AuthAPI.removePasskey, path, token: bob).status == 404)
      #expect(try await auth.send(AuthAPI.passkeys, token: bob).value.items.isEmpty)
      // As long as the standard has it, and longer.
      let longest = SoftAuthenticator(idSize: 1023)
      #expect(try await auth.register(longest.make(auth.passkeyOptions(bob).challenge), bob).status == 201)
      let longer = SoftAuthenticator(idSize: 1024)
      #expect(try await auth.register(longer.make(auth.passkeyOptions(bob).challenge), bob).status == 400)
    }
  }

  @Test("it takes a recent login of one's own, with the second factor where there is one", arguments: Engine.available)
  func recent(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let tokens = try await auth.newUser("ann@example.org").tokens
      let passkey = try await auth.newPasskey(tokens.accessToken).passkey
      let app = try await App.register(auth)
      let code = try await app.code(auth, "ann@example.org", ["scope": "openid account"])
      let client = try await app.exchange(auth, code).value.accessToken
      let path = "/api/v1/auth/passkeys/\(passkey.id.lowercased)"
      #expect(try await auth.send(AuthAPI.passkeyOptions, token: client).code == "login_required")
      #expect(try await auth.send(AuthAPI.removePasskey, path, token: client).code == "login_required")
      #expect(try await auth.send(AuthAPI.passkeyOptions).status == 401)
      auth.clock.advance(601)
      let old = try await auth.refresh(tokens.refreshToken).value.accessToken
      #expect(try await auth.send(AuthAPI.passkeyOptions, token: old).code == "insufficient_user_authentication")
      #expect(try await auth.send(AuthAPI.removePasskey, path, token: old).code == "insufficient_user_authentication")
      let bob = try await auth.enrol("bob@example.org")
      let weak = try await auth.send(AuthAPI.passkeyOptions, token: bob.tokens.accessToken)
      #expect(weak.status == 401 && weak.code == "insufficient_user_authentication", "\(weak.text)")
      let strong = try await auth.login(bob).accessToken
      #expect(try await auth.send(AuthAPI.passkeyOptions, token: strong).status == 200)
    }
  }

  @Test("twenty are enough for anybody", arguments: Engine.available)
  func bound(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let token = try await auth.newUser("ann@example.org").tokens.accessToken
      let waiting = try await auth.passkeyOptions(token).challenge
      for _ in 0..<20 { _ = try await auth.newPasskey(token) }
      #expect(try await auth.send(AuthAPI.passkeyOptions, token: token).code == "too_many_passkeys")
      let more = try await auth.register(SoftAuthenticator().make(waiting), token)
      #expect(more.status == 409 && more.code == "too_many_passkeys")
    }
  }

  @Test("without a domain there are none, and the answer says what to set", arguments: Engine.available)
  func unavailable(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine, issuer: "http://127.0.0.1:8000") { auth in
      let token = try await auth.newUser("ann@example.org").tokens.accessToken
      for reply in [
        try await auth.send(AuthAPI.passkeyOptions, token: token).problem,
        try await auth.send(AuthAPI.passkeyLoginOptions).problem,
        try await auth.send(AuthAPI.passkeyStepUpOptions, token: token).problem,
      ] {
        let problem = try #require(reply)
        #expect(problem.status == 409 && problem.code == "passkeys_unavailable")
        #expect(
          problem.detail?.contains("GRAVITY_ISSUER") == true && problem.detail?.contains("http://localhost") == true)
      }
      #expect(try await auth.send(AuthAPI.passkeys, token: token).value.items.isEmpty)
    }
  }

  @Test("who is erased leaves no passkey, and a copy of one's data has them", arguments: Engine.available)
  func personalData(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let (id, tokens) = try await auth.newUser("ann@example.org")
      let passkey = try await auth.newPasskey(tokens.accessToken, name: "Phone").passkey
      _ = try await auth.passkeyOptions(tokens.accessToken)
      let holder = auth.service.personalData
      let page = try await holder.items(PersonalDataQuery(userID: id, limit: 50), in: auth.database)
      let item = try #require(page.items.first { $0.kind == "passkey" })
      let text = String(decoding: try WireFormat.makeEncoder().encode(item), as: UTF8.self)
      #expect(text.contains("\"Phone\"") && text.contains(passkey.id.lowercased) && !text.contains("public_key"))
      try await auth.database.write { try holder.erase(id, in: $0) }
      for table in ["passkeys", "passkey_users", "passkey_challenges"] as [SQL] {
        #expect(try await auth.database.rows("SELECT 1 FROM \(table)").isEmpty, "\(table)")
      }
      let receipt = try #require(try await PersonalDataTests.receipts(of: id, auth).first)
      #expect(receipt.erased["passkeys"] == 1 && receipt.isComplete)
    }
  }
}
