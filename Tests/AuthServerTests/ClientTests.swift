import AuthAPI
import Crypto
import Foundation
import GravityContracts
import GravityData
import Patience
import Testbed
import Testing

@testable import AuthServer

@Suite struct ClientTests {
  @Test("a client's secret is shown once and kept as a digest", arguments: Engine.available)
  func secretOnce(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let administrator = try await auth.administrator()
      let reply = try await auth.send(
        AuthAPI.createClient, nil,
        ["name": "Billing", "grants": ["client_credentials"], "scopes": ["orders:read"]], token: administrator)
      #expect(reply.status == 201)
      let made = try reply.value
      let secret = try #require(made.clientSecret)
      #expect(secret.hasPrefix("gcs_") && secret.utf8.count == 47)
      let path = "/api/v1/auth/clients/\(made.client.id.lowercased)"
      let found = try await auth.send(AuthAPI.client, path, token: administrator)
      #expect(try found.value == made.client && !found.text.contains(secret))
      let list = try await auth.send(AuthAPI.clients, token: administrator)
      #expect(try list.value.items == [made.client] && !list.text.contains(secret))
      let rows = try await auth.database.rows("SELECT hash FROM client_secrets")
      #expect(try rows.map { try $0.get("hash", as: [UInt8].self) } == [Array(SHA256.hash(data: Data(secret.utf8)))])
      #expect(!auth.log.lines.contains { $0.contains(secret) })
    }
  }

  @Test("whoever has no clients:write makes none", arguments: Engine.available)
  func permission(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      let refused = try await auth.send(
        AuthAPI.createClient, nil, ["name": "x", "grants": ["client_credentials"]], token: user.tokens.accessToken)
      #expect(refused.status == 403)
      #expect(try await auth.send(AuthAPI.clients, token: user.tokens.accessToken).status == 403)
    }
  }

  @Test(
    "nobody gives a client more than they hold, or gets at the secret of one that has more", arguments: Engine.available
  )
  func noEscalation(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let root = try await auth.administrator()
      let mighty = try await auth.newClient(["grants": ["client_credentials"], "scopes": ["accounts:write"]])
      _ = try await auth.send(
        AuthAPI.createRole, nil, ["name": "integrator", "permissions": ["clients:write", "clients:read"]], token: root)
      let user = try await auth.newUser("i@example.org")
      _ = try await auth.send(
        AuthAPI.updateAccount, "/api/v1/auth/accounts/\(user.id.lowercased)", ["roles": ["integrator"]], token: root)
      let token = try await auth.login("i@example.org").value.accessToken
      let more = try await auth.send(
        AuthAPI.createClient, nil, ["name": "x", "grants": ["client_credentials"], "scopes": ["accounts:write"]],
        token: token)
      #expect(more.code == "exceeds_own_permissions")
      let path = "/api/v1/auth/clients/\(mighty.client.id.lowercased)"
      #expect(
        try await auth.send(AuthAPI.createClientSecret, "\(path)/secrets", token: token).code
          == "exceeds_own_permissions")
      #expect(
        try await auth.send(AuthAPI.updateClient, path, ["redirect_uris": ["https://evil.example"]], token: token).code
          == "exceeds_own_permissions")
      #expect(try await auth.send(AuthAPI.deleteClient, path, token: token).code == "exceeds_own_permissions")
      #expect(
        try await auth.send(
          AuthAPI.createClient, nil, ["name": "x", "grants": ["client_credentials"], "scopes": ["clients:read"]],
          token: token
        ).status == 201)
    }
  }

  @Test(
    "a client that cannot be is refused with the field",
    arguments: [
      ("{\"grants\":[]}", "grants"),
      ("{\"grants\":[\"client_credentials\"],\"authentication\":\"none\"}", "grants"),
      ("{\"grants\":[\"authorization_code\"]}", "redirect_uris"),
      ("{\"grants\":[\"refresh_token\"]}", "grants"),
      ("{\"grants\":[\"client_credentials\"],\"scopes\":[\"no permission\"]}", "scopes.0"),
      ("{\"grants\":[\"client_credentials\"],\"authentication\":\"private_key_jwt\"}", "keys"),
      (
        "{\"grants\":[\"client_credentials\"],\"authentication\":\"private_key_jwt\",\"keys\":{\"keys\":[{\"kty\":\"EC\"}]}}",
        "keys.keys.0"
      ),
      ("{\"grants\":[\"authorization_code\"],\"redirect_uris\":[\"http://example.org/\"]}", "redirect_uris.0"),
      ("{\"grants\":[\"authorization_code\"],\"redirect_uris\":[\"https://a.example/#x\"]}", "redirect_uris.0"),
      ("{\"grants\":[\"authorization_code\"],\"redirect_uris\":[\"javascript:alert(1)\"]}", "redirect_uris.0"),
      ("{\"grants\":[\"authorization_code\"],\"redirect_uris\":[\"https://u@a.example/\"]}", "redirect_uris.0"),
    ])
  func invalid(_ fields: String, _ field: String) async throws {
    try await AuthFixture.run(on: .sqlite) { auth in
      var object = try #require(try JSONSerialization.jsonObject(with: Data(fields.utf8)) as? [String: Any])
      object["name"] = "A client"
      let refused = try await auth.send(AuthAPI.createClient, nil, object, token: auth.administrator())
      #expect(refused.status == 422 && refused.fields.contains(field), "\(refused.text)")
    }
  }

  @Test("two secrets during a rotation, never three and never none", arguments: Engine.available)
  func rotation(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let root = try await auth.administrator()
      let (id, first) = try await auth.newServer(["orders:read"])
      let secrets = "/api/v1/auth/clients/\(id)/secrets"
      let second = try await auth.send(AuthAPI.createClientSecret, secrets, token: root)
      #expect(second.status == 201)
      #expect(try await auth.send(AuthAPI.createClientSecret, secrets, token: root).code == "too_many_secrets")
      let credentials = ["grant_type": "client_credentials"]
      for secret in [first, try second.value.clientSecret] {
        #expect(try await auth.form(AuthAPI.token, credentials, .basic(id, secret)).status == 200)
      }
      let client = try await auth.send(AuthAPI.client, "/api/v1/auth/clients/\(id)", token: root).value
      #expect(client.secrets.count == 2)
      let oldest = client.secrets[0].id.lowercased
      #expect(try await auth.send(AuthAPI.deleteClientSecret, "\(secrets)/\(oldest)", token: root).status == 204)
      #expect(try await auth.form(AuthAPI.token, credentials, .basic(id, first)).error == "invalid_client")
      #expect(try await auth.form(AuthAPI.token, credentials, .basic(id, second.value.clientSecret)).status == 200)
      let last = client.secrets[1].id.lowercased
      #expect(try await auth.send(AuthAPI.deleteClientSecret, "\(secrets)/\(last)", token: root).code == "last_secret")
      #expect(try await auth.form(AuthAPI.token, credentials, .basic(id, second.value.clientSecret)).status == 200)
      #expect(try await auth.send(AuthAPI.deleteClientSecret, "\(secrets)/\(oldest)", token: root).code == "not_found")
    }
  }

  @Test(
    "a secret that was deleted is refused at once where that was done, and soon by the other instances",
    arguments: Engine.available)
  func deletedElsewhere(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let other = try await AuthFixture.instance(
        auth.database, auth.masterKey, auth.service.core.configuration, auth.mailbox, auth.clock, auth.log)
      let root = try await auth.administrator()
      let (id, secret) = try await auth.newServer(["orders:read"])
      let header = "Basic " + Data("\(id):\(secret)".utf8).base64EncodedString()
      func isTaken(by service: AuthService) async throws -> Bool {
        do {
          return try await !service.introspector.introspect(TokenQuestion(token: "x"), authorization: header).active
        } catch let problem as Problem where problem.code == "invalid_client" { return false }
      }
      #expect(try await isTaken(by: auth.service))
      #expect(try await isTaken(by: other))
      let path = "/api/v1/auth/clients/\(id)"
      _ = try await auth.send(AuthAPI.createClientSecret, "\(path)/secrets", token: root)
      let client = try await auth.send(AuthAPI.client, path, token: root).value
      let oldest = client.secrets[0].id.lowercased
      #expect(try await auth.send(AuthAPI.deleteClientSecret, "\(path)/secrets/\(oldest)", token: root).status == 204)
      #expect(try await !isTaken(by: auth.service))
      try await eventually("the other one reads it again") { try await !isTaken(by: other) }
    }
  }

  @Test(
    "a change goes by If-Match, and a client that is turned off or deleted gets nothing", arguments: Engine.available)
  func life(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let root = try await auth.administrator()
      let (id, secret) = try await auth.newServer(["accounts:read"])
      let path = "/api/v1/auth/clients/\(id)"
      let credentials = ["grant_type": "client_credentials"]
      let token = try await auth.form(AuthAPI.token, credentials, .basic(id, secret)).value.accessToken
      #expect(try await auth.send(AuthAPI.accounts, token: token).status == 200)
      let stale = try await auth.send(
        AuthAPI.updateClient, path, ["name": "Other"], token: root, headers: ["If-Match": "\"v9\""])
      #expect(stale.status == 412)
      let renamed = try await auth.send(AuthAPI.updateClient, path, ["name": "Other"], token: root)
      #expect(try renamed.value.name == "Other" && renamed.value.version == 2)
      #expect(try await auth.send(AuthAPI.accounts, token: token).status == 200, "a name revokes nothing")
      #expect(try await auth.send(AuthAPI.updateClient, path, ["enabled": false], token: root).status == 200)
      #expect(try await auth.send(AuthAPI.accounts, token: token).code == "token_revoked")
      #expect(try await auth.form(AuthAPI.token, credentials, .basic(id, secret)).error == "invalid_client")
      #expect(try await auth.send(AuthAPI.updateClient, path, ["enabled": true], token: root).status == 200)
      let again = try await auth.form(AuthAPI.token, credentials, .basic(id, secret)).value.accessToken
      #expect(try await auth.send(AuthAPI.accounts, token: again).status == 200)
      #expect(try await auth.send(AuthAPI.deleteClient, path, token: root).status == 204)
      #expect(try await auth.send(AuthAPI.accounts, token: again).code == "token_revoked")
      #expect(try await auth.form(AuthAPI.token, credentials, .basic(id, secret)).error == "invalid_client")
      #expect(try await auth.send(AuthAPI.client, path, token: root).status == 404)
    }
  }
}

@Suite struct RedirectURITests {
  @Test(
    "a redirect URI matches as it is, but for the port of a loopback address",
    arguments: [
      ("https://a.example/cb", "https://a.example/cb", true),
      ("https://a.example/cb", "https://a.example/cb/", false),
      ("https://a.example/cb", "https://a.example/cb?x=1", false),
      ("https://a.example/cb", "https://a.example/CB", false),
      ("https://a.example/cb", "https://a.example.evil.org/cb", false),
      ("https://a.example/cb", "https://a.example:444/cb", false),
      ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", true),
      ("http://127.0.0.1:1/cb", "http://127.0.0.1:51004/cb", true),
      ("http://127.0.0.1/cb", "http://127.0.0.1:51004/other", false),
      ("http://127.0.0.1/cb", "http://[::1]:51004/cb", false),
      ("http://[::1]/cb", "http://[::1]:51004/cb", true),
      ("http://localhost:3000/cb", "http://localhost:3001/cb", false),
      ("com.example.app:/cb", "com.example.app:/cb", true),
      ("com.example.app:/cb", "com.example.app:/cb2", false),
    ])
  func matching(_ registered: String, _ given: String, _ matches: Bool) throws {
    let registered = try #require(RedirectURI(registered))
    #expect((RedirectURI(given)?.matches(registered) ?? false) == matches)
  }

  @Test(
    "what two parsers could read differently is no redirect URI",
    arguments: [
      "", "https://", "https:///x", "http://example.org/", "http://127.0.0.1.example.org/", "http://127.0.0.1@evil/",
      "https://a.example\\@evil/", "https://a.example/ x", "https://a.example/#f", "data:text/html,x", "file:///etc",
      "myapp:/cb", "HTTPS://a.example/", "//a.example/", "/cb", "https://ä.example/",
    ])
  func refused(_ text: String) { #expect(RedirectURI(text) == nil) }

  @Test("parameters are added to the query that is there, encoded")
  func adding() throws {
    let plain = try #require(RedirectURI("https://a.example/cb"))
    #expect(plain.adding([("code", "a b&c"), ("state", "é")]) == "https://a.example/cb?code=a%20b%26c&state=%C3%A9")
    let query = try #require(RedirectURI("https://a.example/cb?x=1"))
    #expect(query.adding([("code", "1")]) == "https://a.example/cb?x=1&code=1")
    #expect(plain.source == "https://a.example")
    #expect(RedirectURI("com.example.app:/cb")?.source == "com.example.app:")
    #expect(RedirectURI("http://[::1]:5/cb")?.source == "http://[::1]:5")
  }
}
