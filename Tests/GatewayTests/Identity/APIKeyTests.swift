import Foundation
import Gateway
import GravityContracts
import GravityIdentity
import Testing

@Suite("API keys") struct APIKeyTests {
  private let later = Date(timeIntervalSinceNow: 3_600)

  private func run(
    _ keys: TestAPIKeys?, tokenStore: TestTokenStore? = nil, routes: [Route] = RunningGateway.routes,
    _ body: @escaping @Sendable (RunningGateway, ScriptedUpstream) async throws -> Void
  ) async throws {
    let upstream = try await ScriptedUpstream { _ in .ok() }
    try await RunningGateway.run([upstream], routes: routes, apiKeys: keys, tokenStore: tokenStore) {
      try await body($0, upstream)
    }
  }

  /// So that one event loop, which remembers, sees all of it.
  private func statuses(_ client: RawClient, _ path: String, _ credentials: [String]) async throws -> [Int] {
    var statuses: [Int] = []
    for credential in credentials {
      try await client.send("GET \(path) HTTP/1.1\r\nhost: test\r\nAuthorization: Bearer \(credential)\r\n\r\n")
      statuses.append(try await client.response().status)
    }
    return statuses
  }

  @Test("a service is told the token that a key is exchanged for, once, and never the key")
  func exchanged() async throws {
    let keys = TestAPIKeys(["gk_a": "good1"])
    try await run(keys) { gateway, upstream in
      let client = try await gateway.connect()
      #expect(try await statuses(client, "/mine", ["gk_a", "gk_a", "good2", "gk_a"]) == [200, 200, 200, 200])
      #expect(keys.calls == ["gk_a"])
      #expect(
        upstream.requests.map { $0.header("authorization") } == [
          "Bearer good1", "Bearer good1", "Bearer good2", "Bearer good1",
        ])
      #expect(upstream.requests.allSatisfy { $0.headers("authorization") == 1 && !$0.head.contains("gk_a") })
      await client.close()
    }
  }

  @Test("claims and permissions are those of the token")
  func claims() async throws {
    try await run(TestAPIKeys(["gk_a": "good1"])) { gateway, upstream in
      let client = try await gateway.connect()
      #expect(try await statuses(client, "/claims", ["gk_a"]) == [200])
      #expect(upstream.requests.first?.header("x-user-id") == "subject-good1")
      #expect(try await statuses(client, "/read", ["gk_a"]) == [200])
      #expect(try await statuses(client, "/write", ["gk_a"]) == [403])
      await client.close()
    }
  }

  @Test("a key that is not good is refused, and not asked about again at once")
  func refused() async throws {
    let keys = TestAPIKeys([:])
    try await run(keys) { gateway, upstream in
      let client = try await gateway.connect()
      #expect(try await statuses(client, "/mine", ["gk_x", "gk_x", "gk_y", "gk_x"]) == [401, 401, 401, 401])
      #expect(keys.calls == ["gk_x", "gk_y"])
      let answer = try await gateway.get("/mine", token: "gk_z")
      #expect(answer.member("code") == "invalid_api_key")
      #expect(answer.header("www-authenticate")?.contains("error=\"invalid_token\"") == true)
      #expect(upstream.requests.isEmpty)
      await client.close()
    }
  }

  @Test("while keys cannot be exchanged they are refused with 503, and again good afterwards")
  func away() async throws {
    let keys = TestAPIKeys(["gk_a": "good1"])
    keys.setAway(true)
    try await run(keys) { gateway, upstream in
      let client = try await gateway.connect()
      #expect(try await statuses(client, "/mine", ["gk_a", "good2"]) == [503, 200])
      keys.setAway(false)
      #expect(try await statuses(client, "/mine", ["gk_a"]) == [200])
      await client.close()
    }
  }

  @Test("a key whose token was revoked is exchanged anew: good where the key still is, refused where it is not")
  func renewed() async throws {
    let keys = TestAPIKeys(["gk_a": "good1", "gk_b": "good2"])
    try await run(keys) { [later] gateway, upstream in
      let client = try await gateway.connect()
      #expect(try await statuses(client, "/mine", ["gk_a", "gk_b"]) == [200, 200])
      // The owner's roles changed: what was issued before is no longer good, what is issued now is.
      keys.set("gk_a", "good3")
      // The key was ended.
      keys.set("gk_b", nil)
      gateway.revocations.insert([
        Revocation(.token("id-good1"), expiresAt: later), Revocation(.session("session-good2"), expiresAt: later),
      ])
      #expect(try await statuses(client, "/mine", ["gk_a", "gk_a", "gk_b", "gk_b"]) == [200, 200, 401, 401])
      #expect(keys.calls == ["gk_a", "gk_b", "gk_a", "gk_b"])
      #expect(upstream.requests.last?.header("authorization") == "Bearer good3")
      // One whose new token is revoked as well is not asked about without end.
      keys.set("gk_c", "good1")
      #expect(try await statuses(client, "/mine", ["gk_c"]) == [401])
      #expect(keys.calls.filter { $0 == "gk_c" }.count == 2)
      await client.close()
    }
  }

  @Test("what the store of the blacklist says of a key's token counts as well")
  func store() async throws {
    let store = try await TestTokenStore()
    let keys = TestAPIKeys(["gk_a": "good1"])
    try await run(keys, tokenStore: store) { [later] gateway, _ in
      try await store.revoke([Revocation(.session("session-good1"), expiresAt: later)])
      #expect(try await gateway.get("/mine", token: "gk_a").status == 401)
      keys.set("gk_a", "good2")
      #expect(try await gateway.get("/mine", token: "gk_a").status == 200)
    }
  }

  @Test("on a public route a key goes no further")
  func publicRoute() async throws {
    let keys = TestAPIKeys(["gk_a": "good1"])
    try await run(keys) { gateway, upstream in
      let client = try await gateway.connect()
      #expect(try await statuses(client, "/items", ["gk_a", "other"]) == [200, 200])
      await client.close()
      #expect(upstream.requests.map { $0.header("authorization") } == [nil, "Bearer other"])
      #expect(keys.calls.isEmpty)
    }
  }

  @Test("a gateway that takes no keys refuses them as it does other words")
  func none() async throws {
    try await run(nil) { gateway, upstream in
      let answer = try await gateway.get("/mine", token: "gk_a")
      #expect(answer.status == 401 && answer.member("code") == "invalid_token")
      #expect(upstream.requests.isEmpty)
    }
  }

  @Test("a limit by credential counts each key for itself, one by caller all of an account, one by everyone all")
  func limits() async throws {
    let keys = TestAPIKeys(["gk_a": "key1", "gk_b": "key2"])
    func route(_ by: RateLimit.Counting) -> Route {
      Route(
        "items.\(by)", path: "/\(by)", service: "items", access: .authenticated,
        rateLimit: RateLimit("\(by)", requests: 2, per: .seconds(3_600), by: by))
    }
    try await run(keys, routes: [route(.credential), route(.caller), route(.everyone)]) { gateway, _ in
      let client = try await gateway.connect()
      let keys = ["gk_a", "gk_b", "gk_a", "gk_b", "gk_a", "good"]
      #expect(try await statuses(client, "/credential", keys) == [200, 200, 200, 200, 429, 200])
      #expect(try await statuses(client, "/caller", keys) == [200, 200, 429, 429, 429, 200])
      #expect(try await statuses(client, "/everyone", ["good1", "good2", "good3"]) == [200, 200, 429])
      await client.close()
    }
  }
}
