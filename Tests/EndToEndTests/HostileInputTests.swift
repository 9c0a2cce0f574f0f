import Foundation
import NIOHTTP1
import Testing

/// The rules of every interface, asked through the gateway by somebody who means ill.
@Suite(.timeLimit(.minutes(3))) struct HostileInputTests {
  static let password = "quiet-orange-window-7"

  @Test("SQL, markup and control characters in every text are data or a clear error, never an effect")
  func injection() async throws {
    let platform = try await PlatformProcess.up()
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    let admin = try await visitor.administrator()
    let texts = [
      "'; DROP TABLE accounts; --", "\" OR 1=1 --", "<script>alert(1)</script>", "%00", "${jndi:ldap://x}",
      "\u{202E}abc",
      String(repeating: "ä", count: 400), "$1", "\\", "Robert');--",
    ]
    for (number, text) in texts.enumerated() {
      let email = "i\(number)@example.com"
      let replies = [
        try await visitor.send(
          "POST", "/api/v1/auth/register", ["email": email, "password": Self.password, "name": text]),
        try await visitor.send(
          "POST", "/api/v1/auth/register", ["email": text, "password": Self.password, "name": "x"]),
        try await visitor.send(
          "POST", "/api/v1/auth/register", ["email": "p\(number)@example.com", "password": text, "name": "x"]),
        try await visitor.send("POST", "/api/v1/auth/login", ["email": text, "password": text]),
        try await visitor.send("POST", "/api/v1/auth/refresh", ["refresh_token": text]),
        try await visitor.send("POST", "/api/v1/auth/recovery/complete", ["token": text, "new_password": text]),
        try await admin.send("POST", "/api/v1/auth/roles", ["name": text, "permissions": [text]]),
        try await admin.send("PATCH", "/api/v1/auth/accounts/\(UUID())", ["name": text, "roles": [text]]),
      ]
      for reply in replies {
        #expect(reply.status < 500, "\(text): \(String(decoding: reply.body, as: UTF8.self))")
        if reply.status >= 400 { #expect(reply.code != nil) }
      }
    }
    #expect(try await admin.get("/api/v1/auth/accounts?limit=1").status == 200)
    #expect(await platform.stop() == 0)
  }

  @Test("NUL in a text is malformed, on both databases alike", arguments: TestEngine.available)
  func nul(engine: TestEngine) async throws {
    let platform = try await PlatformProcess.up(on: engine)
    defer { platform.remove() }
    let reply = try await Visitor(base: platform.gateway).send(
      "POST", "/api/v1/auth/register", ["email": "a@example.com", "password": Self.password, "name": "a\u{0}b"])
    #expect(reply.status == 400)
    #expect(reply.code == "malformed_json")
    #expect(await platform.stop() == 0)
  }

  @Test("one address, fifty registrations at once: one account", arguments: TestEngine.available)
  func race(engine: TestEngine) async throws {
    let platform = try await PlatformProcess.up(on: engine)
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<50 {
        group.addTask {
          try await visitor.send(
            "POST", "/api/v1/auth/register", ["email": "one@example.com", "password": Self.password, "name": "x"]
          ).status
        }
      }
      return try await group.reduce(into: [Int]()) { $0.append($1) }
    }
    #expect(statuses.filter { $0 == 201 }.count == 1)
    #expect(statuses.allSatisfy { [201, 409, 503, 429].contains($0) }, "\(statuses)")
    #expect(await platform.stop() == 0)
  }

  @Test(
    "fifty refreshes of one token at once give one successor; the first token later ends the session",
    arguments: TestEngine.available)
  func refreshes(engine: TestEngine) async throws {
    let platform = try await PlatformProcess.up(on: engine)
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    let (_, _, first) = try await visitor.newcomer()
    let replies = try await withThrowingTaskGroup(of: Visitor.Reply.self) { group in
      for _ in 0..<50 {
        group.addTask { try await visitor.send("POST", "/api/v1/auth/refresh", ["refresh_token": first]) }
      }
      return try await group.reduce(into: [Visitor.Reply]()) { $0.append($1) }
    }
    #expect(replies.allSatisfy { $0.status == 200 }, "\(replies.map(\.status))")
    let successors = Set(replies.compactMap { $0.text("refresh_token") })
    #expect(successors.count == 1)
    let second = try #require(successors.first)
    let third = try #require(
      try await visitor.send("POST", "/api/v1/auth/refresh", ["refresh_token": second]).text("refresh_token"))
    let reused = try await visitor.send("POST", "/api/v1/auth/refresh", ["refresh_token": first])
    #expect(reused.code == "invalid_grant")
    #expect(try await visitor.send("POST", "/api/v1/auth/refresh", ["refresh_token": third]).code == "invalid_grant")
    #expect(await platform.stop() == 0)
  }

  @Test("tokens that are none, of another key, altered or without a signature are 401")
  func tokens() async throws {
    let platform = try await PlatformProcess.up()
    defer { platform.remove() }
    let (member, _, _) = try await Visitor(base: platform.gateway).newcomer()
    let good = try #require(member.token)
    let parts = good.split(separator: ".").map(String.init)
    let none = Data("{\"alg\":\"none\",\"typ\":\"at+jwt\"}".utf8).base64EncodedString().filter { $0 != "=" }
    let bad = [
      "x", "a.b.c", "\(none).\(parts[1]).", "\(none).\(parts[1]).\(parts[2])", "\(parts[0]).\(parts[1]).",
      "\(parts[0]).\(parts[1]).\(String(parts[2].reversed()))", "\(parts[0]).\(parts[0]).\(parts[2])", good + ".x",
      String(repeating: "a", count: 9000),
    ]
    for token in bad {
      let reply = try await Visitor(base: platform.gateway, token: token).get("/api/v1/auth/me")
      #expect(reply.status == 401, "\(token.prefix(40))")
      #expect(reply.code == "invalid_token")
    }
    #expect(try await member.get("/api/v1/auth/me").status == 200)
    #expect(await platform.stop() == 0)
  }

  @Test("whoever tries passwords too often is told when to come back, whatever the account")
  func guessing() async throws {
    let platform = try await PlatformProcess.up(environment: ["GRAVITY_GATEWAY_SIGN_IN_LIMIT": "5"])
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    var replies: [Visitor.Reply] = []
    for number in 0..<12 {
      replies.append(
        try await visitor.send("POST", "/api/v1/auth/login", ["email": "a\(number)@example.com", "password": "x"]))
    }
    let refused = try #require(replies.first { $0.status == 429 })
    #expect(refused.headers.contains(name: "retry-after"))
    #expect(refused.headers.contains(name: "ratelimit"))
    #expect(replies.filter { $0.status != 429 }.count <= 6)
    #expect(await platform.stop() == 0)
  }

  @Test("what is too large, too deep, of the wrong type or unknown is told so")
  func bounds() async throws {
    let platform = try await PlatformProcess.up()
    defer { platform.remove() }
    let visitor = Visitor(base: platform.gateway)
    let large = try await visitor.send(
      "POST", "/api/v1/auth/login", ["email": "a@example.com", "password": String(repeating: "x", count: 2 << 20)])
    #expect(large.status == 413)
    let form = try await visitor.send("POST", "/api/v1/auth/login", headers: [("content-type", "text/plain")])
    #expect(form.status == 415)
    #expect(try await visitor.get("/" + String(repeating: "a", count: 9000)).status == 414)
    #expect(
      try await visitor.send("GET", "/health/live", headers: [("x-a", String(repeating: "b", count: 70_000))]).status
        == 431)
    #expect(try await visitor.get("/api/v1/nothing").status == 404)
    #expect(try await visitor.send("PUT", "/api/v1/auth/login").status == 405)
    #expect(try await visitor.get("/api/v1/auth/../auth/me").status == 400)
    #expect(await platform.stop() == 0)
  }
}
