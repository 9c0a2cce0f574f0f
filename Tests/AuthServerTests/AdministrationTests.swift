import AuthAPI
@testable import AuthServer
import Foundation
import GravityContracts
import GravityIdentity
import HTTPTypes
import Testbed
import Testing

@Suite struct AdministrationTests {
  @Test("accounts are searched and paged by those who may", arguments: Engine.available)
  func list(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("u0@example.org")
      for number in 1..<7 { try await auth.register("u\(number)@example.org") }
      #expect(try await auth.send(AuthAPI.accounts).status == 401)
      #expect(try await auth.send(AuthAPI.accounts, token: user.tokens.accessToken).status == 403)
      let root = try await auth.administrator()
      var (seen, cursor) = ([UUID](), "")
      repeat {
        let page = try await auth.send(AuthAPI.accounts, "/api/v1/auth/accounts?limit=3\(cursor)", token: root).value
        seen += page.items.map(\.id)
        cursor = page.nextCursor.map { "&cursor=\($0)" } ?? ""
        try await auth.register("late\(seen.count)@example.org")
      } while !cursor.isEmpty && seen.count < 30
      #expect(Set(seen).count == seen.count && seen.count >= 8 && seen.contains(user.id))
      let found = try await auth.send(AuthAPI.accounts, "/api/v1/auth/accounts?email=U3@example.org", token: root).value
      #expect(found.items.map(\.email) == ["u3@example.org"])
      for query in ["limit=0", "limit=101", "status=asleep", "cursor=x", "email=x"] {
        #expect(
          try await auth.send(AuthAPI.accounts, "/api/v1/auth/accounts?\(query)", token: root).status == 422, "\(query)"
        )
      }
    }
  }

  @Test("a suspended account is out at once and back when it is reactivated", arguments: Engine.available)
  func suspension(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("u@example.org")
      let root = try await auth.administrator()
      let path = "/api/v1/auth/accounts/\(user.id)"
      let suspended = try await auth.send(AuthAPI.updateAccount, path, ["status": "suspended"], token: root)
      #expect(try suspended.value.status == .known(.suspended))
      #expect(try await !auth.isAccepted(user.tokens.accessToken))
      #expect(try await auth.refresh(user.tokens.refreshToken).code == "invalid_grant")
      #expect(try await auth.login("u@example.org").code == "account_suspended")
      #expect(try await auth.login("u@example.org", "wrong").code == "invalid_credentials")
      #expect(try await auth.send(AuthAPI.updateAccount, path, ["status": "active"], token: root).status == 200)
      #expect(try await auth.isAccepted(auth.login("u@example.org").value.accessToken))
      #expect(try await !auth.isAccepted(user.tokens.accessToken))
    }
  }

  @Test(
    "a deleted account keeps no personal data, frees its address and does not come back", arguments: Engine.available)
  func deletion(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("u@example.org")
      let root = try await auth.administrator()
      let path = "/api/v1/auth/accounts/\(user.id)"
      let deleted = try await auth.send(AuthAPI.updateAccount, path, ["status": "deleted"], token: root).value
      #expect(deleted.email == nil && deleted.name.isEmpty && deleted.status == .known(.deleted))
      #expect(try await !auth.isAccepted(user.tokens.accessToken))
      #expect(try await auth.login("u@example.org").status == 401)
      let back = try await auth.send(AuthAPI.updateAccount, path, ["status": "active"], token: root)
      #expect(back.status == 409 && back.code == "status_conflict")
      #expect(try await auth.register("u@example.org").status == 201)
    }
  }

  @Test("a change with a stale ETag is refused", arguments: Engine.available)
  func preconditions(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("u@example.org")
      let root = try await auth.administrator()
      let path = "/api/v1/auth/accounts/\(user.id)"
      let tag = try #require(try await auth.send(AuthAPI.account, path, token: root).headers[.eTag])
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<5 {
          group.addTask {
            try await auth.send(
              AuthAPI.updateAccount, path, ["name": "Name \(number)"], token: root, headers: ["If-Match": tag]
            ).status
          }
        }
        return try await group.reduce(into: [Int]()) { $0.append($1) }
      }
      #expect(statuses.sorted() == [200, 412, 412, 412, 412])
    }
  }

  @Test("another role counts at once, in this process and for the next token", arguments: Engine.available)
  func roles(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("u@example.org")
      let root = try await auth.administrator()
      let path = "/api/v1/auth/accounts/\(user.id)"
      let created = try await auth.send(
        AuthAPI.createRole, nil, ["name": "support", "permissions": ["accounts:read"]], token: root)
      #expect(created.status == 201)
      let unknown = try await auth.send(AuthAPI.updateAccount, path, ["roles": ["user", "nonsense"]], token: root)
      #expect(unknown.status == 422 && unknown.fields == ["roles.1"])
      #expect(try await auth.send(AuthAPI.updateAccount, path, ["roles": ["support"]], token: root).status == 200)
      #expect(try await !auth.isAccepted(user.tokens.accessToken), "the old token says too little")
      let support = try await auth.refresh(user.tokens.refreshToken).value.accessToken
      #expect(try await auth.send(AuthAPI.accounts, token: support).status == 200)

      let tag = try #require(created.headers[.eTag])
      let changed = try await auth.send(
        AuthAPI.updateRole, "/api/v1/auth/roles/support", ["permissions": ["roles:read"]], token: root,
        headers: ["If-Match": tag])
      #expect(changed.status == 200)
      #expect(try await auth.send(AuthAPI.accounts, token: support).code == "token_revoked")
      let reader = try await auth.login("u@example.org").value.accessToken
      #expect(try await auth.send(AuthAPI.accounts, token: reader).status == 403)
      let listed = try await auth.send(AuthAPI.roles, token: reader).value
      #expect(listed.items.map(\.name) == ["admin", "guest", "support", "user"])
      #expect(try await auth.service.verifier.verify(reader).permissions == ["roles:read"])

      #expect(try await auth.send(AuthAPI.deleteRole, "/api/v1/auth/roles/support", token: root).status == 204)
      #expect(try await !auth.isAccepted(reader))
      #expect(try await auth.send(AuthAPI.account, path, token: root).value.roles.isEmpty)
      #expect(try await auth.send(AuthAPI.roles, token: root).value.policyVersion == listed.policyVersion + 1)
    }
  }

  @Test("built-in roles stay, names are unique, and permissions are well formed", arguments: Engine.available)
  func roleRules(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let root = try await auth.administrator()
      for name in ["admin", "user", "guest"] {
        let reply = try await auth.send(AuthAPI.deleteRole, "/api/v1/auth/roles/\(name)", token: root)
        #expect(reply.status == 409 && reply.code == "role_protected")
      }
      let admin = try await auth.send(
        AuthAPI.updateRole, "/api/v1/auth/roles/admin", ["permissions": ["a:b"]], token: root)
      #expect(admin.code == "role_protected")
      #expect(
        try await auth.send(AuthAPI.createRole, nil, ["name": "admin", "permissions": []], token: root).code
          == "role_exists")
      let bad = try await auth.send(
        AuthAPI.createRole, nil, ["name": "x", "permissions": ["a:b", "A:B", "a", "a:b:c", ":"]], token: root)
      #expect(bad.fields == ["permissions.1", "permissions.2", "permissions.3", "permissions.4"])
      #expect(
        try await auth.send(AuthAPI.createRole, nil, ["name": "Ä", "permissions": []], token: root).fields == ["name"])
      #expect(try await auth.send(AuthAPI.role, "/api/v1/auth/roles/nope", token: root).status == 404)
    }
  }

  @Test("the same Idempotency-Key makes one role", arguments: Engine.available)
  func idempotent(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let root = try await auth.administrator()
      func create(_ name: String) async throws -> Reply<Role> {
        try await auth.send(
          AuthAPI.createRole, nil, ["name": name, "permissions": ["a:b"]], token: root,
          headers: ["Idempotency-Key": "k1"])
      }
      let (first, second) = (try await create("one"), try await create("one"))
      #expect(first.status == 201, "\(first.text)")
      #expect(second.status == 201, "\(second.text)")
      #expect(try first.value == second.value)
      #expect(try await create("two").code == "idempotency_key_reused")
    }
  }

  @Test("nobody gives or takes permissions that they do not hold", arguments: Engine.available)
  func escalation(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let root = try await auth.administrator()
      let permissions = ["accounts:*", "roles:*"]
      _ = try await auth.send(AuthAPI.createRole, nil, ["name": "hr", "permissions": permissions], token: root)
      let user = try await auth.newUser("hr@example.org")
      let path = "/api/v1/auth/accounts/\(user.id)"
      _ = try await auth.send(AuthAPI.updateAccount, path, ["roles": ["hr"]], token: root)
      let hr = try await auth.login("hr@example.org").value.accessToken
      let victim = try await auth.send(AuthAPI.me, token: root).value.id
      let attempts = [
        try await auth.send(AuthAPI.updateAccount, path, ["roles": ["hr", "admin"]], token: hr).code,
        try await auth.send(AuthAPI.createRole, nil, ["name": "x", "permissions": ["*:*"]], token: hr).code,
        try await auth.send(AuthAPI.createRole, nil, ["name": "x", "permissions": ["*:read"]], token: hr).code,
        try await auth.send(AuthAPI.updateRole, "/api/v1/auth/roles/user", ["permissions": ["*:*"]], token: hr).code,
        try await auth.send(
          AuthAPI.updateAccount, "/api/v1/auth/accounts/\(victim)", ["status": "suspended"], token: hr
        ).code,
      ]
      #expect(attempts == Array(repeating: "exceeds_own_permissions", count: attempts.count))
      let fine = try await auth.send(
        AuthAPI.createRole, nil, ["name": "x", "permissions": ["accounts:read"]], token: hr)
      #expect(fine.status == 201)
    }
  }

  @Test(
    "the last administrator can neither step down nor be stopped, and of two one stays", arguments: Engine.available)
  func lastAdministrator(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let root = try await auth.administrator()
      let rootID = try await auth.send(AuthAPI.me, token: root).value.id
      func change(_ id: UUID, _ fields: [String: Any], by token: String) async throws -> Reply<Account> {
        try await auth.send(AuthAPI.updateAccount, "/api/v1/auth/accounts/\(id)", fields, token: token)
      }
      #expect(try await change(rootID, ["roles": ["user"]], by: root).code == "last_administrator")
      #expect(try await change(rootID, ["status": "suspended"], by: root).code == "last_administrator")
      #expect(try await change(rootID, ["status": "deleted"], by: root).code == "last_administrator")
      #expect(try await change(rootID, ["name": "Still here"], by: root).status == 200)
      let second = try await auth.newUser("second@example.org").id
      #expect(try await change(second, ["roles": ["admin"]], by: root).status == 200)
      let other = try await auth.login("second@example.org").value.accessToken
      // Both step down at once: whoever is second is the last.
      async let one = change(rootID, ["roles": ["user"]], by: root)
      async let two = change(second, ["roles": ["user"]], by: other)
      let statuses = try await [one.status, two.status].sorted()
      #expect(statuses == [200, 409])
    }
  }
}
