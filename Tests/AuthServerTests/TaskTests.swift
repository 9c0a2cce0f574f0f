import AuthAPI
import AuthServer
import Foundation
import GravityContracts
import GravityIdentity
import Logging
import ServiceLifecycle
import Testbed
import Testing

@Suite struct TaskTests {
  @Test("what runs by itself sends mail as soon as it is asked for, and ends on shutdown", arguments: Engine.available)
  func tasks(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      try await auth.register("a@example.org")
      let group = ServiceGroup(
        services: [auth.service.tasks], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        _ = try await auth.send(AuthAPI.recover, nil, ["email": "a@example.org"])
        for await message in auth.mailbox.arrivals {
          #expect(message.kind == .recovery)
          break
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
      }
    }
  }

  @Test("a minted token is good for its account until that is suspended, and bounded", arguments: Engine.available)
  func mint(_ engine: Engine) async throws {
    try await AuthFixture.run(on: engine) { auth in
      let user = try await auth.newUser("a@example.org")
      _ = try await auth.send(AuthAPI.logoutEverywhere, token: user.tokens.accessToken)
      let token = try await auth.service.mintToken(
        subject: user.id.uuidString, permissions: ["accounts:write"], lifetime: 3600)
      #expect(try await auth.isAccepted(token))
      #expect(try await auth.service.verifier.verify(token).permissions == ["accounts:write"])
      let root = try await auth.administrator()
      _ = try await auth.send(
        AuthAPI.updateAccount, "/api/v1/auth/accounts/\(user.id)", ["status": "suspended"], token: root)
      #expect(try await !auth.isAccepted(token))
      let script = try await auth.service.mintToken(subject: "load-test", permissions: [], lifetime: 60)
      #expect(try await auth.send(AuthAPI.me, token: script).status == 404, "it has no account")
      #expect(try await auth.send(AuthAPI.logout, token: script).status == 204)
      #expect(try await auth.send(AuthAPI.me, token: script).code == "token_revoked")
      await #expect(throws: Problem.self) {
        try await auth.service.mintToken(subject: "x", permissions: [], lifetime: 86_401)
      }
      await #expect(throws: Problem.self) {
        try await auth.service.mintToken(subject: "x", permissions: ["Nonsense"], lifetime: 60)
      }
    }
  }
}
