import AuthAPI
import Foundation
import GravityContracts
import GravityData
import Testbed
import Testing

@testable import AuthServer

@Suite struct AccountSecurityTests {
  private static func path(_ id: UUID, _ rest: String = "") -> String { "/api/v1/auth/accounts/\(id)\(rest)" }

  @Test("an administrator sees whose sessions they are, and ends one of them at once", arguments: Engine.available)
  func oneSession(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("u@example.org")
      let other = try await auth.login("u@example.org").value
      let root = try await auth.administrator()
      let path = Self.path(user.id, "/sessions")
      #expect(try await auth.send(AuthAPI.accountSessions, path, token: user.tokens.accessToken).status == 403)
      let open = try await auth.send(AuthAPI.accountSessions, path, token: root).value.items
      #expect(open.count == 2 && open.allSatisfy { !$0.current && $0.address == "192.0.2.1" })
      let first = try await auth.send(AuthAPI.accountSessions, path + "?limit=1", token: root).value
      let cursor = try #require(first.nextCursor)
      let second = try await auth.send(AuthAPI.accountSessions, path + "?limit=1&cursor=\(cursor)", token: root).value
      #expect(first.items + second.items == open && second.nextCursor == nil)

      // The oldest is the first login's.
      let ended = Self.path(user.id, "/sessions/\(open[1].id)")
      let others = Self.path(UUID(), "/sessions/\(open[1].id)")
      #expect(try await auth.send(AuthAPI.revokeAccountSession, others, token: root).status == 404)
      #expect(try await auth.isAccepted(user.tokens.accessToken))
      #expect(try await auth.send(AuthAPI.revokeAccountSession, ended, token: root).status == 204)
      #expect(try await !auth.isAccepted(user.tokens.accessToken))
      #expect(try await auth.isAccepted(other.accessToken))
      #expect(try await auth.send(AuthAPI.revokeAccountSession, ended, token: root).status == 404)
    }
  }

  @Test("all sessions end with their tokens, and API keys stay", arguments: Engine.available)
  func allSessions(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("u@example.org")
      let key = try await auth.send(
        AuthAPI.createAPIKey, nil, ["name": "backup", "scopes": ["account"]], token: user.tokens.accessToken
      ).value.key
      let root = try await auth.administrator()
      let path = Self.path(user.id, "/sessions")
      #expect(try await auth.send(AuthAPI.revokeAccountSessions, path, token: root).status == 204)
      #expect(try await !auth.isAccepted(user.tokens.accessToken))
      #expect(try await auth.refresh(user.tokens.refreshToken).code == "invalid_grant")
      #expect(try await auth.isAccepted(root))
      let security = try await auth.send(
        AuthAPI.accountSecurity, Self.path(user.id, "/security"), token: root
      ).value
      #expect(security.openSessions == 0 && security.apiKeys == [key])
      #expect(security.changes.map(\.kind) == [.known(.sessionsRevoked)] && security.changes[0].after == "1")
    }
  }

  @Test("whoever manages accounts ends no session of somebody who may do more", arguments: Engine.available)
  func noEscalation(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let root = try await auth.administrator()
      let support = try await auth.newUser("support@example.org")
      let made = try await auth.send(
        AuthAPI.createRole, nil, ["name": "support", "permissions": ["accounts:read", "accounts:write"]], token: root)
      #expect(made.status == 201)
      let given = try await auth.send(
        AuthAPI.updateAccount, Self.path(support.id), ["roles": ["support"]], token: root)
      #expect(given.status == 200)
      let token = try await auth.refresh(support.tokens.refreshToken).value.accessToken
      let all = try await auth.send(AuthAPI.accounts, "/api/v1/auth/accounts?q=root@", token: token).value
      let administrator = try #require(all.items.first)
      let path = Self.path(administrator.id, "/sessions")
      let session = try #require(try await auth.send(AuthAPI.accountSessions, path, token: token).value.items.first)
      let one = try await auth.send(AuthAPI.revokeAccountSession, path + "/\(session.id)", token: token)
      #expect(one.status == 403 && one.code == "exceeds_own_permissions")
      let every = try await auth.send(AuthAPI.revokeAccountSessions, path, token: token)
      #expect(every.status == 403 && every.code == "exceeds_own_permissions")
      #expect(try await auth.isAccepted(root))
    }
  }

  @Test("why an account was suspended is kept until it is deleted", arguments: Engine.available)
  func reasons(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("u@example.org")
      let root = try await auth.administrator()
      func update(_ fields: [String: Any]) async throws -> Reply<Account> {
        try await auth.send(AuthAPI.updateAccount, Self.path(user.id), fields, token: root)
      }
      func changes() async throws -> [AccountChange] {
        try await auth.send(AuthAPI.accountSecurity, Self.path(user.id, "/security"), token: root).value.changes
      }
      #expect(try await update(["name": "U", "reason": "x"]).fields == ["reason"])
      #expect(try await update(["status": "suspended", "reason": "  "]).fields == ["reason"])
      let long = String(repeating: "x", count: 501)
      #expect(try await update(["status": "suspended", "reason": long]).fields == ["reason"])
      #expect(try await changes().isEmpty)

      #expect(try await update(["status": "suspended", "reason": " spam from 3 devices "]).status == 200)
      #expect(try await update(["status": "active", "roles": ["guest", "user"]]).status == 200)
      let told = try await changes()
      #expect(told.count == 3 && Set(told.map(\.kind)) == [.known(.status), .known(.roles)])
      let first = try #require(told.last)
      #expect(first.before == "active" && first.after == "suspended" && first.reason == "spam from 3 devices")
      let me = try await auth.send(AuthAPI.me, token: root).value.id
      #expect(told.allSatisfy { $0.by == me.lowercased })
      let roles = try #require(told.first { $0.kind == .known(.roles) })
      #expect(roles.before == "user" && roles.after == "guest user" && roles.reason == nil)

      #expect(try await update(["status": "deleted"]).status == 200)
      #expect(try await changes().allSatisfy { $0.reason == nil })
    }
  }

  @Test("only the last 50 changes are kept", arguments: Engine.available)
  func bound(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("u@example.org")
      let root = try await auth.administrator()
      for number in 0..<52 {
        let status = number.isMultiple(of: 2) ? "suspended" : "active"
        let reply = try await auth.send(
          AuthAPI.updateAccount, Self.path(user.id), ["status": status, "reason": "\(number)"], token: root)
        #expect(reply.status == 200)
      }
      let changes = try await auth.send(
        AuthAPI.accountSecurity, Self.path(user.id, "/security"), token: root
      ).value.changes
      #expect(changes.compactMap(\.reason) == (2..<52).reversed().map(String.init))
    }
  }

  @Test("failed logins are told, and until when more are refused", arguments: Engine.available)
  func failures(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("u@example.org")
      let root = try await auth.administrator()
      let found = try await auth.send(AuthAPI.accounts, "/api/v1/auth/accounts?q=U@EXAMPLE", token: root).value
      let id = try #require(found.items.first?.id)
      for _ in 0..<6 { _ = try await auth.login("u@example.org", "wrong") }
      let path = Self.path(id, "/security")
      let blocked = try await auth.send(AuthAPI.accountSecurity, path, token: root).value
      #expect(blocked.failedLogins == 6 && blocked.hasPassword && !blocked.emailVerified)
      #expect(try #require(blocked.blockedUntil) > auth.clock.now)
      auth.clock.advance(10)
      #expect(try await auth.send(AuthAPI.accountSecurity, path, token: root).value.blockedUntil == nil)
    }
  }

  @Test("what an account is opened with is told to administrators and to its owner", arguments: Engine.available)
  func ways(_ engine: Engine) async throws {
    try await AuthFixture.runWithPasskeys(on: engine) { auth in
      let user = try await auth.newUser("u@example.org")
      let root = try await auth.administrator()
      func told(_ methods: String...) async throws -> OwnSecurity {
        let theirs = try await auth.send(AuthAPI.accountSecurity, Self.path(user.id, "/security"), token: root).value
        let own = try await auth.send(AuthAPI.ownSecurity, token: user.tokens.accessToken).value
        #expect(theirs.hasPassword == own.hasPassword && theirs.hasSecondFactor == own.hasSecondFactor)
        #expect(theirs.passkeys == own.passkeys)
        #expect(theirs.stepUpMethods.map(\.rawValue) == methods)
        return own
      }
      #expect(try await told("password") == OwnSecurity(hasPassword: true, hasSecondFactor: false, passkeys: 0))
      _ = try await auth.newPasskey(user.tokens.accessToken)
      // A secret that waits for its first code is no factor yet.
      _ = try await auth.send(AuthAPI.enrolTOTP, token: user.tokens.accessToken)
      #expect(
        try await told("password", "passkey") == OwnSecurity(hasPassword: true, hasSecondFactor: false, passkeys: 1))
      _ = try await auth.enrol(user.id, "u@example.org", user.tokens)
      try await auth.database.write { transaction in
        var row = try #require(try AccountStore(transaction).find(user.id))
        row.passwordHash = nil
        _ = try AccountStore(transaction).update(row, at: row.updatedAt)
      }
      #expect(
        try await told("totp", "recovery_code", "passkey")
          == OwnSecurity(hasPassword: false, hasSecondFactor: true, passkeys: 1))
      #expect(try await auth.send(AuthAPI.ownSecurity).status == 401)
    }
  }

  @Test("accounts are found by how an address begins and by role, in either order", arguments: Engine.available)
  func filters(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      for name in ["ann", "anna", "bob", "an%"] { try await auth.register("\(name)@example.org") }
      let root = try await auth.administrator()
      func emails(_ query: String) async throws -> [String] {
        try await auth.send(AuthAPI.accounts, "/api/v1/auth/accounts?\(query)", token: root).value.items
          .compactMap(\.email)
      }
      #expect(try await emails("q=Ann") == ["ann@example.org", "anna@example.org"])
      #expect(try await emails("q=an%25") == ["an%@example.org"])
      #expect(try await emails("role=admin") == ["root@example.org"])
      #expect(try await emails("role=guest").isEmpty)
      let oldest = try await emails("role=user&sort=created_at")
      #expect(try await emails("role=user&sort=-created_at") == oldest.reversed())
      let first = try await auth.send(
        AuthAPI.accounts, "/api/v1/auth/accounts?role=user&sort=-created_at&limit=3", token: root
      ).value
      let cursor = try #require(first.nextCursor)
      let rest = try await emails("role=user&sort=-created_at&cursor=\(cursor)")
      #expect(first.items.compactMap(\.email) + rest == oldest.reversed())
      for query in ["q=", "role=No", "sort=name"] {
        #expect(
          try await auth.send(AuthAPI.accounts, "/api/v1/auth/accounts?\(query)", token: root).status == 422, "\(query)"
        )
      }
    }
  }

  @Test("how many hold a role is counted without those that were deleted", arguments: Engine.available)
  func holders(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let gone = try await auth.newUser("gone@example.org")
      try await auth.register("u@example.org")
      let root = try await auth.administrator()
      func counts() async throws -> [String: Int] {
        let items = try await auth.send(AuthAPI.roleHolders, token: root).value.items
        #expect(items.allSatisfy { !$0.hasMore })
        return Dictionary(uniqueKeysWithValues: items.map { ($0.role, $0.count) })
      }
      let before = try await counts()
      #expect(before["admin"] == 1 && before["guest"] == 0)
      let deleted = try await auth.send(
        AuthAPI.updateAccount, Self.path(gone.id), ["status": "deleted"], token: root)
      #expect(deleted.status == 200)
      #expect(try await counts()["user"] == before["user"].map { $0 - 1 })
    }
  }
}
