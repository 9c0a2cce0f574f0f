import Foundation
import GravityContracts
import GravityIdentity
import NIOCore
import Patience
import Testing

@testable import Gateway

@Suite("Admission") struct AdmissionTests {
  @Test("a protected route without a token is 401 and says how to authenticate")
  func missing() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let response = try await gateway.get("/mine")
      #expect(response.status == 401 && response.member("code") == "unauthenticated")
      #expect(response.header("www-authenticate") == #"Bearer realm="gravity""#)
      for scheme in ["Basic Z29vZA==", "good", "Bearer", "Bearer  ", "BearerX good"] {
        let other = try await gateway.get("/mine", headers: "authorization: \(scheme)\r\n")
        #expect(other.status == 401, "\(scheme)")
      }
      let query = try await gateway.get("/mine?access_token=good")
      #expect(query.status == 401)
      #expect(upstream.requests.isEmpty)
    }
  }

  @Test(
    "a token that is not accepted is 401 with its reason, and 503 where nothing can be said",
    arguments: [
      ("bad", 401, "invalid_token"), ("expired", 401, "token_expired"), ("revoked", 401, "token_revoked"),
      ("nokeys", 503, "identity_unavailable"), ("b(a)d", 401, "invalid_token"),
    ])
  func refused(_ token: String, _ status: Int, _ code: String) async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let response = try await gateway.get("/mine", token: token)
      #expect(response.status == status && response.member("code") == code)
      if status == 401 { #expect(response.header("www-authenticate")?.contains(#"error="invalid_token""#) == true) }
      #expect(upstream.requests.isEmpty)
    }
  }

  @Test("a good token passes, is forwarded, and is verified once by each event loop at most")
  func accepted() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      for _ in 0..<20 {
        let response = try await gateway.get("/mine", token: "good")
        #expect(response.status == 200)
      }
      #expect(upstream.requests.allSatisfy { $0.header("authorization") == "Bearer good" })
      #expect(gateway.verifier.calls.value <= System.loops)
    }
  }

  @Test("a token revoked after it was remembered is refused at once")
  func revokedLater() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    let later = Date(timeIntervalSinceNow: 3600)
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      let request = "GET /mine HTTP/1.1\r\nhost: test\r\nauthorization: Bearer good\r\n\r\n"
      try await client.send(request)
      let before = try await client.response()
      gateway.revocations.insert([Revocation(.session("session-good"), expiresAt: later)])
      try await client.send(request)
      let after = try await client.response()
      #expect(before.status == 200 && after.status == 401 && after.member("code") == "token_revoked")
      await client.close()
      let other = try await gateway.get("/mine", token: "good2")
      gateway.revocations.insert([Revocation(.subject("subject-good2", epoch: 1), expiresAt: later)])
      let epoch = try await gateway.get("/mine", token: "good2")
      #expect(other.status == 200 && epoch.status == 401)
    }
  }

  @Test("a blacklist whose feed stopped refuses with 503, and public routes go on")
  func unknown() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], revocations: RevocationList(maximumAge: .seconds(1))) { gateway in
      let response = try await gateway.get("/mine", token: "good")
      #expect(response.status == 503 && response.member("code") == "identity_unavailable")
      let open = try await gateway.get("/items")
      #expect(open.status == 200)
    }
  }

  @Test("a permission is needed where the route says so: 403 names it")
  func permission() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let read = try await gateway.get("/read", token: "good")
      let write = try await gateway.get("/write", token: "good")
      #expect(read.status == 200 && write.status == 403)
      #expect(write.member("permission") == "items:write" && write.member("code") == "forbidden")
      #expect(write.header("www-authenticate")?.contains(#"error="insufficient_scope", scope="items:write""#) == true)
      #expect(upstream.requests.count == 1)
    }
  }

  @Test("a bad token on a public route is passed on as it is")
  func publicRoute() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let response = try await gateway.get("/items", token: "bad")
      #expect(response.status == 200)
      #expect(upstream.requests.first?.header("authorization") == "Bearer bad")
      #expect(gateway.verifier.calls.value == 0)
    }
  }

  @Test("claims travel as headers only where the route asks, and the client's own never")
  func claims() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      _ = try await gateway.get("/claims", token: "good", headers: "x-user-id: root\r\nx-user-roles: admin\r\n")
      _ = try await gateway.get("/mine", token: "good", headers: "x-user-id: root\r\n")
      let (claims, mine) = (upstream.requests[0], upstream.requests[1])
      #expect(claims.header("x-user-id") == "subject-good" && claims.headers("x-user-id") == 1)
      #expect(claims.header("x-user-roles") == "reader" && claims.header("x-user-permissions") == "items:read")
      #expect(mine.headers("x-user-id") == 0)
    }
  }

  @Test("what no route names is 404, a wrong method 405 with Allow, and neither reaches a service")
  func unrouted() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let none = try await gateway.get("/nothing")
      let wrong = try await gateway.ask("DELETE /items HTTP/1.1\r\nhost: test\r\n\r\n")
      #expect(none.status == 404 && none.member("code") == "not_found")
      #expect(wrong.status == 405 && wrong.header("allow") == "GET, HEAD, POST, PUT")
      #expect(upstream.requests.isEmpty)
    }
  }

  @Test("a body over its route's bound is 413, said ahead or not, and a small one is not")
  func bodies() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let ahead = try await gateway.ask("POST /small HTTP/1.1\r\nhost: test\r\ncontent-length: 11\r\n\r\n01234567890")
      let chunked = try await gateway.ask(
        "POST /small HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n")
      let fits = try await gateway.ask(
        "POST /small HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n")
      #expect(ahead.status == 413 && ahead.member("limit") == "10" && chunked.status == 413 && fits.status == 200)
      #expect(upstream.requests.count == 1)
    }
  }

  @Test("a refusal of a request with a small body leaves the connection usable")
  func refusalKeeps() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let client = try await gateway.connect()
      try await client.send("POST /mine HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nab")
      let refused = try await client.response()
      try await client.send("cdeGET /items HTTP/1.1\r\nhost: test\r\n\r\n")
      let next = try await client.response()
      #expect(refused.status == 401 && next.status == 200)
      await client.close()
    }
  }

  @Test("the limit of a route counts an address, and says so when it is used up")
  func limits() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      var statuses: [Int] = []
      for index in 0..<4 { statuses.append(try await gateway.get("/strict", token: "good\(index)").status) }
      #expect(statuses == [200, 200, 429, 429])
      let response = try await gateway.get("/strict")
      #expect(response.member("code") == "rate_limited" && response.member("limit") == "2")
      #expect(response.member("remaining") == "0")
      #expect(response.header("ratelimit-policy") == #""strict";q=2;w=3600"#)
      #expect(response.header("ratelimit")?.hasPrefix(#""strict";r=0;t="#) == true)
      #expect(Int(response.header("retry-after") ?? "").map { (1...1800).contains($0) } == true)
      let other = try await gateway.get("/items")
      #expect(other.status == 200)
    }
  }

  @Test("a limit by address counts made-up tokens too, before anybody looks at them")
  func madeUpTokens() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], routes: Self.limitedByAddress, configure: Self.limitsCallers) { gateway in
      var statuses: [Int] = []
      for number in 1...6 { statuses.append(try await gateway.get("/mine", token: "bad\(number)").status) }
      #expect(statuses == [401, 401, 401, 429, 429, 429])
      #expect(gateway.verifier.calls.value == 3)
      // Nor has whoever is known more of it.
      let known = try await gateway.get("/mine", token: "good")
      #expect(known.status == 429)
    }
  }

  @Test("a limit by address counts a good token once for each request, remembered or not")
  func limitByAddress() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], routes: Self.limitedByAddress, configure: Self.limitsCallers) { gateway in
      var statuses: [Int] = []
      for _ in 1...4 { statuses.append(try await gateway.get("/mine", token: "good").status) }
      #expect(statuses == [200, 200, 200, 429])
    }
  }

  private static let limitedByAddress = [
    Route(
      "mine", path: "/mine", service: "items", access: .authenticated,
      rateLimit: RateLimit("mine", requests: 3, per: .seconds(3600), by: .address))
  ]

  private static let limitsCallers: @Sendable (inout GatewayConfiguration) -> Void = { configuration in
    configuration.rateLimit = RateLimit("own", requests: 100, per: .seconds(3600), by: .caller)
  }

  @Test("the gateway's own limit counts subjects apart, over all event loops")
  func subjects() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run(
      [upstream], configure: { $0.rateLimit = RateLimit(requests: 5, per: .seconds(3600)) }
    ) { gateway in
      var admitted = 0
      for _ in 0..<12 { if try await gateway.get("/mine", token: "good").status == 200 { admitted += 1 } }
      #expect(admitted == 5)
      let other = try await gateway.get("/mine", token: "good2")
      #expect(other.status == 200)
    }
  }

  @Test("local answers and health need no token")
  func local() async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream]) { gateway in
      let metrics = try await gateway.get("/metrics")
      let live = try await gateway.get("/health/live")
      #expect(metrics.status == 200 && metrics.body == "up 1\n" && live.status == 200)
      try await eventually("it is ready") { (try? await gateway.get("/health/ready").status) == 200 }
      let health = try await gateway.get("/health")
      #expect(health.status == 200 && health.body.contains(#""id":"items-1""#))
    }
  }
}
