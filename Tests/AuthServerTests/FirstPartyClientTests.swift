import AuthAPI
import Foundation
import GravityContracts
import GravityData
import Testbed
import Testing

@testable import AuthServer

/// Who decides over clients that nobody is asked about.
@Suite struct FirstPartyClientTests {
  /// Of somebody who was given the clients, and nothing else.
  private static func integrator(_ auth: AuthFixture) async throws -> String {
    let root = try await auth.administrator()
    _ = try await auth.send(
      AuthAPI.createRole, nil, ["name": "integrator", "permissions": ["clients:write", "clients:read"]], token: root)
    let user = try await auth.newUser("i@example.org")
    _ = try await auth.send(
      AuthAPI.updateAccount, "/api/v1/auth/accounts/\(user.id.lowercased)", ["roles": ["integrator"]], token: root)
    return try await auth.login("i@example.org").value.accessToken
  }

  private static let fields: [String: any Sendable] = [
    "name": "x", "grants": ["authorization_code"], "redirect_uris": ["https://evil.example/cb"],
    "scopes": ["openid", "account"],
  ]

  @Test(
    "only who holds everything makes a client the platform's own, or changes one that is", arguments: Engine.available)
  func everything(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let token = try await Self.integrator(auth)
      let made = try await auth.send(
        AuthAPI.createClient, nil, Self.fields.merging(["first_party": true]) { $1 }, token: token)
      #expect(made.status == 403 && made.code == "exceeds_own_permissions", "\(made.text)")
      let ordinary = try await auth.send(AuthAPI.createClient, nil, Self.fields, token: token)
      #expect(ordinary.status == 201, "one that people are asked about is theirs to make: \(ordinary.text)")
      let own = "/api/v1/auth/clients/\(try ordinary.value.client.id.lowercased)"
      let raised = try await auth.send(AuthAPI.updateClient, own, ["first_party": true], token: token)
      #expect(raised.code == "exceeds_own_permissions")

      let app = try await App.register(auth, ["first_party": true, "scopes": ["openid", "account"]])
      let path = "/api/v1/auth/clients/\(app.id)"
      for change in [
        ["redirect_uris": [App.redirect, "https://evil.example/cb"]], ["first_party": false], ["name": "Y"],
      ] as [[String: Any]] {
        let refused = try await auth.send(AuthAPI.updateClient, path, change, token: token)
        #expect(refused.code == "exceeds_own_permissions", "\(change) \(refused.text)")
      }
      let secret = try await auth.send(AuthAPI.createClientSecret, "\(path)/secrets", token: token)
      #expect(secret.code == "exceeds_own_permissions")
      let client = try await auth.send(AuthAPI.client, path, token: token).value
      let old = "\(path)/secrets/\(try #require(client.secrets.first).id.lowercased)"
      #expect(try await auth.send(AuthAPI.deleteClientSecret, old, token: token).code == "exceeds_own_permissions")
      #expect(try await auth.send(AuthAPI.deleteClient, path, token: token).code == "exceeds_own_permissions")
      let root = try await auth.administrator()
      #expect(try await auth.send(AuthAPI.updateClient, path, ["name": "Y"], token: root).status == 200)
    }
  }

  @Test("a client that gets another address asks anew what people agreed to before", arguments: Engine.available)
  func otherAddress(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let app = try await App.register(auth)
      let browser = Browser(auth)
      _ = try await app.letIn(browser, "a@example.org")
      #expect(try await browser.get(app.address()).status == 303, "it is not asked again")
      let path = "/api/v1/auth/clients/\(app.id)"
      let addresses = [App.redirect, "https://evil.example/cb"]
      let root = try await auth.administrator()
      #expect(
        try await auth.send(AuthAPI.updateClient, path, ["redirect_uris": addresses], token: root).status == 200)
      let page = try await browser.get(app.address(["redirect_uri": "https://evil.example/cb"]))
      #expect(page.status == 200 && page.text.contains("value=\"allow\""), "\(page.text)")
    }
  }
}
