import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import HTTPTypes
import Testbed
import Testing

@testable import AuthServer

@Suite struct APIKeyTests {
  private static let path = "/api/v1/auth/api-keys"

  private static func create(
    _ auth: AuthFixture, _ token: String, _ fields: [String: Any] = ["scopes": ["account"]]
  ) async throws -> Reply<CreatedAPIKey> {
    var fields = fields
    fields["name"] = fields["name"] ?? "Thermometer"
    return try await auth.send(AuthAPI.createAPIKey, nil, fields, token: token)
  }

  /// As a gateway does it.
  private static func exchange(_ auth: AuthFixture, _ key: String) async throws -> Reply<APIKeyToken> {
    let signer = try await ServiceTokenSigner(service: "gateway", masterKey: auth.masterKey, now: { auth.clock.now })
    return try await auth.send(AuthAPI.exchangeAPIKey, nil, ["key": key], token: try await signer.token())
  }

  @Test("a key is shown once, kept as a digest, and acts for its owner within its scopes", arguments: Engine.available)
  func life(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let root = try await auth.administrator()
      let reply = try await Self.create(auth, root, ["scopes": ["account", "accounts:read"]])
      #expect(reply.status == 201 && reply.headers[.cacheControl] == "no-store")
      let made = try reply.value
      #expect(made.secret.hasPrefix("gk_") && made.key.lastUsedAt == nil)
      let list = try await auth.send(AuthAPI.apiKeys, token: root)
      #expect(try list.value.items == [made.key] && !list.text.contains(made.secret))
      let rows = try await auth.database.rows("SELECT hash FROM api_keys")
      #expect(try rows.map { try $0.get("hash", as: [UInt8].self) } == [APIKeySecret(made.secret)?.hash ?? []])

      let token = try await Self.exchange(auth, made.secret).value
      #expect(token.expiresIn == 900)
      #expect(try await auth.send(AuthAPI.accounts, token: token.accessToken).status == 200)
      #expect(try await auth.send(AuthAPI.roles, token: token.accessToken).status == 403, "not in its scopes")
      #expect(try await auth.isAccepted(token.accessToken))
      #expect(try await Self.create(auth, token.accessToken).code == "login_required", "a key makes no keys")
      #expect(!auth.log.lines.contains { $0.contains(made.secret) })

      #expect(
        try await auth.send(AuthAPI.revokeAPIKey, "\(Self.path)/\(made.key.id.lowercased)", token: root).status == 204)
      #expect(try await !auth.isAccepted(token.accessToken), "its tokens end with it")
      #expect(try await Self.exchange(auth, made.secret).code == "invalid_api_key")
    }
  }

  @Test("a key has no more than its owner, also when the owner has less later", arguments: Engine.available)
  func limits(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      let refused = try await Self.create(auth, user.tokens.accessToken, ["scopes": ["accounts:read"]])
      #expect(refused.code == "exceeds_own_permissions")
      let root = try await auth.administrator()
      _ = try await auth.send(
        AuthAPI.createRole, nil, ["name": "reader", "permissions": ["accounts:read"]], token: root)
      let account = "/api/v1/auth/accounts/\(user.id.lowercased)"
      _ = try await auth.send(AuthAPI.updateAccount, account, ["roles": ["reader"]], token: root)
      let reader = try await auth.login("a@example.org").value.accessToken
      let key = try await Self.create(auth, reader, ["scopes": ["accounts:read"]]).value
      let before = try await Self.exchange(auth, key.secret).value.accessToken
      #expect(try await auth.send(AuthAPI.accounts, token: before).status == 200)
      _ = try await auth.send(AuthAPI.updateAccount, account, ["roles": ["user"]], token: root)
      #expect(try await auth.send(AuthAPI.accounts, token: before).status == 401)
      let after = try await Self.exchange(auth, key.secret).value.accessToken
      #expect(try await auth.send(AuthAPI.accounts, token: after).status == 403)
      _ = try await auth.send(AuthAPI.updateAccount, account, ["status": "suspended"], token: root)
      #expect(try await Self.exchange(auth, key.secret).code == "invalid_api_key")
    }
  }

  @Test("a key that expired, was mistyped or never was is refused alike", arguments: Engine.available)
  func refused(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      let end = WireTime.string(auth.clock.now + 100)
      let key = try await Self.create(auth, user.tokens.accessToken, ["scopes": ["account"], "expires_at": end]).value
      #expect(try await Self.exchange(auth, key.secret).value.expiresIn == 100, "never past the key's own end")
      let invented = APIKeySecret(id: key.key.id, secret: [UInt8](repeating: 7, count: 32)).text
      let unknown = APIKeySecret(id: UUID(), secret: [UInt8](repeating: 7, count: 32)).text
      for wrong in [invented, unknown, String(key.secret.dropLast()) + "_", "gk_", "", "x"] {
        let reply = try await Self.exchange(auth, wrong)
        #expect(reply.status == 401 && reply.code == "invalid_api_key")
      }
      auth.clock.advance(101)
      #expect(try await Self.exchange(auth, key.secret).code == "invalid_api_key")
      let late = try await Self.create(
        auth, user.tokens.accessToken, ["scopes": [], "name": "", "expires_at": end])
      #expect(late.status == 422 && Set(late.fields) == ["scopes", "name", "expires_at"], "\(late.text)")
    }
  }

  @Test("only services exchange keys, and nobody ends another's", arguments: Engine.available)
  func strangers(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let (a, b) = (try await auth.newUser("a@example.org"), try await auth.newUser("b@example.org"))
      let key = try await Self.create(auth, a.tokens.accessToken).value
      let asked = try await auth.send(AuthAPI.exchangeAPIKey, nil, ["key": key.secret], token: a.tokens.accessToken)
      #expect(asked.status == 403)
      let path = "\(Self.path)/\(key.key.id.lowercased)"
      #expect(try await auth.send(AuthAPI.revokeAPIKey, path, token: b.tokens.accessToken).code == "not_found")
      #expect(try await auth.send(AuthAPI.apiKeys, token: b.tokens.accessToken).value.items.isEmpty)
      #expect(try await Self.exchange(auth, key.secret).status == 200)
    }
  }

  @Test("its owner is told by mail of each key that is made", arguments: Engine.available)
  func told(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      let key = try await Self.create(auth, user.tokens.accessToken).value
      while try await auth.service.mail.deliverDue() > 0 {}
      let mail = try #require(auth.mailbox.all.first)
      #expect(auth.mailbox.all.count == 1 && mail.kind == .apiKeyCreated && mail.email == "a@example.org")
      #expect(mail.contact != nil && mail.token == nil && mail.account == user.id)
      #expect(!"\(mail)".contains(key.secret))
    }
  }

  @Test(
    "a recovery by mail ends the keys and their tokens, a change of the password and the end of sessions do not",
    arguments: Engine.available)
  func recovery(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      try await auth.prove(user.id)
      let key = try await Self.create(auth, user.tokens.accessToken).value
      let change = ["current_password": AuthFixture.password, "new_password": "a whole new one"]
      #expect(
        try await auth.send(AuthAPI.changePassword, nil, change, token: user.tokens.accessToken).status == 204)
      let again = try await auth.login("a@example.org", "a whole new one").value.accessToken
      #expect(try await auth.send(AuthAPI.logoutEverywhere, token: again).status == 204)
      let token = try await Self.exchange(auth, key.secret).value.accessToken
      #expect(try await auth.isAccepted(token))

      _ = try await auth.send(AuthAPI.recover, nil, ["email": "a@example.org"])
      let done = try await auth.send(
        AuthAPI.completeRecovery, nil,
        ["token": auth.mailedToken(.recovery), "new_password": "yet another whole one"])
      #expect(done.status == 204, "\(done.text)")
      #expect(try await !auth.isAccepted(token))
      #expect(try await Self.exchange(auth, key.secret).code == "invalid_api_key")
      #expect(try await auth.recordedEvents("api_key.revoked.v1", about: user.id).count == 1)
    }
  }

  @Test("when a key was used is written at most once a minute", arguments: Engine.available)
  func lastUse(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      let key = try await Self.create(auth, user.tokens.accessToken).value
      func lastUsed() async throws -> Date? {
        try await auth.send(AuthAPI.apiKeys, token: user.tokens.accessToken).value.items[0].lastUsedAt
      }
      let first = auth.clock.now
      _ = try await Self.exchange(auth, key.secret)
      auth.clock.advance(59)
      _ = try await Self.exchange(auth, key.secret)
      #expect(try await lastUsed() == first)
      auth.clock.advance(1)
      _ = try await Self.exchange(auth, key.secret)
      #expect(try await lastUsed() == auth.clock.now)
    }
  }
}
