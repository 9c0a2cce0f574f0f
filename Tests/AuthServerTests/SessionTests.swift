import AuthAPI
@testable import AuthServer
import Foundation
import GravityContracts
import GravityIdentity
import HTTPTypes
import Testbed
import Testing

@Suite struct SessionTests {
  @Test("a login gives tokens of the declared shape, which no cache keeps", arguments: Engine.available)
  func login(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let reply = try await auth.login("a@example.org")
      let tokens = try reply.value
      #expect(reply.status == 200 && tokens.tokenType == "Bearer" && tokens.expiresIn == 900)
      #expect(tokens.refreshToken.hasPrefix("grt_") && tokens.refreshExpiresIn == 30 * 86_400)
      #expect(reply.headers[.cacheControl] == "no-store")
      let principal = try await auth.service.verifier.verify(tokens.accessToken)
      #expect(principal.roles == ["user"] && principal.methods == ["pwd"] && principal.sessionID != nil)
    }
  }

  @Test("a wrong password and an unknown address get the same answer", arguments: Engine.available)
  func wrong(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let known = try await auth.login("a@example.org", "not the password")
      for email in ["nobody@example.org", "no address", ""] {
        let unknown = try await auth.login(email, "not the password")
        #expect(unknown.status == 401 && unknown.code == "invalid_credentials")
        #expect(unknown.problem?.title == known.problem?.title && unknown.problem?.detail == known.problem?.detail)
        #expect(unknown.headers.map(\.name) == known.headers.map(\.name))
      }
      #expect(try await auth.login("a@example.org", String(repeating: "x", count: 100_000)).status == 401)
    }
  }

  @Test("a refresh gives a successor, and the chain goes on", arguments: Engine.available)
  func refreshes(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      var tokens = try await auth.newUser("a@example.org").tokens
      for _ in 0..<5 {
        auth.clock.advance(3600)
        let next = try await auth.refresh(tokens.refreshToken).value
        #expect(next.refreshToken != tokens.refreshToken && next.accessToken != tokens.accessToken)
        #expect(try await auth.isAccepted(next.accessToken))
        tokens = next
      }
    }
  }

  @Test("a retry within ten seconds gets the same successor, later reuse ends the family", arguments: Engine.available)
  func reuse(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let first = try await auth.newUser("a@example.org").tokens
      let second = try await auth.refresh(first.refreshToken).value
      auth.clock.advance(10)
      #expect(try await auth.refresh(first.refreshToken).value.refreshToken == second.refreshToken)
      auth.clock.advance(0.001)
      let reused = try await auth.refresh(first.refreshToken)
      #expect(reused.status == 401 && reused.code == "invalid_grant")
      #expect(try await auth.refresh(second.refreshToken).code == "invalid_grant", "the family has ended")
      #expect(try await !auth.isAccepted(second.accessToken), "its access tokens too")
      #expect(try await auth.login("a@example.org").status == 200, "the account has not")
    }
  }

  @Test("a token older than the last one ends the family at once", arguments: Engine.available)
  func olderReuse(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let first = try await auth.newUser("a@example.org").tokens
      let second = try await auth.refresh(first.refreshToken).value
      let third = try await auth.refresh(second.refreshToken).value
      #expect(try await auth.refresh(first.refreshToken).code == "invalid_grant")
      #expect(try await auth.refresh(third.refreshToken).code == "invalid_grant")
    }
  }

  @Test("fifty concurrent refreshes of one token all get one successor", arguments: Engine.available)
  func concurrent(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let tokens = try await auth.newUser("a@example.org").tokens
      let successors = try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<50 { group.addTask { try await auth.refresh(tokens.refreshToken).value.refreshToken } }
        return try await group.reduce(into: [String]()) { $0.append($1) }
      }
      #expect(successors.count == 50 && Set(successors).count == 1)
      #expect(try await auth.refresh(successors[0]).status == 200)
    }
  }

  @Test("concurrent reuse of an old token ends the family once, whoever comes first", arguments: Engine.available)
  func concurrentReuse(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let first = try await auth.newUser("a@example.org").tokens
      let second = try await auth.refresh(first.refreshToken).value
      auth.clock.advance(11)
      await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<20 {
          let token = number.isMultiple(of: 2) ? first.refreshToken : second.refreshToken
          group.addTask { _ = try await auth.refresh(token) }
        }
      }
      #expect(try await auth.refresh(second.refreshToken).code == "invalid_grant")
      #expect(try await auth.service.revocations.feed(after: 0).revocations.count == 1)
    }
  }

  @Test("a forged, cut or foreign refresh token is refused and ends nothing", arguments: Engine.available)
  func forged(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let tokens = try await auth.newUser("a@example.org").tokens
      let real = try #require(RefreshToken(tokens.refreshToken, masterKey: auth.masterKey))
      let foreign = RefreshToken(session: real.session, counter: 0, masterKey: MasterKey()).text
      let future = RefreshToken(session: UUID(), counter: 7, masterKey: auth.masterKey).text
      for token in [
        foreign, future, "", "grt_", String(tokens.refreshToken.dropLast()), tokens.refreshToken + "A",
        tokens.accessToken,
      ] {
        #expect(try await auth.refresh(token).code == "invalid_grant")
      }
      #expect(try await auth.refresh(tokens.refreshToken).status == 200)
    }
  }

  @Test("a session ends when it is not used, and in any case after its time", arguments: Engine.available)
  func expiry(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine, { ($0.sessionIdleLifetime, $0.sessionLifetime) = (86_400, 3 * 86_400) }) {
      auth in
      let idle = try await auth.newUser("idle@example.org").tokens
      var used = try await auth.newUser("used@example.org").tokens
      for _ in 0..<3 {
        auth.clock.advance(86_399)
        used = try await auth.refresh(used.refreshToken).value
      }
      #expect(used.refreshExpiresIn == 3)
      #expect(used.expiresIn == 3, "an access token does not outlive its session")
      #expect(try await auth.refresh(idle.refreshToken).code == "invalid_grant")
      auth.clock.advance(3)
      #expect(try await auth.refresh(used.refreshToken).code == "invalid_grant")
    }
  }

  @Test("after logout neither the access nor the refresh token works", arguments: Engine.available)
  func logout(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let tokens = try await auth.newUser("a@example.org").tokens
      let other = try await auth.login("a@example.org").value
      #expect(try await auth.send(AuthAPI.logout, token: tokens.accessToken).status == 204)
      #expect(try await auth.send(AuthAPI.me, token: tokens.accessToken).code == "token_revoked")
      #expect(try await auth.refresh(tokens.refreshToken).code == "invalid_grant")
      #expect(try await auth.isAccepted(other.accessToken), "the other device goes on")
      #expect(try await auth.send(AuthAPI.logoutEverywhere, token: other.accessToken).status == 204)
      #expect(try await !auth.isAccepted(other.accessToken))
      #expect(try await auth.refresh(other.refreshToken).code == "invalid_grant")
      #expect(try await auth.isAccepted(auth.login("a@example.org").value.accessToken))
    }
  }

  @Test("fifty log out at once and all are out", arguments: Engine.available)
  func concurrentLogout(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      var tokens: [String] = []
      for _ in 0..<50 { tokens.append(try await auth.login("a@example.org").value.accessToken) }
      try await withThrowingTaskGroup(of: Int.self) { group in
        for token in tokens { group.addTask { try await auth.send(AuthAPI.logout, token: token).status } }
        for try await status in group { #expect(status == 204) }
      }
      for token in tokens { #expect(try await !auth.isAccepted(token)) }
      #expect(try await auth.service.revocations.feed(after: 0).revocations.count == 100)
    }
  }

  @Test("sessions are listed with device and address, and end one by one or all but this", arguments: Engine.available)
  func list(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let mine = try await auth.newUser("a@example.org").tokens
      auth.clock.advance(60)
      let phone = try await auth.login("a@example.org", address: "198.51.100.7").value
      let stranger = try await auth.newUser("b@example.org").tokens
      let page = try await auth.send(AuthAPI.sessions, token: mine.accessToken).value
      #expect(page.items.count == 2 && page.items.filter(\.current).count == 1)
      let second = try #require(page.items.first { !$0.current })
      #expect(second.userAgent == "test-device/1.0" && second.address == "198.51.100.7")
      #expect(second.lastSeenAt == auth.clock.now.roundedToMicroseconds)
      let one = try await auth.send(AuthAPI.sessions, "/api/v1/auth/sessions?limit=1", token: mine.accessToken).value
      let cursor = try #require(one.nextCursor)
      let rest = try await auth.send(
        AuthAPI.sessions, "/api/v1/auth/sessions?limit=1&cursor=\(cursor)", token: mine.accessToken
      ).value
      #expect((one.items + rest.items).map(\.id) == page.items.map(\.id) && rest.nextCursor == nil)

      let path = "/api/v1/auth/sessions/\(second.id)"
      #expect(try await auth.send(AuthAPI.revokeSession, path, token: stranger.accessToken).status == 404)
      #expect(try await auth.isAccepted(phone.accessToken))
      #expect(try await auth.send(AuthAPI.revokeSession, path, token: mine.accessToken).status == 204)
      #expect(try await !auth.isAccepted(phone.accessToken))
      #expect(try await auth.send(AuthAPI.revokeSession, path, token: mine.accessToken).status == 404)

      let third = try await auth.login("a@example.org").value
      #expect(try await auth.send(AuthAPI.revokeSessions, token: mine.accessToken).status == 204)
      #expect(try await !auth.isAccepted(third.accessToken))
      #expect(try await auth.isAccepted(mine.accessToken))
      #expect(try await auth.isAccepted(stranger.accessToken))
    }
  }

  @Test("RFC 7009: a token of either kind is revoked, an unknown one is 200 too", arguments: Engine.available)
  func revocation(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let tokens = try await auth.newUser("a@example.org").tokens
      for unknown in ["nothing", "a.b.c", "grt_AAAA", tokens.accessToken + "x"] {
        #expect(try await auth.revoke(unknown) == 200)
      }
      #expect(try await auth.isAccepted(tokens.accessToken))
      #expect(try await auth.revoke(tokens.accessToken) == 200)
      #expect(try await !auth.isAccepted(tokens.accessToken))
      let next = try await auth.refresh(tokens.refreshToken).value
      #expect(try await auth.isAccepted(next.accessToken))
      #expect(try await auth.revoke(tokens.refreshToken) == 200, "an old token of the family will do")
      #expect(try await !auth.isAccepted(next.accessToken))
      #expect(try await auth.refresh(next.refreshToken).code == "invalid_grant")
    }
  }
}
