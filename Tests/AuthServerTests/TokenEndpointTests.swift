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

@Suite struct TokenEndpointTests {
  private static let credentials = ["grant_type": "client_credentials"]

  @Test(
    "client credentials give a token that may do what its scope says, and nothing of an account",
    arguments: Engine.available)
  func clientCredentials(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let (id, secret) = try await auth.newServer(["accounts:read", "roles:read"])
      let reply = try await auth.form(
        AuthAPI.token, ["grant_type": "client_credentials", "scope": "accounts:read"], .basic(id, secret))
      #expect(reply.status == 200 && reply.headers[.cacheControl] == "no-store")
      let tokens = try reply.value
      #expect(tokens.tokenType == "Bearer" && tokens.expiresIn == 900 && tokens.scope == "accounts:read")
      #expect(tokens.refreshToken == nil && tokens.idToken == nil)
      #expect(try await auth.send(AuthAPI.accounts, token: tokens.accessToken).status == 200)
      #expect(try await auth.send(AuthAPI.roles, token: tokens.accessToken).status == 403, "not asked for")
      #expect(try await auth.send(AuthAPI.me, token: tokens.accessToken).status == 403, "it is no account")
      let principal = try await auth.service.verifier.verify(tokens.accessToken)
      #expect(principal.subject == id && principal.clientID == id && principal.sessionID == nil)
      let all = try await auth.form(AuthAPI.token, Self.credentials, .basic(id, secret)).value
      #expect(all.scope == "accounts:read roles:read", "all where none is asked for")
    }
  }

  @Test(
    "a client that may call services gets tokens for them, which are told and revoked like others",
    arguments: Engine.available)
  func services(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let root = try await auth.administrator()
      let made = try await auth.newClient(
        ["grants": ["client_credentials"], "scopes": ["services:call", "accounts:read", "roles:read"]], token: root)
      let (id, secret) = (made.client.id.lowercased, try #require(made.clientSecret))
      var fields = Self.credentials
      fields["scope"] = "services:call accounts:read"
      fields["resource"] = ServiceToken.audience
      let token = try await auth.form(AuthAPI.token, fields, .basic(id, secret)).value.accessToken
      let principal = try await auth.service.verifier.verify(token)
      #expect(principal.isService && principal.subject == id && principal.clientID == id)
      #expect(try await auth.send(AuthAPI.revocations, token: token).status == 200, "for services only")
      #expect(try await auth.send(AuthAPI.accounts, token: token).status == 200)
      #expect(try await auth.send(AuthAPI.roles, token: token).status == 403, "not asked for")
      #expect(try await auth.send(AuthAPI.sessions, token: token).status == 403, "it is no account")
      let told = try await auth.form(AuthAPI.introspect, ["token": token], .basic(id, secret)).value
      #expect(told.active && told.aud == ServiceToken.audience && told.clientID == id)

      fields["resource"] = nil
      let usual = try await auth.form(AuthAPI.token, fields, .basic(id, secret)).value.accessToken
      #expect(try await auth.send(AuthAPI.revocations, token: usual).status == 403, "it is behind the gateway")
      fields["resource"] = auth.service.core.configuration.issuer
      #expect(try await auth.form(AuthAPI.token, fields, .basic(id, secret)).status == 200)

      #expect(try await auth.form(AuthAPI.revokeToken, ["token": token], .basic(id, secret)).status == 200)
      #expect(try await auth.send(AuthAPI.revocations, token: token).code == "token_revoked")
      fields["resource"] = ServiceToken.audience
      let next = try await auth.form(AuthAPI.token, fields, .basic(id, secret)).value.accessToken
      #expect(try await auth.send(AuthAPI.revocations, token: next).status == 200)
      let path = AuthAPI.deleteClient.path.replacing("{id}", with: id)
      #expect(try await auth.send(AuthAPI.deleteClient, path, token: root).status == 204)
      #expect(try await auth.send(AuthAPI.revocations, token: next).code == "token_revoked", "with its client")
    }
  }

  @Test("nobody else is given a token for services, and there is no other resource", arguments: Engine.available)
  func targets(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let (id, secret) = try await auth.newServer(["services:call", "accounts:read"])
      let (other, otherSecret) = try await auth.newServer(["accounts:read"])
      func refused(_ changes: [String: String], _ proof: ClientProof) async throws -> (Int, String?) {
        let reply = try await auth.form(AuthAPI.token, Self.credentials.merging(changes) { $1 }, proof)
        return (reply.status, reply.error)
      }
      let services = ["resource": ServiceToken.audience]
      #expect(try await refused(services, .basic(other, otherSecret)) == (400, "invalid_target"))
      let less = services.merging(["scope": "accounts:read"]) { $1 }
      #expect(try await refused(less, .basic(id, secret)) == (400, "invalid_target"), "not in this token's scope")
      #expect(try await refused(["resource": "https://elsewhere"], .basic(id, secret)) == (400, "invalid_target"))
      let app = try await auth.newClient([
        "grants": ["authorization_code"], "scopes": ["openid"], "redirect_uris": ["https://app.example/back"],
      ])
      let code = ["grant_type": "authorization_code", "code": "x", "resource": ServiceToken.audience]
      let proof = ClientProof.basic(app.client.id.lowercased, try #require(app.clientSecret))
      #expect(try await refused(code, proof) == (400, "invalid_target"))
    }
  }

  @Test("whatever is wrong is told as RFC 6749 says", arguments: Engine.available)
  func refusals(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let (id, secret) = try await auth.newServer(["orders:read"])
      func refused(_ fields: [String: String], _ proof: ClientProof) async throws -> (Int, String?) {
        let reply = try await auth.form(AuthAPI.token, fields, proof)
        #expect(reply.headers[.contentType] == "application/json" && reply.headers[.cacheControl] == "no-store")
        return (reply.status, reply.error)
      }
      #expect(try await refused([:], .basic(id, secret)) == (400, "invalid_request"))
      #expect(try await refused(["grant_type": "password"], .basic(id, secret)) == (400, "unsupported_grant_type"))
      #expect(
        try await refused(["grant_type": "authorization_code"], .basic(id, secret)) == (400, "unauthorized_client"))
      let scoped = ["grant_type": "client_credentials", "scope": "orders:write"]
      #expect(try await refused(scoped, .basic(id, secret)) == (400, "invalid_scope"))
      #expect(try await refused(Self.credentials, .nothing) == (401, "invalid_client"))
      #expect(try await refused(Self.credentials, .basic(id, secret + "x")) == (401, "invalid_client"))
      #expect(try await refused(Self.credentials, .basic(UUID().lowercased, secret)) == (401, "invalid_client"))
      #expect(try await refused(Self.credentials, .basic("nobody", secret)) == (401, "invalid_client"))
      #expect(try await refused(Self.credentials, .post(id, secret)) == (401, "invalid_client"), "registered for basic")
      #expect(try await refused(Self.credentials, .identifier(id)) == (401, "invalid_client"))
      let both = ["grant_type": "client_credentials", "client_secret": secret]
      #expect(try await refused(both, .basic(id, secret)) == (400, "invalid_request"))
      let unauthorized = try await auth.form(AuthAPI.token, Self.credentials, .basic(id, "x"))
      #expect(unauthorized.headers[.wwwAuthenticate] == "Basic realm=\"gravity\"")
      let unknown = try await auth.form(AuthAPI.token, Self.credentials, .basic(UUID().lowercased, "x"))
      #expect(unknown.status == 401 && unknown.description == unauthorized.description)
    }
  }

  @Test("a body that is no form, or says a thing twice, is invalid_request")
  func malformed() async throws {
    try await AuthFixture.run(on: .sqlite) { auth in
      let form = "application/x-www-form-urlencoded"
      let twice = try await auth.raw(form, "grant_type=client_credentials&grant_type=password")
      #expect(twice.status == 400 && twice.error == "invalid_request")
      let json = try await auth.raw("application/json", "{}")
      #expect(json.status == 400 && json.error == "invalid_request")
      let large = try await auth.raw(form, "grant_type=" + String(repeating: "x", count: 1 << 21))
      #expect(large.status == 400 && large.error == "invalid_request")
    }
  }

  @Test("client_secret_post is taken in the body only", arguments: Engine.available)
  func post(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let made = try await auth.newClient([
        "grants": ["client_credentials"], "scopes": ["orders:read"], "authentication": "client_secret_post",
      ])
      let (id, secret) = (made.client.id.lowercased, try #require(made.clientSecret))
      #expect(try await auth.form(AuthAPI.token, Self.credentials, .post(id, secret)).status == 200)
      #expect(try await auth.form(AuthAPI.token, Self.credentials, .basic(id, secret)).error == "invalid_client")
    }
  }
}

@Suite struct ClientAssertionTests {
  private static let credentials = ["grant_type": "client_credentials"]

  /// A JWT as a client makes it.
  private static func assertion(
    _ id: String, _ key: P256.Signing.PrivateKey, _ now: Date, audience: Any = "gravity", lifetime: TimeInterval = 60,
    jti: String = UUID().uuidString, subject: String? = nil, header: [String: Any] = [:]
  ) throws -> String {
    var head: [String: Any] = ["alg": "ES256", "typ": "JWT"]
    head.merge(header) { $1 }
    let time = Int(now.timeIntervalSince1970)
    let claims: [String: Any] = [
      "iss": id, "sub": subject ?? id, "aud": audience, "iat": time, "exp": time + Int(lifetime), "jti": jti,
    ]
    func part(_ object: [String: Any]) throws -> String {
      try JSONSerialization.data(withJSONObject: object, options: .sortedKeys).base64URLEncodedString()
    }
    let input = "\(try part(head)).\(try part(claims))"
    return "\(input).\(try key.signature(for: Data(input.utf8)).rawRepresentation.base64URLEncodedString())"
  }

  private static func newClient(_ auth: AuthFixture, _ key: P256.Signing.PrivateKey) async throws -> String {
    let web = JSONWebKey(key.publicKey)
    let keys = ["keys": [["kty": "EC", "crv": "P-256", "x": web.x, "y": web.y, "kid": "k1"]]]
    let made = try await auth.newClient([
      "grants": ["client_credentials"], "scopes": ["orders:read"], "authentication": "private_key_jwt", "keys": keys,
    ])
    #expect(made.clientSecret == nil && made.client.secrets.isEmpty)
    return made.client.id.lowercased
  }

  @Test("an assertion works once, also when it comes many times at once", arguments: Engine.available)
  func once(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let key = P256.Signing.PrivateKey()
      let id = try await Self.newClient(auth, key)
      let text = try Self.assertion(id, key, auth.clock.now, header: ["kid": "k1"])
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<10 {
          group.addTask { try await auth.form(AuthAPI.token, Self.credentials, .assertion(text)).status }
        }
        return try await group.reduce(into: [Int]()) { $0.append($1) }
      }
      #expect(statuses.filter { $0 == 200 }.count == 1 && statuses.filter { $0 == 401 }.count == 9, "\(statuses)")
      let another = try Self.assertion(id, key, auth.clock.now, audience: ["x", "gravity/oauth/token"])
      #expect(try await auth.form(AuthAPI.token, Self.credentials, .assertion(another)).status == 200)
      auth.clock.advance(200)
      try await Maintenance(
        core: auth.service.core, keys: auth.service.keys, revocations: auth.service.revocations, mail: auth.service.mail
      ).sweep()
      #expect(try await auth.database.rows("SELECT 1 FROM client_assertions").isEmpty, "forgotten once it expired")
    }
  }

  @Test(
    "an assertion that is another's, too old, too long, or for somebody else is refused", arguments: Engine.available)
  func refused(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let (key, other, now) = (P256.Signing.PrivateKey(), P256.Signing.PrivateKey(), auth.clock.now)
      let id = try await Self.newClient(auth, key)
      let bad = [
        try Self.assertion(id, other, now), try Self.assertion(id, key, now, lifetime: -60),
        try Self.assertion(id, key, now, lifetime: 3600), try Self.assertion(id, key, now, audience: "elsewhere"),
        try Self.assertion(id, key, now, subject: UUID().lowercased),
        try Self.assertion(id, key, now, header: ["alg": "none"]),
        try Self.assertion(id, key, now, header: ["alg": "HS256"]),
        try Self.assertion(id, key, now, header: ["kid": "k2"]),
        try Self.assertion(id, key, now, header: ["crit": ["x"]]),
        try Self.assertion(UUID().lowercased, key, now), "a.b.c", "",
      ]
      for (index, text) in bad.enumerated() {
        let reply = try await auth.form(AuthAPI.token, Self.credentials, .assertion(text))
        #expect(reply.status == 401 && reply.error == "invalid_client", "\(index): \(reply.text)")
      }
    }
  }

  @Test("the RSA key of RFC 7515 appendix A.2 is taken; one of 1024 bits, or for encryption, is not")
  func rsaKey() {
    let modulus =
      "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
    #expect(AssertionKey(.init(kty: "RSA", n: modulus, e: "AQAB"))?.algorithm == "RS256")
    #expect(AssertionKey(.init(kty: "RSA", n: String(modulus.prefix(171)), e: "AQAB")) == nil, "1024 bits")
    #expect(AssertionKey(.init(kty: "RSA", n: modulus, e: "AQAB", use: "enc")) == nil)
  }
}

@Suite struct IntrospectionTests {
  @Test("a client learns what its own token is worth, and nothing of others", arguments: Engine.available)
  func own(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let (id, secret) = try await auth.newServer(["orders:read"])
      let token = try await auth.form(
        AuthAPI.token, ["grant_type": "client_credentials"], .basic(id, secret)
      ).value.accessToken
      let reply = try await auth.form(AuthAPI.introspect, ["token": token], .basic(id, secret)).value
      #expect(reply.active && reply.clientID == id && reply.sub == id && reply.scope == "orders:read")
      #expect(reply.tokenType == "Bearer" && reply.iss == "gravity" && reply.aud == "gravity")
      #expect(reply.exp == Int64(auth.clock.now.timeIntervalSince1970) + 900)

      let stranger = try await auth.newServer(["orders:read"])
      let hidden = try await auth.form(AuthAPI.introspect, ["token": token], .basic(stranger.id, stranger.secret))
      #expect(hidden.text == "{\"active\":false}")
      let resource = try await auth.newServer(["tokens:introspect"])
      #expect(
        try await auth.form(AuthAPI.introspect, ["token": token], .basic(resource.id, resource.secret)).value.active)
      let user = try await auth.newUser("a@example.org")
      let seen = try await auth.form(
        AuthAPI.introspect, ["token": user.tokens.accessToken], .basic(resource.id, resource.secret)
      ).value
      #expect(seen.active && seen.sub == user.id.lowercased && seen.clientID == nil)
      let refresh = try await auth.form(
        AuthAPI.introspect, ["token": user.tokens.refreshToken, "token_type_hint": "refresh_token"],
        .basic(resource.id, resource.secret)
      ).value
      #expect(refresh.active && refresh.tokenType == "refresh_token" && refresh.sub == user.id.lowercased)
    }
  }

  @Test("what is not good is only inactive, and nobody asks without proof", arguments: Engine.available)
  func inactive(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let (id, secret) = try await auth.newServer(["tokens:introspect"])
      func ask(_ token: String) async throws -> String {
        try await auth.form(AuthAPI.introspect, ["token": token], .basic(id, secret)).text
      }
      let no = "{\"active\":false}"
      let user = try await auth.newUser("a@example.org")
      #expect(try await ask("x") == no)
      #expect(try await ask(String(repeating: "x", count: 20_000)) == no)
      #expect(try await ask(user.tokens.accessToken + "A") == no)
      _ = try await auth.refresh(user.tokens.refreshToken)
      #expect(try await ask(user.tokens.refreshToken) == no, "it has a successor")
      #expect(try await auth.send(AuthAPI.logout, token: user.tokens.accessToken).status == 204)
      #expect(try await ask(user.tokens.accessToken) == no)
      let second = try await auth.login("a@example.org").value.accessToken
      auth.clock.advance(901)
      #expect(try await ask(second) == no, "expired by its own clock")

      #expect(try await auth.form(AuthAPI.introspect, ["token": second]).error == "invalid_client")
      #expect(try await auth.form(AuthAPI.introspect, [:], .basic(id, secret)).error == "invalid_request")
      let app = try await auth.newClient([
        "grants": ["authorization_code"], "authentication": "none", "redirect_uris": ["com.example.app:/cb"],
      ])
      let asked = try await auth.form(AuthAPI.introspect, ["token": second], .identifier(app.client.id.lowercased))
      #expect(asked.status == 401, "a public client proves nothing")
    }
  }

  @Test("a client revokes its own token, and nobody else's", arguments: Engine.available)
  func revocation(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let (id, secret) = try await auth.newServer(["accounts:read"])
      let stranger = try await auth.newServer(["accounts:read"])
      let token = try await auth.form(
        AuthAPI.token, ["grant_type": "client_credentials"], .basic(id, secret)
      ).value.accessToken
      #expect(try await auth.form(AuthAPI.revokeToken, ["token": token]).error == "invalid_client")
      #expect(
        try await auth.form(AuthAPI.revokeToken, ["token": token], .basic(stranger.id, stranger.secret)).error
          == "unauthorized_client")
      #expect(try await auth.send(AuthAPI.accounts, token: token).status == 200)
      #expect(try await auth.form(AuthAPI.revokeToken, ["token": token], .basic(id, "wrong")).error == "invalid_client")
      #expect(try await auth.form(AuthAPI.revokeToken, ["token": token], .basic(id, secret)).status == 200)
      #expect(try await auth.send(AuthAPI.accounts, token: token).code == "token_revoked")
      #expect(try await auth.form(AuthAPI.revokeToken, ["token": "unknown"], .basic(id, secret)).status == 200)
    }
  }

  @Test("the metadata names endpoints that are there")
  func metadata() async throws {
    try await AuthFixture.run(on: .sqlite, { $0.issuer = "https://id.example.org" }) { auth in
      let metadata = try await auth.send(AuthAPI.serverMetadata).value
      #expect(metadata.issuer == "https://id.example.org")
      #expect(metadata.tokenEndpoint == "https://id.example.org/oauth/token")
      #expect(try await auth.send(AuthAPI.openIDConfiguration).value == metadata)
      let paths = Set(AuthAPI.endpoints.map(\.path))
      for address in [
        metadata.tokenEndpoint, metadata.introspectionEndpoint, metadata.revocationEndpoint, metadata.jwksURI,
        metadata.deviceAuthorizationEndpoint,
      ] {
        #expect(paths.contains(String(address.dropFirst("https://id.example.org".count))), "\(address)")
      }
    }
  }
}
