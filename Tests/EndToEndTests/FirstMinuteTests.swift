import Foundation
import NIOHTTP1
import Testing

/// What somebody does in the first minute, on both databases.
@Suite(.timeLimit(.minutes(3))) struct FirstMinuteTests {
  @Test("register, log in, ask who I am, log out, and be refused", arguments: TestEngine.available)
  func firstMinute(engine: TestEngine) async throws {
    let platform = try await PlatformProcess.up(on: engine)
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)

    let registered = try await visitor.send(
      "POST", "/api/v1/auth/register",
      ["email": "Ada@Example.com", "password": "quiet-orange-window-7", "name": "Ada Lovelace"])
    #expect(registered.status == 201)
    #expect(registered.text("email") == "ada@example.com")
    #expect(registered.text("status") == "active")

    let taken = try await visitor.send(
      "POST", "/api/v1/auth/register", ["email": "ada@example.com", "password": "quiet-orange-window-7", "name": "x"])
    #expect(taken.status == 409)
    #expect(taken.code == "email_taken")

    let wrong = try await visitor.send(
      "POST", "/api/v1/auth/login", ["email": "ada@example.com", "password": "wrong-orange-window-7"])
    #expect(wrong.status == 401)
    #expect(wrong.code == "invalid_credentials")

    let tokens = try await visitor.send(
      "POST", "/api/v1/auth/login", ["email": "ada@example.com", "password": "quiet-orange-window-7"])
    #expect(tokens.status == 200)
    #expect(tokens.text("token_type") == "Bearer")
    #expect(tokens.number("expires_in") == 900)
    #expect((tokens.number("refresh_expires_in") ?? 0) > 86400)

    let ada = Visitor(base: platform.gateway, token: tokens.text("access_token"))
    let me = try await ada.get("/api/v1/auth/me")
    #expect(me.status == 200)
    #expect(me.text("email") == "ada@example.com")
    #expect(try await visitor.get("/api/v1/auth/me").status == 401)
    #expect(try await ada.get("/api/v1/auth/accounts").status == 403)

    #expect(try await ada.send("POST", "/api/v1/auth/logout").status == 204)
    let refused = try await ada.get("/api/v1/auth/me")
    #expect(refused.status == 401)
    #expect(refused.code == "token_revoked")
    #expect(refused.headers.first(name: "www-authenticate")?.hasPrefix("Bearer") == true)
    let stale = try await visitor.send(
      "POST", "/api/v1/auth/refresh", ["refresh_token": tokens.text("refresh_token") ?? ""])
    #expect(stale.code == "invalid_grant")

    #expect(await platform.stop() == 0)
  }

  @Test("the administrator of the environment can list accounts, suspend one, and that acts at once")
  func administration() async throws {
    let platform = try await PlatformProcess.up()
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    let (member, email, _) = try await visitor.newcomer()
    let admin = try await visitor.administrator()
    let list = try await admin.get("/api/v1/auth/accounts?email=\(email)")
    #expect(list.status == 200)
    let id = try #require(try await member.get("/api/v1/auth/me").text("id"))
    #expect(try await member.get("/api/v1/auth/me").status == 200)
    #expect(try await admin.send("PATCH", "/api/v1/auth/accounts/\(id)", ["status": "suspended"]).status == 200)
    #expect(try await member.get("/api/v1/auth/me").code == "token_revoked")
    #expect(await platform.stop() == 0)
  }

  @Test("health, the merged interface description and metrics are served")
  func operators() async throws {
    let platform = try await PlatformProcess.up()
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    for path in ["/health/live", "/health/ready", "/health"] {
      #expect(try await visitor.get(path).status == 200, "\(path)")
    }
    #expect(try await visitor.get("/health").text("status") == "up")
    let document = try await visitor.get("/openapi.json")
    #expect(document.status == 200)
    #expect(document.text("openapi") == "3.1.0")
    #expect(try await visitor.get("/.well-known/jwks.json").status == 200)
    let metrics = try await Visitor(base: platform.auth).get("/metrics")
    #expect(String(decoding: metrics.body, as: UTF8.self).contains("http_server_request_duration_seconds_bucket"))
    #expect(try await visitor.get("/api/v1/auth/revocations").status == 404)
    #expect(await platform.stop() == 0)
  }
}
