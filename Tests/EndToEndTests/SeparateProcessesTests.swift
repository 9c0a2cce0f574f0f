import Foundation
import NIOHTTP1
import Testing

/// The gateway and auth, each a process of its own.
@Suite(.timeLimit(.minutes(3))) struct SeparateProcessesTests {
  static let masterKey = ["GRAVITY_MASTER_KEY": String(repeating: "5a", count: 32)]

  @Test("a token is verified by the gateway with keys that it fetched, and refused within a second of its revocation")
  func revocation() async throws {
    let auth = try await PlatformProcess.serve("auth", environment: Self.masterKey)
    defer { auth.remove() }
    let gateway = try await PlatformProcess.serve("gateway", beside: auth, environment: Self.masterKey)
    let visitor = Visitor(base: gateway.gateway)
    try await visitor.waitUntilReady()
    let (member, _, _) = try await visitor.newcomer()
    #expect(try await Visitor.decided { try await member.get("/api/v1/auth/me") }.status == 200)

    // Logged out at auth itself: the gateway has to hear of it.
    #expect(try await Visitor(base: auth.auth, token: member.token).send("POST", "/api/v1/auth/logout").status == 204)
    let loggedOut = ContinuousClock.now
    var status = 200
    while status == 200, loggedOut.duration(to: .now) < .seconds(5) {
      status = try await Visitor.decided { try await member.get("/api/v1/auth/me") }.status
    }
    #expect(status == 401)
    #expect(await gateway.stop() == 0)
    #expect(await auth.stop() == 0)
  }

  @Test("when auth is away the gateway lets nobody in whom it cannot vouch for, and recovers by itself")
  func authAway() async throws {
    let auth = try await PlatformProcess.serve("auth", environment: Self.masterKey)
    defer { auth.remove() }
    let gateway = try await PlatformProcess.serve("gateway", beside: auth, environment: Self.masterKey)
    let visitor = Visitor(base: gateway.gateway)
    try await visitor.waitUntilReady()
    let (member, _, _) = try await visitor.newcomer()
    #expect(try await Visitor.decided { try await member.get("/api/v1/auth/me") }.status == 200)
    await auth.stop(SIGKILL)
    let killed = ContinuousClock.now
    var reply = try await member.get("/api/v1/auth/me")
    while reply.code != "identity_unavailable", killed.duration(to: .now) < .seconds(10) {
      #expect(reply.status >= 500)
      reply = try await member.get("/api/v1/auth/me")
    }
    #expect(reply.status == 503)
    #expect(reply.headers.contains(name: "retry-after"))
    try await auth.start(serving: "auth", environment: Self.masterKey)
    try await visitor.waitUntilReady()
    let back = ContinuousClock.now
    while try await member.get("/api/v1/auth/me").status != 200, back.duration(to: .now) < .seconds(15) {}
    #expect(try await Visitor.decided { try await member.get("/api/v1/auth/me") }.status == 200)
    #expect(await gateway.stop() == 0)
    #expect(await auth.stop() == 0)
  }

  @Test("a service token does not get in from outside")
  func inside() async throws {
    let auth = try await PlatformProcess.serve("auth", environment: Self.masterKey)
    defer { auth.remove() }
    #expect(try await Visitor(base: auth.auth).get("/api/v1/auth/revocations").status == 401)
    #expect(await auth.stop() == 0)
  }
}
