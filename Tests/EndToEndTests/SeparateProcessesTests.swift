import Foundation
import NIOHTTP1
import Patience
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
    let reply = try await eventually("the gateway hears of it") {
      let reply = try await Visitor.decided { try await member.get("/api/v1/auth/me") }
      return reply.status == 200 ? nil : reply
    }
    #expect(reply.status == 401)
    #expect(await gateway.stop() == 0)
    #expect(await auth.stop() == 0)
  }

  @Test("an API key opens what its scopes say, at a gateway that has auth exchange it, and nothing once it is ended")
  func apiKey() async throws {
    let auth = try await PlatformProcess.serve("auth", environment: Self.masterKey)
    defer { auth.remove() }
    let gateway = try await PlatformProcess.serve("gateway", beside: auth, environment: Self.masterKey)
    let visitor = Visitor(base: gateway.gateway)
    try await visitor.waitUntilReady()
    let (member, _, _) = try await visitor.newcomer()
    let made = try await Visitor.decided {
      try await member.send("POST", "/api/v1/auth/api-keys", ["name": "sensor", "scopes": ["account"]])
    }
    let secret = try #require(made.text("secret"))
    let id = try #require(made.text("key", "id"))
    let device = Visitor(base: gateway.gateway, token: secret)
    let mine = try await Visitor.decided { try await device.get("/api/v1/auth/me") }
    #expect(mine.status == 200)
    // A key makes no keys, and one letter more or less is another key.
    #expect(try await device.send("POST", "/api/v1/auth/api-keys", ["name": "b", "scopes": ["account"]]).status == 403)
    let altered = try await Visitor(base: gateway.gateway, token: secret + "A").get("/api/v1/auth/me")
    #expect(altered.status == 401 && altered.code == "invalid_api_key")
    // Auth itself takes tokens only.
    #expect(try await Visitor(base: auth.auth, token: secret).get("/api/v1/auth/me").status == 401)

    #expect(try await member.send("DELETE", "/api/v1/auth/api-keys/\(id)").status == 204)
    // Auth refuses the key's token at once, the gateway the key as soon as it has heard.
    let reply = try await eventually("the gateway refuses the key") {
      let reply = try await Visitor.decided { try await device.get("/api/v1/auth/me") }
      return reply.code == "invalid_api_key" ? reply : nil
    }
    #expect(reply.status == 401)
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
    let reply = try await eventually("the gateway can vouch for nobody") {
      let reply = try await member.get("/api/v1/auth/me")
      #expect(reply.status >= 500)
      return reply.code == "identity_unavailable" ? reply : nil
    }
    #expect(reply.status == 503)
    #expect(reply.headers.contains(name: "retry-after"))
    try await auth.start(serving: "auth", environment: Self.masterKey)
    try await visitor.waitUntilReady()
    try await eventually("the gateway lets its caller in") { try await member.get("/api/v1/auth/me").status == 200 }
    #expect(await gateway.stop() == 0)
    #expect(await auth.stop() == 0)
  }

  @Test("services call each other by a client of auth's, whose tokens the gateway lets nobody in with")
  func serviceClient() async throws {
    let auth = try await PlatformProcess.serve("auth", environment: Self.masterKey)
    defer { auth.remove() }
    let early = Visitor(base: auth.auth)
    let (member, _, _) = try await early.newcomer()
    let administrator = try await early.administrator()
    let made = try await administrator.send(
      "POST", "/api/v1/auth/clients",
      [
        "name": "services", "grants": ["client_credentials"],
        "scopes": ["services:call", "accounts:read", "accounts:write", "notifications:write"],
      ])
    let (id, secret) = (try #require(made.text("client", "id")), try #require(made.text("client_secret")))
    let environment = Self.masterKey.merging([
      "GRAVITY_SERVICE_CLIENT_ID": id, "GRAVITY_SERVICE_CLIENT_SECRET": secret,
    ]) { $1 }
    let user = try await PlatformProcess.serve("user", beside: auth, environment: environment)
    let gateway = try await PlatformProcess.serve("gateway", beside: auth, environment: environment)
    let visitor = Visitor(base: gateway.gateway, token: member.token)
    try await visitor.waitUntilReady()
    // The user service has the accounts from auth's snapshot, which only services are told.
    try await eventually("the user service knows the account") {
      try await visitor.get("/api/v1/users/me").status == 200
    }
    // The gateway has auth exchange a key.
    let key = try await member.send("POST", "/api/v1/auth/api-keys", ["name": "sensor", "scopes": ["account"]])
    let keySecret = try #require(key.text("secret"))
    let device = Visitor(base: gateway.gateway, token: keySecret)
    #expect(try await Visitor.decided { try await device.get("/api/v1/auth/me") }.status == 200)

    let basic = try await PlatformProcess.run(
      [
        "-s", "--user", "\(id):\(secret)", "--data", "grant_type=client_credentials&resource=gravity:service",
        "\(auth.auth)/oauth/token",
      ], program: "/usr/bin/curl")
    let reply = try #require(
      try JSONSerialization.jsonObject(with: Data(basic.output.utf8)) as? [String: Any], "\(basic.output)")
    let token = try #require(reply["access_token"] as? String)
    #expect(try await Visitor(base: auth.auth, token: token).get("/api/v1/auth/revocations").status == 200)
    let outside = try await Visitor(base: gateway.gateway, token: token).get("/api/v1/auth/accounts")
    #expect(outside.status == 401 && outside.code == "invalid_token")
    #expect(!(user.output + gateway.output).contains(secret))
    #expect(await gateway.stop() == 0)
    #expect(await user.stop() == 0)
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
