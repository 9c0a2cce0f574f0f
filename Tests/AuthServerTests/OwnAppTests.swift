import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import Testbed
import Testing

@testable import AuthServer

/// What decides over an account: for its owner's login and the platform's own apps.
@Suite struct OwnAppTests {
  private static let email = "a@example.org"

  /// Everything that ends sessions or changes how somebody gets in, but what takes a login of one's own alone.
  private static func decide(_ auth: AuthFixture, _ token: String, _ session: String) async throws -> [String: Int] {
    func status<Request, Response>(
      _ endpoint: Endpoint<Request, Response>, _ path: String? = nil, _ fields: [String: Any] = [:]
    ) async throws -> Int {
      let reply = try await auth.send(endpoint, path, fields, token: token)
      if reply.status == 403 { #expect(reply.code == "login_required", "\(reply.text)") }
      return reply.status
    }
    let wanted = ["new_email": "b@example.org", "current_password": AuthFixture.password]
    let same = ["new_password": AuthFixture.password, "current_password": AuthFixture.password]
    return [
      "another address": try await status(AuthAPI.changeEmail, nil, wanted),
      "one session": try await status(AuthAPI.revokeSession, "/api/v1/auth/sessions/\(session)"),
      "the other sessions": try await status(AuthAPI.revokeSessions),
      // Other tokens end by it, so it is asked for last but one.
      "another password": try await status(AuthAPI.changePassword, nil, same),
    ]
  }

  private static func token(_ auth: AuthFixture, firstParty: Bool) async throws -> String {
    let app = try await App.register(auth, ["first_party": firstParty])
    return try await app.exchange(auth, app.code(auth, email, ["scope": "openid account"])).value.accessToken
  }

  @Test("a client with account decides over nobody's password, address and sessions", arguments: Engine.available)
  func client(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let own = try await auth.newUser(Self.email).tokens.accessToken
      let session = try #require(try await auth.service.verifier.verify(own).sessionID)
      let theirs = try await Self.token(auth, firstParty: false)
      let decided = try await Self.decide(auth, theirs, session)
      #expect(decided.count == 4 && decided.values.allSatisfy { $0 == 403 }, "\(decided)")
      #expect(try await auth.send(AuthAPI.logoutEverywhere, token: theirs).code == "login_required")
      #expect(try await auth.isAccepted(own))

      let key = try await auth.send(AuthAPI.createAPIKey, nil, ["name": "k", "scopes": ["account"]], token: own).value
      let signer = try await ServiceTokenSigner(service: "gateway", masterKey: auth.masterKey, now: { auth.clock.now })
      let keyed = try await auth.send(
        AuthAPI.exchangeAPIKey, nil, ["key": key.secret], token: try await signer.token()
      ).value.accessToken
      let byKey = try await Self.decide(auth, keyed, session)
      #expect(byKey.values.allSatisfy { $0 == 403 }, "\(byKey)")
      #expect(try await auth.send(AuthAPI.logoutEverywhere, token: keyed).code == "login_required")
      #expect(try await auth.isAccepted(own))

      #expect(try await auth.send(AuthAPI.logout, token: theirs).status == 204, "it may end what it has itself")
      #expect(try await !auth.isAccepted(theirs))
    }
  }

  @Test("an app of the platform's own decides as its owner's login does", arguments: Engine.available)
  func ownApp(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let own = try await auth.newUser(Self.email).tokens.accessToken
      let session = try #require(try await auth.service.verifier.verify(own).sessionID)
      let app = try await Self.token(auth, firstParty: true)
      let decided = try await Self.decide(auth, app, session)
      #expect(
        decided == [
          "another address": 202, "one session": 204, "the other sessions": 204, "another password": 204,
        ])
      let again = try await Self.token(auth, firstParty: true)
      #expect(try await auth.send(AuthAPI.logoutEverywhere, token: again).status == 204)
      #expect(try await !auth.isAccepted(again))
    }
  }
}
