import Foundation
import Patience
import Testing

/// What happens in one service takes effect in another.
@Suite(.timeLimit(.minutes(3))) struct EventsTests {
  @Test(
    "who registers has a profile at once, suspension reaches it, and kill -9 loses nothing",
    arguments: TestEngine.available)
  func profile(engine: TestEngine) async throws {
    let password = ["GRAVITY_ADMIN_PASSWORD": "tall-green-ladder-9", "GRAVITY_ADMIN_EMAIL": "admin@example.com"]
    let platform = try await PlatformProcess.up(environment: password, on: engine)
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    let (member, email, _) = try await visitor.newcomer()
    let profile = try await member.get("/api/v1/users/me")
    #expect(profile.status == 200)
    #expect(profile.text("email") == email)
    #expect(profile.text("display_name") == "New")
    let changed = try await member.send("PATCH", "/api/v1/users/me", ["display_name": "Ada"])
    #expect(changed.status == 200)
    // Not what the cache knew before.
    #expect(try await member.get("/api/v1/users/me").text("display_name") == "Ada")

    // Recorded by auth, and killed before or while it is on its way.
    let administrator = try await visitor.administrator()
    let id = try #require(profile.text("id"))
    #expect(try await administrator.send("PATCH", "/api/v1/auth/accounts/\(id)", ["status": "suspended"]).status == 200)
    let mark = platform.mark()
    kill(try #require(platform.worker), SIGKILL)
    try await platform.waitForLine("is ready", after: mark)
    try await visitor.waitUntilReady()
    let again = try await visitor.administrator()
    try await eventually("the user service hears of it") {
      try await again.get("/api/v1/users/\(id)").text("status") == "suspended"
    }
    #expect(try await again.get("/api/v1/users/\(id)").text("display_name") == "Ada")
    #expect(await platform.stop() == 0)
  }

  static let amqp = ProcessInfo.processInfo.environment["GRAVITY_TEST_AMQP_URL"]

  @Test(
    "three processes over PostgreSQL and RabbitMQ: events arrive, and a revocation is heard of",
    .enabled(if: TestEngine.available.contains(.postgresql) && amqp != nil))
  func distributed() async throws {
    var environment = SeparateProcessesTests.masterKey
    environment.merge(TestEngine.postgresql.environment) { $1 }
    environment["GRAVITY_AMQP_URL"] = Self.amqp
    environment["GRAVITY_ADMIN_PASSWORD"] = "tall-green-ladder-9"
    environment["GRAVITY_ADMIN_EMAIL"] = "admin@example.com"
    let auth = try await PlatformProcess.serve("auth", environment: environment)
    defer { auth.remove() }
    let user = try await PlatformProcess.serve("user", beside: auth, environment: environment)
    let gateway = try await PlatformProcess.serve("gateway", beside: auth, environment: environment)
    let visitor = Visitor(base: gateway.gateway)
    try await visitor.waitUntilReady()
    let (member, email, _) = try await visitor.newcomer()
    let profile = try await Visitor.decided { try await member.get("/api/v1/users/me") }
    #expect(profile.text("email") == email)

    let id = try #require(profile.text("id"))
    let administrator = try await visitor.administrator()
    let suspended = try await Visitor.decided {
      try await administrator.send("PATCH", "/api/v1/auth/accounts/\(id)", ["status": "suspended"])
    }
    #expect(suspended.status == 200)
    let reply = try await eventually("the gateway hears of it") {
      let reply = try await Visitor.decided { try await member.get("/api/v1/users/me") }
      return reply.status == 200 ? nil : reply
    }
    #expect(reply.status == 401)
    try await eventually("the user service hears of it") {
      try await Visitor.decided { try await administrator.get("/api/v1/users/\(id)") }.text("status") == "suspended"
    }
    #expect(await gateway.stop() == 0)
    #expect(await user.stop() == 0)
    #expect(await auth.stop() == 0)
  }
}
